"""SUBSCRIBE, PUBLISH and their family; what subscribers receive and in which order."""

from transcript import script


def both(function):
    """Runs a script's conversation in RESP2 and in RESP3."""

    def run(s):
        for resp in (2, 3):
            function(s, resp)

    run.__name__, run.__module__ = function.__name__, function.__module__
    return script(run)


@both
def counts_of_subscriptions(s, resp):
    a = s.connect(f"resp{resp}", resp)
    a.command("SUBSCRIBE", "a")
    a.command("SUBSCRIBE", "b", "a", "c", replies=3)
    a.command("PSUBSCRIBE", "a*", "b", "a*", replies=3)
    a.command("SSUBSCRIBE", "a")
    a.command("SSUBSCRIBE", "{a}b", "{a}c", "a", replies=3)
    a.command("SUBSCRIBE", "d")
    a.command("UNSUBSCRIBE", "b", "nosuch", "b", replies=3)
    a.command("PUNSUBSCRIBE", "nosuch", "b", replies=2)
    a.command("SUNSUBSCRIBE", "nosuch")
    a.command("SUNSUBSCRIBE", "a")
    a.command("UNSUBSCRIBE", "a", "c", "d", replies=3)
    a.command("UNSUBSCRIBE")
    a.command("PUNSUBSCRIBE")
    a.command("PUNSUBSCRIBE")
    a.command("SUNSUBSCRIBE", "{a}b")
    a.command("SUNSUBSCRIBE")
    a.command("SUNSUBSCRIBE")
    a.command("UNSUBSCRIBE")
    a.command("PUBLISH", "a", "x")
    a.nothing_more()


@both
def unsubscribing_from_nothing(s, resp):
    a = s.connect(f"resp{resp}", resp)
    a.command("UNSUBSCRIBE")
    a.command("PUNSUBSCRIBE")
    a.command("SUNSUBSCRIBE")
    a.command("UNSUBSCRIBE", "x", "y", replies=2)
    a.command("PUNSUBSCRIBE", "x")
    a.command("SUNSUBSCRIBE", "x")
    a.command("PSUBSCRIBE", "p1")
    a.command("UNSUBSCRIBE")
    a.command("CLIENT", "GETNAME")
    a.nothing_more()


@both
def unsubscribing_from_all(s, resp):
    a = s.connect(f"resp{resp}", resp)
    names = ["all:%d" % i for i in range(9)]
    for kind in ("", "P", "S"):
        told = [one.replace("all", "{all}") for one in names] if kind == "S" else names
        a.command(f"{kind}SUBSCRIBE", *told, replies=len(told))
        a.send(f"{kind}UNSUBSCRIBE")
        frames = [a.connection.reply() for _ in told]
        # They come in no particular order, but their counts go down.
        left = [frame.rsplit(b"\r\n:", 1)[1] for frame in frames]
        gone = sorted(frame.rsplit(b"\r\n:", 1)[0] for frame in frames)
        s.record(a, f"{kind}UNSUBSCRIBE from all", b"", b"|".join(gone + left), ())
    a.nothing_more()


@both
def binary_and_empty_names(s, resp):
    a, b = s.connect(f"resp{resp}", resp), s.connect("publisher")
    for name in (b"", b"\x00\xff\r\n", b"with space", b"*[", b"\\", "\u00fcml\u00e4ut".encode()):
        a.command("SUBSCRIBE", name)
        b.command("PUBLISH", name, b"\r\n$5\r\n\x00")
        a.receive()
        b.command("PUBSUB", "NUMSUB", name)
        a.command("UNSUBSCRIBE", name)
    a.command("SUBSCRIBE", "Case")
    b.command("PUBLISH", "case", "x")
    b.command("PUBLISH", "Case", "")
    a.receive()


@both
def exact_and_pattern_copies(s, resp):
    a, b = s.connect(f"resp{resp}", resp), s.connect("publisher")
    a.command("SUBSCRIBE", "foo.bar")
    a.command("PSUBSCRIBE", "foo.*")
    b.command("PUBLISH", "foo.bar", "two copies")
    a.receive(2)
    b.command("PUBLISH", "foo.baz", "one copy")
    a.receive()
    a.command("PSUBSCRIBE", "f*")
    b.command("PUBLISH", "foo.bar", "three copies")
    a.receive()  # the exact one comes first
    frames = sorted(a.connection.reply() for _ in range(2))
    s.record(a, "both patterns", b"", b"".join(frames), ())
    b.command("PUBLISH", "other", "none")
    a.nothing_more()


@both
def shard_channels_are_a_world_of_their_own(s, resp):
    a, b = s.connect(f"resp{resp}", resp), s.connect("publisher")
    a.command("SUBSCRIBE", "one")
    a.command("PSUBSCRIBE", "o*")
    a.command("SSUBSCRIBE", "one")
    b.command("SPUBLISH", "one", "shard")
    a.receive()
    b.command("PUBLISH", "one", "plain")
    a.receive(2)
    b.command("SPUBLISH", "two", "nobody")
    b.command("PUBSUB", "SHARDCHANNELS")
    b.command("PUBSUB", "SHARDCHANNELS", "o*")
    b.command("PUBSUB", "SHARDCHANNELS", "x*")
    b.command("PUBSUB", "SHARDNUMSUB", "one", "two")
    b.command("PUBSUB", "SHARDNUMSUB")
    a.command("SUNSUBSCRIBE", "one")
    b.command("SPUBLISH", "one", "nobody")
    a.nothing_more()


@script(modes=("standalone",))
def shard_channels_of_several_slots(s):
    a, b = s.connect("a", 3), s.connect("b")
    a.command("SSUBSCRIBE", "foo", "bar", replies=2)
    b.command("SPUBLISH", "bar", "x")
    a.receive()
    a.command("SUNSUBSCRIBE", "foo", "bar", replies=2)


@both
def introspection(s, resp):
    a, b = s.connect("subscriber"), s.connect(f"resp{resp}", resp)
    b.command("PUBSUB", "CHANNELS")
    b.command("PUBSUB", "NUMPAT")
    b.command("PUBSUB", "NUMSUB")
    a.command("SUBSCRIBE", "intro:1")
    a.command("PSUBSCRIBE", "intro:*", "x", "intro:*", replies=3)
    c = s.connect("other")
    c.command("PSUBSCRIBE", "x", "y", replies=2)
    c.command("SUBSCRIBE", "intro:1")
    b.command("PUBSUB", "CHANNELS")
    b.command("PUBSUB", "CHANNELS", "intro*")
    b.command("PUBSUB", "channels", "INTRO*")
    b.command("PUBSUB", "NUMSUB", "intro:1", "nosuch", "intro:1", "")
    b.command("PUBSUB", "NUMPAT")
    b.command("PUBSUB", "HELP", "x")
    b.command("PUBSUB", "NUMPAT", "x")
    b.command("PUBSUB")
    c.command("PUNSUBSCRIBE", "y")
    b.command("PUBSUB", "NUMPAT")


@both
def publishing_to_many(s, resp):
    subscribers = [s.connect(f"resp{resp}-{i}", resp) for i in range(20)]
    for number, one in enumerate(subscribers):
        one.command("SUBSCRIBE", "many")
        if number % 2:
            one.command("PSUBSCRIBE", "m*")
    b = s.connect("publisher")
    for text in ("one", "two", "three"):
        b.command("PUBLISH", "many", text)
    b.raw(b"PUBLISH many p1\r\nPUBLISH many p2\r\nPUBLISH nobody x\r\nPUBLISH many p3\r\n", replies=4)
    for number, one in enumerate(subscribers):
        one.receive(6 * (1 + number % 2))
        one.nothing_more()


@both
def nothing_after_the_confirmation(s, resp):
    a, b = s.connect(f"resp{resp}", resp), s.connect("publisher")
    a.command("SUBSCRIBE", "conf:1", "conf:2", replies=2)
    for number in range(50):
        b.command("PUBLISH", "conf:1", number)
    a.command("UNSUBSCRIBE", "conf:1", replies=51)
    b.command("PUBLISH", "conf:1", "too late")
    b.command("PUBLISH", "conf:2", "in time")
    a.receive()
    a.nothing_more()


@both
def large_messages(s, resp):
    a, b = s.connect(f"resp{resp}", resp), s.connect("publisher")
    a.command("SUBSCRIBE", "large")
    for size in (1, 100, 4_095, 4_096, 16_384, 65_536, 1_000_000, 5_000_000):
        b.command("PUBLISH", "large", b"m" * size)
        a.receive(what=f"a message of {size}")
    b.command("PUBLISH", "large", "small again")
    a.receive()


@script
def publishing_to_oneself(s):
    a = s.connect("a", 3)
    a.command("SUBSCRIBE", "self")
    a.command("PSUBSCRIBE", "sel?")
    a.command("PUBLISH", "self", "x", replies=3)
    a.raw(b"PUBLISH self 1\r\nPUBLISH self 2\r\n", replies=6)
    a.command("SSUBSCRIBE", "self")
    a.command("SPUBLISH", "self", "shard", replies=2)
    a.command("UNSUBSCRIBE", "self")
    a.command("PUBLISH", "self", "pattern only", replies=2)
    a.nothing_more()


@script
def pipelined_subscriptions(s):
    a = s.connect("a", 3)
    a.raw(
        b"SUBSCRIBE p1 p2\r\nPING\r\nPSUBSCRIBE p*\r\nUNSUBSCRIBE p1\r\nPUBSUB NUMSUB p1 p2\r\nUNSUBSCRIBE\r\nPUNSUBSCRIBE\r\nPING end\r\n",
        replies=9,
    )
    b = s.connect("b")
    b.raw(b"SUBSCRIBE p1 p2\r\nPING\r\nDEL x\r\nUNSUBSCRIBE p1 p2\r\nPING\r\n", replies=7)


@script
def two_publishers_one_channel(s):
    """Each subscriber must see the order that the counts were given in."""
    one, two = s.connect("one"), s.connect("two", 3)
    p, q = s.connect("p"), s.connect("q")
    one.command("SUBSCRIBE", "order")
    two.command("SUBSCRIBE", "order")
    for number in range(25):
        (p if number % 2 else q).command("PUBLISH", "order", number)
    one.receive(25)
    two.receive(25)


@script
def death_of_a_subscriber(s):
    a, b = s.connect("a"), s.connect("b")
    a.command("SUBSCRIBE", "death")
    b.command("PUBLISH", "death", "alive")
    a.receive()
    a.command("QUIT")
    a.closed()
    b.until([b"death", 0], "PUBSUB", "NUMSUB", "death")
    b.command("PUBLISH", "death", "gone")
    b.command("PUBSUB", "NUMSUB", "death")
    b.command("PUBSUB", "CHANNELS", "death")
