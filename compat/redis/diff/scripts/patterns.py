"""Glob patterns, each against many names: which ones match is seen in what PUBLISH returns."""

import random

import respwire
from transcript import script

PATTERNS = [
    b"*", b"**", b"?", b"a", b"", b"a*", b"*a", b"a*b", b"a*b*c", b"*a*", b"h?llo", b"h*llo", b"h[ae]llo", b"h[^e]llo", b"h[!e]llo", b"h[a-b]llo",
    b"h[b-a]llo", b"[z-a]", b"[a-]", b"[-a]", b"[a-c-e]", b"[]", b"[^]", b"[]]", b"[^]]", b"[abc", b"[a", b"[", b"[^", b"[^a", b"a[", b"[\\]]",
    b"[\\-]", b"[a\\-c]", b"[\\a-z]", b"[a-\\z]", b"\\", b"a\\", b"\\*", b"\\?", b"\\a", b"\\\\", b"a\\*b", b"*\\", b"[\\", b"[a\\", b"[*]", b"[?]",
    b"news.*", b"*.news", b"news.*.x", b"?*", b"*?", b"??", b"*??*", b"a?c*", b"[a-z]*[0-9]", b"[[]", b"[a-c][x-z]", b"[a-", b"[a-b", b"a**b", b"***",
    b"[^a-c]*", b"\\[a\\]", b"a/b*", b"\xc3?", b"[\xc3]", b"?\x00", b"A", b"[A-Z]", b"*]", b"]", b"-", b"[--/]", b"[a-a]", b"[\\\\]", b"[^^]", b"^",
]
NAMES = [
    b"", b"a", b"b", b"c", b"d", b"e", b"z", b"-", b"]", b"[", b"\\", b"*", b"?", b"!", b"^", b"/", b".", b"aa", b"ab", b"abc", b"aXbYc", b"a*b", b"a\\", b"hello",
    b"hallo", b"hxllo", b"hllo", b"h!llo", b"heello", b"news.", b"news.a", b"news.a.x", b"x.news", b"ax", b"by", b"cz", b"m5", b"5", b"[a]", b"a]", b"[a",
    b"a/b/c", b"\xc3\xa9", b"\xc3", b"x\x00", b"A", b"\x60", b"_", b"Z", b"\x7f",
]


def matches(s, peer, pattern, names):
    """Which names the pattern matches, as one string of digits."""
    requests = [respwire.command("PSUBSCRIBE", pattern)]
    requests += [respwire.command("PUBLISH", name, "") for name in names]
    requests += [respwire.command("PUNSUBSCRIBE", pattern), respwire.command("PING", "pattern-done")]
    peer.connection.send(b"".join(requests))
    digits = b""
    while True:
        one = peer.connection.reply()
        if one.startswith(b":"):
            digits += one[1:-2]
        if b"pattern-done" in one or one.endswith((respwire.NO_REPLY, respwire.CLOSED)) or one.startswith(b"<"):
            return digits


@script(modes=("standalone",))
def chosen(s):
    a = s.connect("a", 3)
    for pattern in PATTERNS:
        s.record(a, f"pattern {pattern!r}", b"", matches(s, a, pattern, NAMES), ())


@script(modes=("standalone",))
def drawn_by_chance(s):
    """The same draws for both servers, and in every run."""
    draw = random.Random(20)
    a = s.connect("a", 3)
    alphabet = [b"a", b"b", b"c", b"-", b"]", b"^", b"\\", b"*", b"?", b"["]
    for _ in range(600):
        pattern = b"".join(draw.choice(alphabet) for _ in range(draw.randrange(1, 9)))
        names = [b"".join(draw.choice(alphabet[:7]) for _ in range(draw.randrange(0, 6))) for _ in range(24)]
        names = list(dict.fromkeys(names))
        s.record(a, f"pattern {pattern!r} against {names!r}", b"", matches(s, a, pattern, names), ())


@script(modes=("standalone",))
def built_to_blow_up(s):
    a = s.connect("a", 3)
    for pattern, name in (
        (b"a*" * 40 + b"b", b"a" * 60), (b"*a" * 60, b"a" * 59), (b"*" * 2_000, b"x"), (b"a*" * 900, b"a" * 900), (b"[a-z]" * 200, b"m" * 200),
        (b"*[^a]*" * 30 + b"$", b"b" * 60),
    ):
        s.record(a, f"pattern of {len(pattern)} bytes {pattern[:12]!r}", b"", matches(s, a, pattern, [name]), ())


@script
def filters_of_channels(s):
    a, b = s.connect("a"), s.connect("b")
    a.command("SUBSCRIBE", "filter.1", "filter.2", "Filter.3", "fil*", replies=4)
    for pattern in (b"*", b"filter.?", b"F*", b"fil\\*", b"[f]ilter.1", b"", b"nosuch"):
        b.connection.send(respwire.command("PUBSUB", "CHANNELS", pattern))
        got = b.connection.reply()
        s.record(b, f"PUBSUB CHANNELS {pattern!r}", b"", b"|".join(sorted(got.split(b"\r\n"))), ())
