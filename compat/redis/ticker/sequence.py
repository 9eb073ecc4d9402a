"""What one subscription saw of each channel: first and last number, how many, and the first fault."""


class Sequence:
    """Feed it with `see`."""

    def __init__(self):
        self.channels = {}

    def see(self, channel, payload):
        number = int(payload.split(" ", 1)[0])
        seen = self.channels.setdefault(channel, [number, number - 1, 0, None])
        if number != seen[1] + 1 and seen[3] is None:
            seen[3] = f"{number} after {seen[1]}"
        seen[1] = number
        seen[2] += 1

    def complete(self, kind, name, last):
        """Whether it has seen the last number of every channel that concerns it."""
        concerned = [c for c in last if c == name] if kind == "e" else [c for c in last if c.startswith(name[:-1])]
        return all(c in self.channels and self.channels[c][1] >= last[c] for c in concerned)
