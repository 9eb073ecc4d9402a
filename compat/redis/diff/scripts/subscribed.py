"""RESP2's subscribed mode, and that RESP3 has none."""

from normalise import HELLO
from transcript import script

REFUSED = (
    "DEL x", "PUBLISH a b", "SPUBLISH a b", "HELLO", "HELLO 3", "AUTH x", "CLIENT ID", "client setname x", "MULTI", "EXEC", "DISCARD", "ECHO x",
    "SELECT 0", "INFO", "PUBSUB NUMPAT", "PUBSUB CHANNELS", "COMMAND", "COMMAND COUNT", "CONFIG GET port", "ACL WHOAMI", "MONITOR", "UNWATCH",
    "WATCH a", "DBSIZE", "TIME", "ROLE",
)
ERRORS_FIRST = ("nosuch a", "PUBLISH a", "CLIENT nosuch", "ECHO", "PUBSUB NUMPAT x", "SUBSCRIBE", "PSUBSCRIBE", "CLIENT", "PING a b")


@script
def what_is_refused(s):
    a = s.connect()
    for kind in ("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"):
        a.command(kind, "mode:c")
        for words in REFUSED:
            a.command(*words.split())
        for words in ERRORS_FIRST:
            a.command(*words.split())
        a.command("PING")
        a.command("PING", "x")
        a.command("PING", "")
        a.command(kind.replace("SUB", "UNSUB"), "mode:c")
        a.command("PING")
        a.command("ECHO", "free again")
    a.nothing_more()


@script
def left_when_all_counts_are_zero(s):
    a = s.connect()
    a.command("SUBSCRIBE", "left:c")
    a.command("PSUBSCRIBE", "left:p")
    a.command("SSUBSCRIBE", "left:s")
    a.command("UNSUBSCRIBE", "left:c")
    a.command("ECHO", "no")
    a.command("PUNSUBSCRIBE", "left:p")
    a.command("ECHO", "no")
    a.command("SUNSUBSCRIBE", "left:s")
    a.command("ECHO", "yes")


@script
def reset_and_quit_are_allowed(s):
    a = s.connect("a")
    a.command("SUBSCRIBE", "mode:r")
    a.command("RESET")
    a.command("ECHO", "free")
    a.command("SUBSCRIBE", "mode:r")
    a.command("QUIT")
    a.closed()


@script
def resp3_has_no_such_mode(s):
    a = s.connect("a", 3)
    a.command("SUBSCRIBE", "mode:3")
    for words in ("ECHO x", "PING", "PING x", "CLIENT GETNAME", "PUBSUB NUMPAT", "UNWATCH", "SELECT 0", "MULTI", "DISCARD", "PUBSUB NUMSUB mode:3"):
        a.command(*words.split())
    a.command("HELLO", "3", normalise=HELLO)
    a.nothing_more()
