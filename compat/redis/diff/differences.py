"""Where Trine answers otherwise than Debian's redis-server 7.0.15, and what it must answer instead.

Trine follows 7.4 where that differs from 7.0 (NEWER, REWORDED), keeps no keys (NO_KEYS), and departs from both in a few places
for a reason that stands beside them (OWN). Everything else must be the same bytes.
"""

import re


class Difference:
    """One step of one script. `expected` None: the step is not compared."""

    def __init__(self, key, expected, why):
        self.key, self.expected, self.why = key, expected, why

    def fits(self, trine):
        return self.expected is None or self.expected == trine


# Texts that changed between 7.0 and 7.4, wherever they come: (what 7.0 says, what 7.4 says, why).
REWORDED = [
    (
        rb"-NOPERM this user has no permissions to run the '([^']*)' command(?: or its subcommand)?",
        rb"-NOPERM User <user> has no permissions to run the '\1' command",
        "since 7.2 the user is named",
    ),
    (
        rb"-NOPERM this user has no permissions to access one of the channels used as arguments",
        rb"-NOPERM No permissions to access a channel",
        "reworded in 7.2",
    ),
    (
        rb"\$\d+\r\nThis user has no permissions to (run|access) the",
        rb"$<length>\r\nUser <user> has no permissions to \1 the",
        "ACL DRYRUN, since 7.2 the user is named",
    ),
    (rb"otherwise the HELLO AUTH <user> <pass> option", rb"otherwise the HELLO <proto> AUTH <user> <pass> option", "reworded in 7.2"),
]
# The same places of a newer server, so that the name of the user does not matter. One step checks the name itself.
NAMED = [
    (rb"-NOPERM User \S+ has no permissions to run", rb"-NOPERM User <user> has no permissions to run"),
    (rb"\$\d+\r\nUser \S+ has no permissions to (run|access) the", rb"$<length>\r\nUser <user> has no permissions to \1 the"),
]


def as_newer(redis):
    """What redis-server said, in the words of 7.4."""
    for pattern, replacement, _ in REWORDED:
        redis = re.sub(pattern, replacement, redis)
    return redis


def unnamed(trine):
    """What Trine said, without the user's name where 7.0 has none."""
    for pattern, replacement in NAMED:
        trine = re.sub(pattern, replacement, trine)
    return trine


OK = b"+OK\r\n"
SELF = b">3\r\n$7\r\nmessage\r\n$4\r\nself\r\n$1\r\n%s\r\n>4\r\n$8\r\npmessage\r\n$4\r\nsel?\r\n$4\r\nself\r\n$1\r\n%s\r\n"

GUS = b"148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940"
GUS_COMMANDS = b"-@all +publish +@pubsub -psubscribe"


def user(resp, flag, passwords, commands, keys, channels):
    """A reply of ACL GETUSER."""
    parts = [b"*12" if resp == 2 else b"%6", b"$5\r\nflags", b"*1" if resp == 2 else b"~1"]
    parts += [b"$%d\r\n%s" % (len(one), one) for one in (flag, b"passwords")]
    text = b"\r\n".join(parts) + b"\r\n" + passwords
    for name, value in ((b"commands", commands), (b"keys", keys), (b"channels", channels)):
        text += b"$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(name), name, len(value), value)
    return text + b"$9\r\nselectors\r\n*0\r\n"


NEWER = {
    "CLIENT SETINFO came with 7.2": {
        ("client.setinfo", "a: CLIENT SETINFO lib-name x"): OK,
        ("client.setinfo", "a: CLIENT SETINFO LIB-VER 1.2"): OK,
        ("client.setinfo", "a: CLIENT SETINFO foo x"): b"-ERR Unrecognized option 'foo'\r\n",
        ("client.setinfo", "a: CLIENT SETINFO lib-name 'a b'"): b"-ERR lib-name cannot contain spaces, newlines or special characters.\r\n",
        ("client.setinfo", r"a: CLIENT SETINFO lib-ver 'a\nb'"): b"-ERR lib-ver cannot contain spaces, newlines or special characters.\r\n",
        ("client.setinfo", "a: CLIENT SETINFO lib-name ''"): OK,
        ("connection.arity", "a: client setinfo"): b"-ERR wrong number of arguments for 'client|setinfo' command\r\n",
        ("connection.arity", "a: client setinfo lib-name"): b"-ERR wrong number of arguments for 'client|setinfo' command\r\n",
    },
    "CLIENT NO-TOUCH came with 7.2": {
        ("client.switches", f"{peer}: CLIENT NO-TOUCH {word}"): reply
        for peer in ("resp2", "resp3")
        for word, reply in (("on", OK), ("off", OK), ("x", b"-ERR syntax error\r\n"))
    },
    "since 7.2 what a command publishes to its own client comes after its reply": {
        ("pubsub.publishing_to_oneself", "a: PUBLISH self x"): b":2\r\n" + SELF % (b"x", b"x"),
        ("pubsub.publishing_to_oneself", r"a: 'PUBLISH self 1\r\nPUBLISH self 2\r\n'"): b":2\r\n" + SELF % (b"1", b"1") + b":2\r\n" + SELF % (b"2", b"2"),
        ("pubsub.publishing_to_oneself", "a: SPUBLISH self shard"): b":1\r\n>3\r\n$8\r\nsmessage\r\n$4\r\nself\r\n$5\r\nshard\r\n",
        ("pubsub.publishing_to_oneself", "a: PUBLISH self 'pattern only'"): (
            b":1\r\n>4\r\n$8\r\npmessage\r\n$4\r\nsel?\r\n$4\r\nself\r\n$12\r\npattern only\r\n"
        ),
        ("transactions.publish_to_oneself", "a: EXEC"): (
            b"*2\r\n:1\r\n+PONG\r\n>3\r\n$7\r\nmessage\r\n$10\r\nmulti:self\r\n$1\r\nx\r\n"
        ),
        ("users.permissions_of_channels", "a: PUBLISH news.1 x"): (
            b":2\r\n>3\r\n$7\r\nmessage\r\n$6\r\nnews.1\r\n$1\r\nx\r\n>4\r\n$8\r\npmessage\r\n$6\r\nnews.*\r\n$6\r\nnews.1\r\n$1\r\nx\r\n"
        ),
    },
    "since 7.2 HELLO sets a name only when everything else was right": {
        ("connection.hello_errors", "a: CLIENT GETNAME"): b"$-1\r\n",
    },
    "fields that came with 7.2 and 7.4": {
        ("introspection.info", "resp2: missing fields"): b"[]",
        ("introspection.info", "resp3: missing fields"): b"[]",
    },
    "since 7.2 the rules of commands are kept as they were given; payloads are not checked in Trine, which has none to restore": {
        ("users.rules", "admin: ACL GETUSER gus"): user(2, b"off", b"*0\r\n", b"-@all", b"", b""),
        ("users.rules", "resp2: ACL GETUSER gus"): user(2, b"on", b"*1\r\n$64\r\n" + GUS + b"\r\n", GUS_COMMANDS, b"~k*", b"&a* &b"),
        ("users.rules", "resp3: ACL GETUSER gus"): user(3, b"on", b"*1\r\n$64\r\n" + GUS + b"\r\n", GUS_COMMANDS, b"~k*", b"&a* &b"),
        ("users.rules", "admin: ACL LIST"): (
            b"*2\r\n$34\r\nuser default on nopass ~* &* +@all\r\n$138\r\nuser gus on #" + GUS + b" ~k* resetchannels &a* &b " + GUS_COMMANDS + b"\r\n"
        ),
    },
    "since 7.2 the message names the user": {
        ("users.named_in_refusals", "a: ECHO x"): b"-NOPERM User ned has no permissions to run the 'echo' command\r\n",
    },
}

# Trine keeps no keys: these commands do not exist, which misuse must show at once.
NO_KEYS = {
    ("introspection.data_commands_are_unknown", "a: " + words): (
        "-ERR unknown command '{}', with args beginning with: {}\r\n".format(
            words.split()[0], "".join(f"'{one}' " for one in words.split()[1:])
        ).encode()
    )
    for words in (
        "GET x", "SET x y", "LPUSH l 1", "RPOP l", "XADD s * a b", "XREAD STREAMS s 0", "EVAL code 0", "HSET h a b", "ZADD z 1 a",
    )
}

NO_KEYS["requests.not_fatal_at_the_edge", r"a: 'GET / HTTP/1.1\r\n'"] = b"-ERR unknown command 'GET', with args beginning with: '/' 'HTTP/1.1' \r\n"

OWN = {
    "fewer arguments are allowed in one command than Redis's two thousand million, which no memory holds": {
        ("requests.announced_and_never_sent", "b: two thousand million arguments announced"): b"-ERR Protocol error: invalid multibulk length\r\n<closed>",
    },
    "there is nothing to debug, and no setting that would allow it": {
        ("introspection.shutdown_is_refused_here", "a: DEBUG nosuch"): b"-ERR DEBUG command not allowed. Trine has nothing that it could debug.\r\n",
    },
}


def listed():
    """Every entry by its key."""
    found = {}
    for why, entries in {**NEWER, "Trine keeps no keys": NO_KEYS, **OWN}.items():
        for key, expected in entries.items():
            found[key] = Difference(key, expected, why)
    return found


LISTED = listed()


def find(script, label):
    """The difference that is allowed for a step, or None."""
    return LISTED.get((script, label))


def stale(used, scripts):
    """Entries of scripts that ran in which no step has that name, or nothing differs."""
    return [key for key in LISTED if key[0] in scripts and key not in used]


def clear():
    """Compares without any allowance."""
    LISTED.clear()
    REWORDED.clear()
    NAMED.clear()
