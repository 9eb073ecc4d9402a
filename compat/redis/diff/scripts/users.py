"""AUTH and ACL. These scripts make users of their own and take them away again."""

from normalise import HELLO
from transcript import script


class Users:
    """Makes users through one connection, and removes them at the end whatever happened."""

    def __init__(self, s, *names):
        self.admin, self.names = s.connect("admin"), names

    def __enter__(self):
        for name in self.names:
            self.admin.unrecorded("ACL", "DELUSER", name)
        return self.admin

    def __exit__(self, *_):
        for name in self.names:
            self.admin.unrecorded("ACL", "DELUSER", name)


@script
def auth(s):
    with Users(s, "ann", "off-user") as admin:
        admin.command("ACL", "SETUSER", "ann", "on", ">secret", "&*", "+@all")
        admin.command("ACL", "SETUSER", "off-user", "off", ">secret", "+@all")
        a = s.connect()
        a.command("AUTH", "x")
        a.command("AUTH", "default", "anything")
        a.command("AUTH", "ann", "wrong")
        a.command("AUTH", "ann", "")
        a.command("AUTH", "nosuch", "secret")
        a.command("AUTH", "off-user", "secret")
        a.command("AUTH", "a", "b", "c")
        a.command("AUTH")
        a.command("ACL", "WHOAMI")
        a.command("AUTH", "ann", "secret")
        a.command("ACL", "WHOAMI")
        a.command("AUTH", "ann", "wrong again")
        a.command("ACL", "WHOAMI")
        a.command("HELLO", "3", "AUTH", "ann", "wrong", normalise=HELLO)
        a.command("HELLO", "3", "AUTH", "ann", "secret", "SETNAME", "n", normalise=HELLO)
        a.command("RESET")
        a.command("ACL", "WHOAMI")


@script
def auth_pipelined(s):
    """Also with replies before it that are not sent yet: 7.4 loses the failed one there, Trine does not."""
    with Users(s, "ann") as admin:
        admin.command("ACL", "SETUSER", "ann", "on", ">secret", "&*", "+@all")
        a = s.connect()
        a.raw(b"AUTH ann secret\r\nACL WHOAMI\r\nPING\r\n", replies=3)
        b = s.connect("b")
        b.raw(b"AUTH ann wrong\r\nACL WHOAMI\r\nPING\r\n", replies=3)


@script
def default_user_with_a_password(s):
    admin = s.connect("admin")
    admin.command("ACL", "SETUSER", "default", ">pass")
    try:
        a = s.connect()
        for words in ("PING", "nosuch x", "ECHO", "PUBLISH a b", "HELLO", "HELLO 3", "HELLO 3 SETNAME x", "COMMAND", "AUTH wrong",
                      "AUTH default wrong", "HELLO 3 AUTH default wrong", "SUBSCRIBE x", "MULTI", "EXEC", "CLIENT ID", "INFO", "RESET", "PING"):
            a.command(*words.split(), normalise=HELLO)
        a.command("AUTH", "pass")
        a.command("PING")
        a.command("RESET")
        a.command("PING")
        a.command("HELLO", "3", "AUTH", "default", "pass", normalise=HELLO)
        a.command("PING")
        b = s.connect("b")
        b.command("QUIT")
        b.closed()
        for number, raw in enumerate((b"*11\r\n$4\r\nPING\r\n", b"*1\r\n$16385\r\n", b"*10\r\n", b"*2\r\n$4\r\nPING\r\n$16384\r\n")):
            c = s.connect(f"limit{number}")
            c.send_raw(raw)
            c.half_close()
            c.closed(repr(raw))
        d = s.connect("d")
        d.raw(b"PING\r\nAUTH pass\r\nPING\r\nAUTH wrong\r\nPING\r\n", replies=5)
    finally:
        admin.command("ACL", "SETUSER", "default", "nopass")
    s.connect("after").command("PING")


@script
def permissions_of_channels(s):
    with Users(s, "bob") as admin:
        admin.command("ACL", "SETUSER", "bob", "on", "nopass", "+@all", "&news.*", "&exact")
        a, b = s.connect("a", 3), s.connect("b")
        a.command("AUTH", "bob", "x")
        for words in (
            "SUBSCRIBE news.1", "SUBSCRIBE other", "SUBSCRIBE news.2 other", "SUBSCRIBE exact", "PSUBSCRIBE news.*", "PSUBSCRIBE news.1*",
            "PSUBSCRIBE exact", "PSUBSCRIBE *", "PUBLISH news.1 x", "PUBLISH other x", "SPUBLISH other x", "SSUBSCRIBE other",
            "SSUBSCRIBE news.9", "UNSUBSCRIBE other", "PUNSUBSCRIBE *", "PUBSUB CHANNELS nosuch", "PUBSUB NUMSUB other",
        ):
            expected = 2 if words == "PUBLISH news.1 x" else 1
            a.command(*words.split(), replies=expected + (1 if words == "PUBLISH news.1 x" else 0))
        b.command("PUBLISH", "news.2", "only the pattern")
        a.receive()
        a.command("MULTI")
        a.command("PUBLISH", "other", "x")
        a.command("EXEC")
        a.nothing_more()


@script
def permissions_of_commands(s):
    with Users(s, "cat", "dan") as admin:
        admin.command("ACL", "SETUSER", "cat", "on", "nopass", "allchannels", "-@all", "+publish", "+ping", "+client|id", "+multi", "+exec", "+auth")
        a = s.connect()
        a.command("AUTH", "cat", "x")
        for words in ("PING", "PUBLISH c x", "SUBSCRIBE c", "ECHO x", "CLIENT GETNAME", "PUBSUB NUMPAT", "nosuch", "PUBLISH c", "ACL WHOAMI",
                      "MULTI", "ECHO x", "EXEC", "HELLO 3", "RESET", "PING"):
            a.command(*words.split(), normalise=HELLO)
        admin.command("ACL", "SETUSER", "dan", "on", "nopass", "&*", "+@all", "-@pubsub", "+subscribe", "-client|kill")
        b = s.connect("b")
        b.command("AUTH", "dan", "x")
        for words in ("PUBLISH c x", "PUBSUB NUMPAT", "CLIENT KILL ID 999999999", "PSUBSCRIBE x", "ECHO x", "SUBSCRIBE c"):
            b.command(*words.split())


@script
def named_in_refusals(s):
    with Users(s, "ned") as admin:
        admin.command("ACL", "SETUSER", "ned", "on", "nopass", "+@all", "-echo")
        a = s.connect()
        a.command("AUTH", "ned", "x")
        a.command("ECHO", "x")


@script
def new_users_have_nothing(s):
    with Users(s, "eve") as admin:
        admin.command("ACL", "SETUSER", "eve")
        admin.command("ACL", "GETUSER", "eve")
        a = s.connect()
        a.command("AUTH", "eve", "")
        admin.command("ACL", "SETUSER", "eve", "on", "nopass", "+@all")
        a.command("AUTH", "eve", "x")
        a.command("SUBSCRIBE", "c")
        a.command("PUBLISH", "c", "x")


@script
def taking_channels_away_disconnects(s):
    with Users(s, "fay") as admin:
        admin.command("ACL", "SETUSER", "fay", "on", "nopass", "+@all", "&a", "&b", "&p*")
        one, two, three = s.connect("one"), s.connect("two", 3), s.connect("three")
        for peer, words in ((one, "SUBSCRIBE a"), (two, "SUBSCRIBE b"), (three, "PSUBSCRIBE p*")):
            peer.command("AUTH", "fay", "x")
            peer.command(*words.split())
        admin.command("ACL", "SETUSER", "fay", "resetchannels", "&b", "&p*")
        one.closed()
        two.command("PING")
        admin.command("ACL", "SETUSER", "fay", "resetchannels", "&b")
        three.closed()
        two.command("PING")
        admin.command("ACL", "DELUSER", "fay")
        two.closed()


@script
def rules(s):
    with Users(s, "gus") as admin:
        for words in (
            "foo", "+nosuch", "-nosuch", "+@nosuch", "%X~a", "<nosuch", "#zz", "#" + "a" * 64, "+client|nosuch", ">", "+", "&", "~", "~k", "allkeys",
            "resetkeys", "resetpass", "allcommands", "nocommands", "allchannels", "&x", "resetchannels", "sanitize-payload", "on off on", "reset",
        ):
            admin.command("ACL", "SETUSER", "gus", *words.split())
        admin.command("ACL", "GETUSER", "gus")
        admin.command("ACL", "SETUSER", "gus", "reset", "on", ">p", "&a*", "&b", "+publish", "+@pubsub", "-psubscribe", "~k*")
        for resp in (2, 3):
            s.connect(f"resp{resp}", resp).command("ACL", "GETUSER", "gus")
        admin.command("ACL", "LIST")
        admin.command("ACL", "SETUSER", "gus", "on", "foo")
        admin.command("ACL", "GETUSER", "nosuch")
        s.connect("three", 3).command("ACL", "GETUSER", "nosuch")


@script
def listings(s):
    with Users(s, "hal") as admin:
        admin.command("ACL", "WHOAMI")
        admin.command("ACL", "USERS")
        admin.command("ACL", "SETUSER", "hal", "on", ">x", "&ch", "+ping")
        admin.command("ACL", "USERS")
        admin.command("ACL", "LIST")
        admin.command("ACL", "DELUSER", "nosuch")
        admin.command("ACL", "DELUSER", "default")
        admin.command("ACL", "DELUSER", "hal", "nosuch")
        admin.command("ACL", "CAT", "nosuch")
        a = s.connect("a", 3)
        for peer in (admin, a):
            peer.connection.send(b"ACL CAT pubsub\r\n")
            names = peer.connection.reply()
            s.record(peer, "ACL CAT pubsub", b"", b"|".join(sorted(names.split(b"\r\n"))), ())
            peer.connection.send(b"ACL CAT\r\n")
            first, *rest = peer.connection.reply().split(b"\r\n")
            s.record(peer, "ACL CAT", b"", first + b"|".join(sorted(rest)), ())
        admin.command("ACL", "LOG", "RESET")
        admin.command("ACL", "LOG")
        admin.command("ACL", "LOG", "x")
        admin.command("ACL", "GENPASS", "x")
        admin.command("ACL", "GENPASS", "-1")
        admin.command("ACL", "GENPASS", "5000")
        for bits in ((), ("8",), ("5",), ("128",)):
            made = admin.unrecorded("ACL", "GENPASS", *bits)
            shape = len(made or b""), set(made or b"") <= set(b"0123456789abcdef")
            s.record(admin, f"ACL GENPASS {bits}", b"", repr(shape).encode(), ())


@script
def dry_run(s):
    with Users(s, "ida") as admin:
        admin.command("ACL", "SETUSER", "ida", "on", "nopass", "&a", "+publish", "+ping")
        for words in ("ida PING", "ida PUBLISH a x", "ida PUBLISH b x", "ida ECHO x", "ida PUBLISH a", "ida nosuch", "nosuch PING", "default PING"):
            admin.command("ACL", "DRYRUN", *words.split())
