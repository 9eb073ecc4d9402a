"""RESP over a plain socket: whole replies as the bytes they came in. Standard library only."""

import socket
import time

# How long a reply may take before its absence is written down as such.
REPLY_TIMEOUT_S = 3.0

# Types whose length counts replies that follow, and how many replies stand for one of it.
AGGREGATES = {b"*": 1, b"~": 1, b">": 1, b"%": 2, b"|": 2}
# Types followed by that many bytes.
BULKS = b"$=!"

NO_REPLY = b"<no reply>"
CLOSED = b"<closed>"


class Incomplete(Exception):
    """More bytes are needed."""


def reply_end(data, start=0):
    """Where the reply that begins at `start` ends. Raises Incomplete, or ValueError for what is no RESP."""
    line_end = data.find(b"\r\n", start)
    if line_end < 0:
        raise Incomplete
    kind, end = data[start : start + 1], line_end + 2
    if kind in AGGREGATES:
        count = int(data[start + 1 : line_end])
        for _ in range(max(count, 0) * AGGREGATES[kind]):
            end = reply_end(data, end)
        # An attribute precedes the reply it belongs to.
        return reply_end(data, end) if kind == b"|" else end
    if kind in BULKS and kind:
        length = int(data[start + 1 : line_end])
        if length >= 0:
            end += length + 2
        if len(data) < end:
            raise Incomplete
        return end
    if kind in b"+-:_#,(" and kind:
        return end
    raise ValueError(f"no reply begins with {data[start : start + 20]!r}")


def parse(data, start=0):
    """(value, end) of a complete reply: lists for arrays and pushes, flat lists for maps, bytes, int, None, Error."""
    line_end = data.index(b"\r\n", start)
    kind, line, end = data[start : start + 1], data[start + 1 : line_end], line_end + 2
    if kind in AGGREGATES:
        count = int(line)
        if count < 0:
            return None, end
        values = []
        for _ in range(count * AGGREGATES[kind]):
            value, end = parse(data, end)
            values.append(value)
        return values, end
    if kind in BULKS:
        length = int(line)
        if length < 0:
            return None, end
        return data[end : end + length], end + length + 2
    if kind == b":":
        return int(line), end
    if kind == b"_":
        return None, end
    return line, end


def command(*arguments):
    """A request as client libraries send it: an array of bulk strings."""
    parts = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


class Connection:
    """One client. Reads whole replies; a missing one and a closed connection are values, not exceptions."""

    def __init__(self, address, timeout=REPLY_TIMEOUT_S):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout = timeout
        self.buffer = b""
        self.ended = False

    def send(self, data):
        """Sends raw bytes; a server that closed already is noticed when reading."""
        try:
            self.socket.settimeout(5)
            self.socket.sendall(data)
        except OSError:
            pass

    def reply(self, timeout=None):
        """The next reply's bytes, CLOSED at the end of the stream, or NO_REPLY."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            try:
                end = reply_end(self.buffer)
                found, self.buffer = self.buffer[:end], self.buffer[end:]
                return found
            except Incomplete:
                pass
            except ValueError:
                found, self.buffer = self.buffer, b""
                return b"<no RESP>" + found
            if self.ended:
                found, self.buffer = self.buffer, b""
                return found + CLOSED
            if not self._read(deadline):
                found, self.buffer = self.buffer, b""
                return found + NO_REPLY

    def _read(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            return False
        except OSError:
            data = b""  # reset: to a client it is the same as closed
        self.ended = not data
        self.buffer += data
        return True

    def half_close(self):
        """Says that no more will be sent."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.socket.close()
