"""MULTI and EXEC around publishing and subscribing."""

from transcript import script


@script
def plain(s):
    for resp in (2, 3):
        a = s.connect(f"resp{resp}", resp)
        a.command("MULTI")
        a.command("MULTI")
        a.command("PING")
        a.command("ECHO", "x")
        a.command("PUBLISH", "multi:c", "x")
        a.command("PUBSUB", "NUMSUB", "multi:c")
        a.command("CLIENT", "GETNAME")
        a.command("EXEC")
        a.command("EXEC")
        a.command("DISCARD")
        a.command("MULTI")
        a.command("EXEC")
        a.command("MULTI")
        a.command("PING")
        a.command("DISCARD")
        a.command("PING")


@script
def watch(s):
    a = s.connect()
    a.command("WATCH", "k")
    a.command("WATCH", "k")
    a.command("UNWATCH")
    a.command("MULTI")
    a.command("WATCH", "k")
    a.command("UNWATCH")
    a.command("EXEC")
    a.command("WATCH", "k")
    a.command("MULTI")
    a.command("PING")
    a.command("EXEC")


@script
def errors_while_queueing(s):
    a = s.connect()
    for bad in ("nosuch x", "PUBLISH x", "CLIENT nosuch", "ECHO"):
        a.command("MULTI")
        a.command("PING")
        a.command(*bad.split())
        a.command("PING")
        a.command("EXEC")
    a.command("MULTI")
    a.command("nosuch")
    a.command("DISCARD")
    a.command("EXEC")
    a.command("MULTI")
    a.command("SELECT", "x")
    a.command("CLIENT", "SETNAME", "a b")
    a.command("EXEC")
    a.nothing_more()


@script
def publish_reaches_others(s):
    a, b = s.connect("a"), s.connect("b", 3)
    b.command("SUBSCRIBE", "multi:1", "multi:2", replies=2)
    a.command("MULTI")
    a.command("PUBLISH", "multi:1", "one")
    a.command("PUBLISH", "multi:2", "two")
    b.nothing_more("nothing before EXEC")
    a.command("EXEC")
    b.receive(2)


@script
def publish_to_oneself(s):
    a = s.connect("a", 3)
    a.command("SUBSCRIBE", "multi:self")
    a.command("MULTI")
    a.command("PUBLISH", "multi:self", "x")
    a.command("PING")
    a.command("EXEC", replies=2)
    a.nothing_more()


@script
def messages_of_others_between(s):
    a, b = s.connect("a", 3), s.connect("b")
    a.command("SUBSCRIBE", "multi:between")
    a.command("MULTI")
    a.command("PING")
    b.command("PUBLISH", "multi:between", "x")
    a.receive(what="comes before EXEC")
    a.command("EXEC")


@script
def subscribe_inside(s):
    for resp in (2, 3):
        a, b = s.connect(f"resp{resp}", resp), s.connect("b")
        a.command("MULTI")
        a.command("SUBSCRIBE", "multi:sub")
        a.command("PING")
        a.command("EXEC")
        b.command("PUBLISH", "multi:sub", "x")
        a.receive()
        a.command("UNSUBSCRIBE", "multi:sub")
        a.command("MULTI")
        a.command("PSUBSCRIBE", "multi:*")
        a.command("PUNSUBSCRIBE", "multi:*")
        a.command("EXEC")
        a.command("ECHO", "free")
        a.command("MULTI")
        a.command("SSUBSCRIBE", "multi:shard")
        a.command("EXEC")
        a.nothing_more()


@script
def reset_and_quit_inside(s):
    a = s.connect("a")
    a.command("MULTI")
    a.command("QUIT")
    a.closed()
    b = s.connect("b")
    b.command("MULTI")
    b.command("PING")
    b.command("RESET")
    b.command("PING")
    b.command("EXEC")


@script
def hello_inside(s):
    a = s.connect("a")
    a.command("MULTI")
    a.command("AUTH", "default", "x")
    a.command("CLIENT", "REPLY", "ON")
    a.command("DISCARD")
