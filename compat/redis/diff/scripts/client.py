"""The CLIENT family."""

import re

from normalise import IDS, INTEGER
from transcript import script


@script
def id_and_names(s):
    a, b = s.connect("a"), s.connect("b")
    first = a.command("CLIENT", "ID", normalise=INTEGER)
    again = a.command("CLIENT", "ID", normalise=INTEGER)
    later = b.command("CLIENT", "ID", normalise=INTEGER)
    s.record(a, "ids are stable and grow", b"", str((first == again, isinstance(later, int) and later > first)).encode(), ())
    for resp in (2, 3):
        c = s.connect(f"resp{resp}", resp)
        c.command("CLIENT", "GETNAME")
        c.command("CLIENT", "SETNAME", "a-name")
        c.command("CLIENT", "GETNAME")
        for bad in ("a b", "a\nb", "\x7f", "caf\u00e9", " "):
            c.command("CLIENT", "SETNAME", bad)
        c.command("CLIENT", "GETNAME")
        c.command("CLIENT", "SETNAME", "")
        c.command("CLIENT", "GETNAME")


@script
def setinfo(s):
    a = s.connect()
    a.command("CLIENT", "SETINFO", "lib-name", "x")
    a.command("CLIENT", "SETINFO", "LIB-VER", "1.2")
    a.command("CLIENT", "SETINFO", "foo", "x")
    a.command("CLIENT", "SETINFO", "lib-name", "a b")
    a.command("CLIENT", "SETINFO", "lib-ver", "a\nb")
    a.command("CLIENT", "SETINFO", "lib-name", "")


def fields(line):
    """A CLIENT LIST line as a dictionary."""
    return dict(word.partition("=")[::2] for word in line.decode().split())


@script
def info_fields(s):
    """Of a line of CLIENT INFO only what both versions have and what does not depend on the moment."""
    for resp in (2, 3):
        a = s.connect(f"resp{resp}", resp)
        a.command("CLIENT", "SETNAME", "named")
        line = a.unrecorded("CLIENT", "INFO")
        found = fields(line.removeprefix(b"txt:"))
        kept = ("name", "flags", "db", "sub", "psub", "multi", "events", "cmd", "user", "redir", "resp")
        s.record(a, "CLIENT INFO", b"", repr([(k, found.get(k)) for k in kept]).encode(), ())
        s.record(a, "ends with one line feed", b"", repr((line.endswith(b"\n"), line.count(b"\n"))).encode(), ())
        s.record(a, "verbatim in RESP3", b"", repr(line[:4] == b"txt:").encode(), ())
        order = [k for k in found if k in (*kept, "id", "addr", "laddr", "fd", "age", "idle", "qbuf", "qbuf-free", "argv-mem",
                                            "multi-mem", "rbs", "rbp", "obl", "oll", "omem", "tot-mem")]
        s.record(a, "order of the fields", b"", " ".join(order).encode(), ())
    b = s.connect("b", 3)
    b.command("SUBSCRIBE", "info:1", "info:2", replies=2)
    b.command("PSUBSCRIBE", "info:*")
    found = fields(b.unrecorded("CLIENT", "INFO"))
    s.record(b, "a subscriber", b"", repr([found.get(k) for k in ("flags", "sub", "psub")]).encode(), ())
    c = s.connect("c")
    c.command("MULTI")
    c.command("PING")
    own = c.command("CLIENT", "ID")
    listed = s.connect("d").unrecorded("CLIENT", "LIST", "TYPE", "normal")
    line = [fields(one) for one in listed.splitlines() if b" multi=2 " in one]
    s.record(c, "in MULTI", b"", repr((own, [(one["flags"], one["multi"]) for one in line])).encode(), ())


@script
def list_filters(s):
    a, b = s.connect("a"), s.connect("b")
    b.command("SUBSCRIBE", "list:c")
    mine = a.unrecorded("CLIENT", "ID")
    text = a.unrecorded("CLIENT", "LIST", "ID", mine, "999999999")
    s.record(a, "by ID", b"", repr(re.findall(rb"cmd=\S+", text)).encode(), ())
    text = a.unrecorded("CLIENT", "LIST", "TYPE", "pubsub")
    s.record(a, "of TYPE pubsub", b"", repr(re.findall(rb"sub=1 psub=0|cmd=\S+", text)).encode(), ())
    a.command("CLIENT", "LIST", "TYPE", "replica")
    a.command("CLIENT", "LIST", "TYPE", "nosuch")
    a.command("CLIENT", "LIST", "ID", "x")
    a.command("CLIENT", "LIST", "ID")
    a.command("CLIENT", "LIST", "FOO", "x")
    a.command("CLIENT", "LIST", "ID", "999999999")
    c = s.connect("c", 3)
    c.command("CLIENT", "LIST", "ID", "999999999")


@script
def kill(s):
    a = s.connect("a")
    for words in (
        "1.2.3.4:5", "ID 999999999", "ID 0", "ID -1", "ID x", "TYPE nosuch", "USER nosuch", "FOO x", "ADDR 1.2.3.4:5", "LADDR 1.2.3.4:5",
        "SKIPME maybe", "ID 999999999 SKIPME", "TYPE replica", "TYPE master SKIPME no", "ID 999999999 ADDR 1.2.3.4:5",
    ):
        a.command("CLIENT", "KILL", *words.split())
    victim = s.connect("victim")
    number = victim.unrecorded("CLIENT", "ID")
    a.connection.send(b"CLIENT KILL ID %d\r\n" % number)
    a.receive(what="CLIENT KILL ID of another")
    victim.closed()
    subscriber = s.connect("subscriber")
    subscriber.command("SUBSCRIBE", "kill:c")
    a.command("CLIENT", "KILL", "TYPE", "pubsub")
    subscriber.closed()
    a.until([b"kill:c", 0], "PUBSUB", "NUMSUB", "kill:c")
    a.command("PUBLISH", "kill:c", "nobody")
    third = s.connect("third")
    third.unrecorded("PING")
    host, port = third.connection.socket.getsockname()[:2]
    a.connection.send(b"CLIENT KILL %s:%d\r\n" % (host.encode(), port))
    a.receive(what="CLIENT KILL addr")
    third.closed()
    own = a.unrecorded("CLIENT", "ID")
    a.connection.send(b"CLIENT KILL ID %d\r\nCLIENT KILL ID %d SKIPME no\r\n" % (own, own))
    a.receive(2, what="itself: spared, then not")
    a.closed()


@script
def reply_modes(s):
    a, b = s.connect("a"), s.connect("b")
    a.command("CLIENT", "REPLY", "ON")
    a.raw(b"CLIENT REPLY SKIP\r\nPING one\r\nPING two\r\n")
    a.raw(b"CLIENT REPLY SKIP\r\nnosuch\r\nPING three\r\n")
    a.raw(b"CLIENT REPLY OFF\r\nPING\r\nnosuch\r\nECHO x\r\nCLIENT REPLY ON\r\nPING\r\n", replies=2)
    a.raw(b"CLIENT REPLY OFF\r\nSUBSCRIBE reply:c\r\n")
    b.command("PUBLISH", "reply:c", "still comes")
    a.receive()
    a.raw(b"UNSUBSCRIBE reply:c\r\n")
    a.raw(b"CLIENT REPLY ON\r\n")
    a.command("CLIENT", "REPLY", "maybe")
    a.raw(b"CLIENT REPLY OFF\r\nCLIENT REPLY SKIP\r\nPING\r\nCLIENT REPLY ON\r\nPING end\r\n", replies=2)
    a.raw(b"CLIENT REPLY OFF\r\nCLIENT REPLY maybe\r\nCLIENT REPLY ON\r\n")
    a.nothing_more()
    c = s.connect("c", 3)
    c.raw(b"CLIENT REPLY OFF\r\nSUBSCRIBE reply:d\r\nPUBLISH reply:d self\r\nPING\r\nCLIENT REPLY ON\r\n", replies=3,
          what="published to itself with replies off")
    c.raw(b"CLIENT REPLY SKIP\r\nSUBSCRIBE reply:e\r\nPING\r\n", replies=2)


@script
def switches(s):
    for resp in (2, 3):
        a = s.connect(f"resp{resp}", resp)
        for words in (
            "NO-EVICT on", "NO-EVICT off", "NO-EVICT x", "NO-TOUCH on", "NO-TOUCH off", "NO-TOUCH x", "UNPAUSE", "PAUSE 0", "PAUSE 0 WRITE",
            "PAUSE x", "PAUSE -1", "PAUSE 0 FOO", "UNBLOCK 999999999", "UNBLOCK x", "UNBLOCK 1 FOO", "GETREDIR", "TRACKINGINFO",
        ):
            a.command("CLIENT", *words.split())
        a.nothing_more()


@script
def refused_features(s):
    a = s.connect("a", 3)
    a.command("CLIENT", "MAINT_NOTIFICATIONS", "ON", "moving-endpoint-type", "none")
    a.command("CLIENT", "CAPA", "redirect")
    a.command("CLIENT", "nosuch")


@script
def help_is_an_array_of_simple_strings(s):
    """The lines differ between versions; their form does not."""
    for resp in (2, 3):
        a = s.connect(f"resp{resp}", resp)
        for container in ("CLIENT", "PUBSUB", "CONFIG", "ACL", "COMMAND", "MEMORY", "LATENCY", "MODULE", "SLOWLOG", "CLUSTER", "SCRIPT", "FUNCTION"):
            a.connection.send(f"{container} HELP\r\n".encode())
            got = a.connection.reply()
            lines = got.split(b"\r\n")
            shape = (got[:1], lines[1][:1], lines[1].split(b" ")[1:3], all(one.startswith(b"+") for one in lines[1:-1]), lines[-3:-1])
            s.record(a, f"{container} HELP", b"", repr(shape).encode(), IDS)
