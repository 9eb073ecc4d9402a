"""How requests are written: multibulk, inline, and what ends a connection."""

from transcript import script


@script
def multibulk(s):
    a = s.connect()
    a.raw(b"*1\r\n$4\r\nPING\r\n")
    a.raw(b"*2\r\n$4\r\nPING\r\n$0\r\n\r\n")
    a.raw(b"*2\r\n$4\r\npInG\r\n$3\r\na\r\n\r\n")
    a.raw(b"*2\r\n$4\r\nECHO\r\n$6\r\n\x00\xff\r\n*1\r\n")
    a.raw(b"*0\r\n*-1\r\n*-5\r\n*1\r\n$4\r\nPING\r\n")
    a.raw(b"*2\r\n$4\r\nECHO\r\n$3\r\nabcXY*1\r\n$4\r\nPINGZZ", replies=2)
    a.raw(b"\r\n\r\n*1\r\n$4\r\nPING\r\n")
    a.nothing_more()


@script
def pieces(s):
    a = s.connect()
    request = b"*3\r\n$7\r\nPUBLISH\r\n$10\r\npieces:one\r\n$12\r\nhello\r\nworld\r\n"
    for byte in request:
        a.send_raw(bytes([byte]))
    a.receive(what="PUBLISH byte by byte")
    for byte in b"ping 'a b'\r\n":
        a.send_raw(bytes([byte]))
    a.receive(what="inline byte by byte")


@script
def pipelined(s):
    a = s.connect()
    one = b"*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n"
    a.raw(one * 500 + b"PING\r\n" * 500 + b"*1\r\n$6\r\nnosuch\r\n" + one, replies=1002, what="a thousand at once")
    a.nothing_more()


@script
def inline(s):
    a = s.connect()
    a.raw(b"PING\r\n")
    a.raw(b"ping\n")
    a.raw(b"  \t PING   hello  \r\n")
    a.raw(b"\r\n\n \r\nPING\r\n")
    a.raw(b'ECHO "a b\\x41\\n\\r\\t\\b\\a\\\\\\"\\q"\r\n')
    a.raw(b"ECHO 'a \\' \\n \\x41'\r\n")
    a.raw(b'ECHO ""\r\n')
    a.raw(b"ECHO ''\r\n")
    a.raw(b'ECHO a"b c"\r\n')
    a.raw(b"ECHO a'b'\r\n")
    a.raw(b"ECHO \"\\x4\"\r\n")
    a.raw(b"ECHO \xc3\xa9\r\n")
    a.raw(b"PUBLISH inline:c 'x y'\r\n")
    a.raw(b"info nosuchsection\r\n")
    a.raw(b"nosuch a b\r\n")
    a.nothing_more()


@script
def inline_and_multibulk_mixed(s):
    a = s.connect()
    a.raw(b"PING\r\n*1\r\n$4\r\nPING\r\nECHO x\n*2\r\n$4\r\nECHO\r\n$1\r\ny\r\n", replies=4)


@script
def ends_after_quit(s):
    a = s.connect()
    a.raw(b"PING\r\nQUIT\r\nPING\r\n", replies=2)
    a.closed()
    b = s.connect("b")
    b.command("QUIT", "with", "arguments")
    b.closed()


@script
def half_closed(s):
    a = s.connect()
    a.send_raw(b"PING\r\nECHO hi\r\nPUBLISH half:closed x\r\n")
    a.half_close()
    a.closed("replies to what was sent before the end")
    b = s.connect("b")
    b.command("SUBSCRIBE", "half:closed")
    b.half_close()
    b.closed("a subscriber that says no more")


def fatal(name, *requests):
    """A script that sends each request on a connection of its own and expects an error and the end."""

    def run(s):
        for number, request in enumerate(requests):
            a = s.connect(str(number))
            a.send_raw(request)
            a.closed(repr(request[:60]))

    run.__name__ = f"fatal_{name}"
    run.__module__ = __name__
    return script(run)


fatal(
    "multibulk_length", b"*x\r\n", b"*\r\n", b"*01\r\n", b"*+1\r\n", b"* 1\r\n", b"*1 \r\n", b"*2147483648\r\n", b"*-\r\n",
    b"*99999999999999999999\r\n", b"*1.0\r\n", b"*-01\r\nPING\r\n", b"*--1\r\n",
)
fatal("bulk_expected", b"*1\r\nPING\r\n", b"*1\r\n:4\r\n", b"*2\r\n$4\r\nPING\r\n\r\n", b"*1\r\n\r\n", b"*1\r\n*1\r\n")
fatal(
    "bulk_length", b"*1\r\n$x\r\n", b"*1\r\n$\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$+4\r\nPING\r\n", b"*1\r\n$04\r\nPING\r\n",
    b"*1\r\n$ 4\r\n", b"*1\r\n$536870913\r\n", b"*1\r\n$99999999999999999999\r\n", b"*1\r\n$4x\r\n", b"*1\r\n$-0\r\n",
)
fatal("quotes", b"ECHO \"a\r\n", b"ECHO 'a\r\n", b"ECHO \"a\"b\r\n", b"ECHO 'a'b\r\n", b"ECHO \"a\\\"\r\n", b"'\r\n", b"\"\r\n")
fatal("after_good_ones", b"PING\r\nECHO hi\r\n*x\r\nPING\r\n", b"*1\r\n$4\r\nPING\r\n*1\r\nX\r\n", b"PING\r\nECHO \"\r\nPING\r\n")
fatal("long_lines", b"*" + b"1" * 70_000, b"*1\r\n$" + b"1" * 70_000, b"x" * 70_000, b"ECHO " + b"y" * (1 << 20))
fatal("other_protocols", b"POST / HTTP/1.1\r\n\r\n", b"Host: example.org\r\n", b"post / HTTP/1.1\r\nHost: a\r\n\r\n")


@script
def not_fatal_at_the_edge(s):
    a = s.connect()
    a.raw(b"GET / HTTP/1.1\r\n")
    a.raw(b"ECHO " + b"y" * 60_000 + b"\r\n", what="ECHO of a long inline argument")
    a.raw(b"*2\r\n$4\r\nECHO\r\n$1000000\r\n" + b"z" * 1_000_000 + b"\r\n", what="ECHO of a megabyte")
    a.raw(b"*3\r\n$4\r\nPING\r\n$1\r\na\r\n$1\r\nb\r\n")
    a.nothing_more()


@script
def announced_and_never_sent(s):
    a, b = s.connect("a"), s.connect("b")
    a.send_raw(b"*2\r\n$4\r\nECHO\r\n$536870912\r\nonly this")
    a.half_close()
    a.closed("512 MiB announced")
    b.send_raw(b"*2147483647\r\n$4\r\nECHO\r\n")
    b.half_close()
    b.closed("two thousand million arguments announced")


@script
def many_arguments(s):
    a = s.connect()
    names = [b"many:%d" % i for i in range(5_000)]
    a.command("SUBSCRIBE", *names, replies=len(names))
    a.command("UNSUBSCRIBE", *names, replies=len(names))
    a.command("PUBSUB", "NUMSUB", *names[:1_000])
    a.nothing_more()
