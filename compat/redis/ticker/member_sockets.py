"""Subscribers on plain sockets, one connection each; `argv[1]`: their subscriptions as JSON. Standard library only."""

import json
import os
import selectors
import sys
import time

import respwire
from sequence import Sequence

DRAIN_TIMEOUT_S = 60


class Subscriber:
    def __init__(self, address, kind, name):
        self.kind, self.name, self.sequence = kind, name, Sequence()
        self.connection = respwire.Connection(address, timeout=30)
        self.connection.send(respwire.command("PSUBSCRIBE" if kind == "p" else "SUBSCRIBE", name))
        confirmation = respwire.parse(self.connection.reply())[0]
        if confirmation[2] != 1:
            raise SystemExit(f"{confirmation}")
        self.connection.socket.setblocking(False)

    def read(self):
        try:
            self.connection.buffer += self.connection.socket.recv(1 << 18)
        except BlockingIOError:
            return
        at, data = 0, self.connection.buffer
        while True:
            try:
                respwire.reply_end(data, at)
            except respwire.Incomplete:
                break
            frame, at = respwire.parse(data, at)
            self.sequence.see(frame[-2].decode(), frame[-1].decode())
        self.connection.buffer = data[at:]


def main():
    address = os.environ["TRINE_REDIS"]
    subscribers = [Subscriber(address, kind, name) for kind, name in json.loads(sys.argv[1])]
    selector = selectors.DefaultSelector()
    for one in subscribers:
        selector.register(one.connection.socket, selectors.EVENT_READ, one)
    selector.register(sys.stdin, selectors.EVENT_READ, None)
    print('"ready"', flush=True)
    last, deadline = None, None
    while last is None or not all(one.sequence.complete(one.kind, one.name, last) for one in subscribers):
        for key, _ in selector.select(0.5):
            if key.data is not None:
                key.data.read()
            else:
                last = json.loads(sys.stdin.readline())
                deadline = time.monotonic() + DRAIN_TIMEOUT_S
                selector.unregister(sys.stdin)
        if deadline and time.monotonic() > deadline:
            break
    print(json.dumps([one.sequence.channels for one in subscribers]), flush=True)


if __name__ == "__main__":
    main()
