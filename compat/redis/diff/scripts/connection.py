"""PING, ECHO, SELECT, QUIT, RESET, HELLO and the generic errors."""

from normalise import HELLO
from transcript import script


@script
def ping_and_echo(s):
    for resp in (2, 3):
        a = s.connect(f"resp{resp}", resp)
        a.command("PING")
        a.command("PING", "hello")
        a.command("PING", "")
        a.command("ping", b"\x00\r\n")
        a.command("PING", "a", "b")
        a.command("ECHO", "x")
        a.command("ECHO")
        a.command("ECHO", "a", "b")


@script(modes=("standalone",))
def select(s):
    a = s.connect()
    for index in ("0", "15", "16", "-1", "x", "1.0", "", "99999999999999999999", " 1"):
        a.command("SELECT", index)
    a.command("SELECT")
    a.command("SELECT", "1", "2")


@script(modes=("cluster",))
def select_in_cluster(s):
    a = s.connect()
    for index in ("0", "1", "15", "16", "x"):
        a.command("SELECT", index)


@script(modes=("standalone",))
def channels_are_global_across_databases(s):
    a, b = s.connect("a"), s.connect("b")
    a.command("SELECT", "3")
    a.command("SUBSCRIBE", "global:c")
    b.command("SELECT", "4")
    b.command("PUBLISH", "global:c", "x")
    a.receive()


@script
def unknown_commands(s):
    a = s.connect()
    a.command("nosuch")
    a.command("NoSuch", "a", "b")
    a.command("nosuch", "")
    a.command("", "a")
    a.command("no\r\nsuch", "a\r\nb")
    a.command(b"bin\xff\x00ary", b"\x01\x02\xff")
    a.command("n" * 200, "a" * 200, "b")
    a.command("nosuch", *["argument%d" % i for i in range(40)])
    a.command("nosuch", "a" * 127, "b")
    a.command("nosuch", "a" * 120, "b", "c", "d")
    a.command("publish\n")
    a.nothing_more()


@script
def arity(s):
    a = s.connect()
    for words in (
        "publish", "publish a", "publish a b c", "PUBLISH a", "spublish", "spublish a", "subscribe", "psubscribe", "ssubscribe",
        "pubsub", "echo", "select", "client", "command nosuch", "auth", "acl", "config", "multi x", "exec x", "discard x",
        "watch", "unwatch x", "reset x", "client id x", "client getname x", "client setname", "client kill", "client reply",
        "client setinfo", "client setinfo lib-name", "pubsub numpat x", "pubsub channels a b", "pubsub shardchannels a b",
        "config get", "config set", "config set a", "config resetstat x", "acl whoami x", "acl getuser", "acl deluser",
        "dbsize x", "time x", "lastsave x", "role x", "monitor x", "wait", "wait 1", "exists", "ttl", "type", "del", "unlink", "keys",
        "readonly x", "readwrite x", "asking x", "cluster", "memory", "slowlog", "latency", "module", "client no-evict",
        "client list nosuch", "client unblock", "client info x", "hello 3 x",
    ):
        a.command(*words.split())
    a.nothing_more()


@script
def unknown_subcommands(s):
    a = s.connect()
    for container in ("client", "PubSub", "config", "acl", "cluster", "memory", "latency", "module", "slowlog", "command", "script", "function"):
        a.command(container, "nosuch")
        a.command(container, "NoSuch", "a", "b")
    a.command("client", "no\r\nsuch")
    a.command("client", "")
    a.nothing_more()


@script
def hello(s):
    a = s.connect()
    a.command("HELLO", normalise=HELLO)
    a.command("HELLO", "3", normalise=HELLO)
    a.command("HELLO", normalise=HELLO)
    a.command("HELLO", "2", normalise=HELLO)
    a.command("HELLO", "3", "SETNAME", "me", normalise=HELLO)
    a.command("CLIENT", "GETNAME")
    a.command("HELLO", "2", "setname", "", normalise=HELLO)
    a.command("CLIENT", "GETNAME")
    a.command("HELLO", "3", "AUTH", "default", "anything", normalise=HELLO)
    a.command("HELLO", "3", "AUTH", "default", "x", "SETNAME", "both", normalise=HELLO)
    a.command("CLIENT", "GETNAME")


@script
def hello_errors(s):
    a = s.connect()
    for words in (
        "1", "4", "0", "-1", "x", "3.0", "99999999999999999999", "3 FOO", "3 AUTH", "3 AUTH default", "3 SETNAME", "3 AUTH nosuch x",
        "3 AUTH nosuch x SETNAME n", "3 SETNAME n AUTH nosuch x", "3 SETNAME n FOO", "4 FOO", "2 AUTH default x FOO",
    ):
        a.command("HELLO", *words.split(), normalise=HELLO)
    a.command("HELLO", "3", "SETNAME", "a b")
    a.command("HELLO", "3", "SETNAME", "a\nb")
    a.command("HELLO", "3", "FO\r\nO")
    a.command("CLIENT", "GETNAME")
    a.command("PUBSUB", "NUMSUB", "still-resp2")
    a.nothing_more()


@script
def hello_while_subscribed(s):
    a = s.connect("a", 3)
    a.command("SUBSCRIBE", "hello:c")
    a.command("HELLO", "3", normalise=HELLO)
    a.command("HELLO", "2", normalise=HELLO)
    a.command("HELLO", "3")
    a.command("CLIENT", "ID")
    a.command("PING")
    b = s.connect("b")
    b.command("PUBLISH", "hello:c", "in RESP2 now")
    a.receive()
    a.command("UNSUBSCRIBE")
    a.command("HELLO", "3", normalise=HELLO)


@script
def reset(s):
    a, b = s.connect("a"), s.connect("b")
    a.command("SUBSCRIBE", "reset:c")
    a.command("PSUBSCRIBE", "reset:*")
    a.command("RESET")
    a.command("CLIENT", "GETNAME")
    b.command("PUBLISH", "reset:c", "nobody")
    a.command("CLIENT", "SETNAME", "gone")
    a.command("HELLO", "3", normalise=HELLO)
    a.command("MULTI")
    a.command("PING")
    a.command("RESET")
    a.command("EXEC")
    a.command("CLIENT", "GETNAME")
    a.command("PUBSUB", "NUMSUB", "reset:c")
    a.raw(b"CLIENT REPLY OFF\r\nPING\r\nRESET\r\nPING\r\n", replies=2)
    a.nothing_more()


@script(modes=("standalone",))
def reset_selects_zero(s):
    a = s.connect()
    a.command("SELECT", "5")
    a.command("RESET")
    info = a.unrecorded("CLIENT", "INFO")
    s.record(a, "db after RESET", b"", b" db=0 " if b" db=0 " in info else info, ())


@script
def multi_errors_win_over_nothing(s):
    a = s.connect()
    a.command("RESET")
    a.command("EXEC")
    a.command("DISCARD")
