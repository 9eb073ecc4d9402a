"""Conversations drawn by chance: several connections, few names, every frame compared."""

import random

import respwire
from transcript import script

CONVERSATIONS, STEPS = 40, 120
NAMES = ["n1", "n2", "n3", "{n}4", "{n}5"]
PATTERNS = ["n*", "n?", "*", "{n}*", "[n]1"]


def frames_before_pong(peer):
    """What a connection receives until it answers a PING."""
    peer.connection.send(respwire.command("PING", "settled"))
    frames = []
    while True:
        one = peer.connection.reply()
        if one.endswith((respwire.NO_REPLY, respwire.CLOSED)) or one.startswith(b"<"):
            return [*frames, one]
        if b"settled" in one:
            return frames
        frames.append(one)


def in_order(frames):
    """All bytes a connection received, with the pmessages of one publish in a fixed order."""
    ordered, run = [], []
    for frame in [*frames, b""]:
        copy = respwire.parse(frame)[0] if b"pmessage" in frame and not frame.startswith(b"<") else None
        if run and (copy is None or copy[2:] != run[0][0]):
            ordered += sorted(one for _, one in run)
            run = []
        if copy is not None:
            run.append((copy[2:], frame))
        else:
            ordered.append(frame)
    return b"".join(ordered)


class Drawn:
    """One conversation."""

    def __init__(self, s, seed):
        self.s, self.draw, self.seed = s, random.Random(seed), seed
        self.peers = [s.connect(f"{seed}/resp{2 + n % 2}-{n}", 2 + n % 2) for n in range(4)]
        self.publisher = s.connect(f"{seed}/publisher")
        # How many of a kind each one holds: taking away all at once has no order to compare.
        self.held = {(peer, kind): set() for peer in self.peers for kind in ("", "P", "S")}
        self.received = {peer: [] for peer in self.peers}
        self.number = 0

    def run(self):
        for _ in range(STEPS):
            if self.draw.random() < 0.5:
                self.publish()
            else:
                self.change()
        for peer in self.peers:
            # A message may be on its way when the first PING is answered: its order to that is not promised.
            for _ in range(2):
                self.received[peer] += frames_before_pong(peer)
            self.s.record(peer, "everything received", b"", in_order(self.received[peer]), ())

    def publish(self):
        self.number += 1
        kind, name = self.draw.choice(["PUBLISH", "PUBLISH", "SPUBLISH"]), self.draw.choice(NAMES)
        peer = self.publisher
        peer.command(kind, name, f"{self.seed}-{self.number}")

    def change(self):
        peer, kind = self.draw.choice(self.peers), self.draw.choice(["", "", "P", "S"])
        names = self.draw.sample(PATTERNS if kind == "P" else NAMES, self.draw.randrange(1, 4))
        if kind == "S":
            names = names[:1]
        held = self.held[peer, kind]
        if self.draw.random() < 0.55:
            peer.send(f"{kind}SUBSCRIBE", *names)
            held.update(names)
        elif len(held) <= 1 and self.draw.random() < 0.3:
            peer.send(f"{kind}UNSUBSCRIBE")
            held.clear()
        else:
            peer.send(f"{kind}UNSUBSCRIBE", *names)
            held.difference_update(names)
        # The next publish must find this done.
        self.received[peer] += frames_before_pong(peer)


@script
def subscriptions(s):
    for seed in range(CONVERSATIONS):
        drawn = Drawn(s, seed)
        drawn.run()
        for peer in [*drawn.peers, drawn.publisher]:
            peer.unrecorded("RESET")
            peer.connection.close()
