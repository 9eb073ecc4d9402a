"""Runs a script against one server and writes down what came back, step by step.

A script is a function that takes a Session. It runs once against each server; the transcripts are compared.
"""

import re
import time

import respwire

SCRIPTS = []


class Script:
    """A named conversation. `modes`: where it makes sense, of "standalone" and "cluster"."""

    def __init__(self, function, modes):
        self.function, self.modes = function, modes
        group = function.__module__.rpartition(".")[2]
        self.name = f"{group}.{function.__name__}"


def script(function=None, *, modes=("standalone", "cluster")):
    """Marks a function of the scripts folder as a script."""

    def register(function):
        SCRIPTS.append(Script(function, modes))
        return function

    return register(function) if function else register


class Step:
    """What one connection sent and the bytes that came back for it."""

    def __init__(self, label, sent, got, normalise):
        self.label, self.sent, self.got, self.normalise = label, sent, got, normalise


class Session:
    """Hands out connections to one server and keeps the transcript."""

    def __init__(self, address):
        self.address = address
        self.steps = []
        self._labels = {}
        self._open = []

    def connect(self, name="a", resp=2):
        """A new connection, in RESP3 when asked for; that HELLO is not part of the transcript."""
        peer = Peer(self, name, respwire.Connection(self.address))
        self._open.append(peer)
        if resp == 3:
            peer.unrecorded("HELLO", "3")
        return peer

    def record(self, peer, what, sent, got, normalise):
        label = f"{peer}: {what}"
        self._labels[label] = self._labels.get(label, 0) + 1
        if self._labels[label] > 1:
            label += f" #{self._labels[label]}"
        self.steps.append(Step(label, sent, got, normalise))

    def close(self):
        for peer in self._open:
            peer.connection.close()


def spoken(arguments):
    """How a command is named in labels and reports."""
    words = [a.decode("latin-1") if isinstance(a, bytes) else str(a) for a in arguments]
    text = " ".join(word if word and not re.search(r"[^!-~]", word) else repr(word) for word in words)
    return text if len(text) <= 90 else text[:87] + "..."


class Peer:
    """One connection of a session."""

    def __init__(self, session, name, connection):
        self.session, self.name, self.connection = session, name, connection

    def __str__(self):
        return self.name

    def command(self, *arguments, replies=1, normalise=()):
        """Sends one command and takes down that many replies; their parsed values are returned (one: alone)."""
        return self.raw(respwire.command(*arguments), replies, normalise, what=spoken(arguments))

    def raw(self, data, replies=1, normalise=(), what=None):
        """The same with the bytes of the request given."""
        self.connection.send(data)
        return self.receive(replies, normalise, what or spoken([data]), data)

    def receive(self, replies=1, normalise=(), what="(receives)", sent=b""):
        """Takes down replies that were caused by somebody else, or by what was sent before."""
        got, values = b"", []
        for _ in range(replies):
            one = self.connection.reply()
            got += one
            complete = not one.endswith((respwire.NO_REPLY, respwire.CLOSED)) and not one.startswith(b"<no RESP>")
            values.append(respwire.parse(one)[0] if complete else None)
            if not complete:
                break
        self.session.record(self, what, sent, got, normalise)
        return values[0] if replies == 1 else values

    def unrecorded(self, *arguments):
        """A command that only prepares; its reply is returned and not compared."""
        self.connection.send(respwire.command(*arguments))
        one = self.connection.reply()
        return None if one.endswith((respwire.NO_REPLY, respwire.CLOSED)) else respwire.parse(one)[0]

    def send(self, *arguments):
        """Sends a command and does not wait for anything."""
        self.connection.send(respwire.command(*arguments))

    def send_raw(self, data):
        self.connection.send(data)

    def closed(self, what="(is closed)"):
        """Takes down that the server closes the connection, with whatever it still sends."""
        got = b""
        while not got.endswith((respwire.CLOSED, respwire.NO_REPLY)):
            got += self.connection.reply()
        self.session.record(self, what, b"", got, ())

    def half_close(self):
        self.connection.half_close()

    def nothing_more(self, what="(nothing more)"):
        """Takes down what comes before the reply to a second PING: normally only the two replies."""
        got = b""
        for word in (b"first-ping", b"second-ping"):
            self.connection.send(respwire.command("PING", word))
            while word not in got and not got.endswith((respwire.CLOSED, respwire.NO_REPLY)):
                got += self.connection.reply()
        self.session.record(self, what, b"", got, ())

    def until(self, wanted, *arguments):
        """Repeats a command, unrecorded, until it says `wanted`: what follows a disconnection takes a moment."""
        deadline = time.monotonic() + respwire.REPLY_TIMEOUT_S
        while self.unrecorded(*arguments) != wanted and time.monotonic() < deadline:
            time.sleep(0.005)
