"""What producers were told (see producer.py), and whether the log agrees."""

import collections

import eventlog


class Acks:
    """What the producers were told."""

    def __init__(self):
        self.readers = {}
        self.acked = collections.defaultdict(list)  # source -> [(seq, partition, offset, crc)]
        self.failed = collections.Counter()
        self.ends = {}  # partition -> one past the highest acknowledged offset

    def add(self, source, path):
        self.readers[source] = eventlog.Reader(path)

    def read(self):
        for reader in self.readers.values():
            for kind, source, partition, seq, offset, crc, _, _ in reader.new():
                if kind == eventlog.ACKED:
                    self.acked[source].append((seq, partition, offset, crc))
                    if offset >= 0:
                        self.ends[partition] = max(self.ends.get(partition, 0), offset + 1)
                else:
                    self.failed[source] += 1

    def counts(self):
        return {source: len(self.acked[source]) for source in self.readers}


def check(acked, places, violations, idempotent):
    """Compares what producers were told with what the log holds.

    `acked`: as in Acks; `places`: a history.Places of the whole log; `idempotent`: the sources that must be stored once
    and in order.
    """
    for source, answers in acked.items():
        for seq, partition, offset, crc in answers:
            if offset < 0:
                # The answer to a repeated batch that the server no longer remembers by offset: its place is unknown.
                continue
            if places.holds(partition, offset) != (source, seq, crc):
                found = places.holds(partition, offset)
                violations.add(
                    "acknowledged record lost",
                    f"{source}:{seq} was acknowledged at partition {partition} offset {offset}, where there is {found}",
                )
    counts, last = collections.Counter(), {}
    for partition in places.partitions():
        for offset, source, seq in places.walk(partition):
            if source not in idempotent:
                continue
            counts[source, seq] += 1
            if counts[source, seq] > 1:
                violations.add("stored twice", f"{source}:{seq} again at partition {partition} offset {offset}")
            elif seq < last.get((source, partition), -1):
                violations.add("out of order", f"{source}:{seq} at partition {partition} offset {offset}")
            last[source, partition] = max(seq, last.get((source, partition), -1))
    for source in idempotent:
        for seq, *_ in acked.get(source, ()):
            if counts[source, seq] == 0:
                violations.add("acknowledged record lost", f"{source}:{seq} is nowhere in the log")
