"""CLUSTER and slots, off and on."""

from normalise import CLUSTER
from transcript import script

SUBCOMMANDS = ("INFO", "NODES", "SLOTS", "SHARDS", "MYID", "KEYSLOT foo", "COUNTKEYSINSLOT 0", "GETKEYSINSLOT 0 1", "nosuch", "KEYSLOT", "HELP", "RESET")


@script(modes=("standalone",))
def disabled(s):
    for resp in (2, 3):
        a = s.connect(f"resp{resp}", resp)
        for words in SUBCOMMANDS:
            if words != "HELP":
                a.command("CLUSTER", *words.split())
        for words in ("READONLY", "READWRITE", "ASKING", "CLUSTER", "READONLY x"):
            a.command(*words.split())
        a.nothing_more()


@script(modes=("cluster",))
def one_node(s):
    for resp in (2, 3):
        a = s.connect(f"resp{resp}", resp)
        for words in ("SLOTS", "SHARDS", "NODES", "MYID"):
            a.command("CLUSTER", *words.split(), normalise=CLUSTER)
        for words in ("READONLY", "READWRITE", "ASKING", "READONLY x"):
            a.command(*words.split())
        text = a.unrecorded("CLUSTER", "INFO").removeprefix(b"txt:").decode()
        kept = [line for line in text.split("\r\n") if line.startswith(("cluster_state", "cluster_slots", "cluster_known_nodes", "cluster_size"))]
        s.record(a, "CLUSTER INFO", b"", "|".join(kept).encode(), ())
        a.nothing_more()


@script(modes=("cluster",))
def slots_of_keys(s):
    a = s.connect()
    for key in ("foo", "{foo}bar", "bar", "", "{}", "{}foo", "foo{}", "foo{bar", "foo{bar}{zap}", "{{foo}}", "}{", "a{b}c{d}", b"\xff\x00", "x" * 1000):
        a.command("CLUSTER", "KEYSLOT", key)
    for words in ("COUNTKEYSINSLOT 0", "COUNTKEYSINSLOT 16384", "COUNTKEYSINSLOT x", "COUNTKEYSINSLOT -1", "KEYSLOT", "KEYSLOT a b", "nosuch", "NODES x",
                  "GETKEYSINSLOT 0 1"):
        a.command("CLUSTER", *words.split())


@script(modes=("cluster",))
def crossing_slots(s):
    a, b = s.connect("a", 3), s.connect("b")
    a.command("SSUBSCRIBE", "foo", "bar")
    a.command("SSUBSCRIBE", "{x}1", "{x}2", replies=2)
    a.command("SSUBSCRIBE", "foo")
    b.command("SPUBLISH", "{x}1", "m")
    a.receive()
    a.command("SUNSUBSCRIBE", "foo", "{x}1")
    a.command("SUNSUBSCRIBE", "{x}1", "{x}2", replies=2)
    b.command("SUBSCRIBE", "foo", "bar", replies=2)
    a.command("PUBLISH", "foo", "x")
    b.receive()
    a.command("PUBSUB", "SHARDNUMSUB", "foo", "bar")
    a.command("MULTI")
    a.command("SSUBSCRIBE", "foo", "bar")
    a.command("EXEC")
