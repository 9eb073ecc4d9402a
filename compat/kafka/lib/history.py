"""Checks what clients wrote down (see eventlog) against what a log with consumer groups promises.

Topics here are never compacted, trimmed or transactional, so offsets have no holes: a member that is given a partition
must see every offset from its group's commit on, one after another, until the partition is taken away.
"""

import array
import collections

import eventlog

# Violations kept in words; beyond that they are only counted.
KEPT_MESSAGES = 30


class Violations:
    """Counts broken promises by name and keeps the first few in words."""

    def __init__(self):
        self.counts = collections.Counter()
        self.messages = []

    def add(self, name, message):
        self.counts[name] += 1
        if len(self.messages) < KEPT_MESSAGES:
            self.messages.append(f"{name}: {message}")

    def __bool__(self):
        return bool(self.counts)


class Places:
    """What each (partition, offset) holds. A second value for the same place is a violation."""

    def __init__(self, violations):
        self._violations = violations
        self._identity = collections.defaultdict(lambda: array.array("Q"))
        self._crc = collections.defaultdict(lambda: array.array("I"))

    def see(self, partition, offset, source, seq, crc, who):
        """Remembers the record at a place, or compares it with what was there."""
        identity, crcs = self._identity[partition], self._crc[partition]
        if offset >= len(identity):
            grow = offset + 1 - len(identity)
            identity.extend([0] * grow)
            crcs.extend([0] * grow)
        packed = (source << 32 | seq) + 1  # 0: nothing seen yet
        if identity[offset] == 0:
            identity[offset], crcs[offset] = packed, crc
        elif identity[offset] != packed or crcs[offset] != crc:
            was = identity[offset] - 1
            self._violations.add(
                "offset with two values",
                f"partition {partition} offset {offset}: {was >> 32}:{was & 0xFFFFFFFF} crc {crcs[offset]:08x}, "
                f"then {source}:{seq} crc {crc:08x} ({who})",
            )

    def partitions(self):
        return sorted(self._identity)

    def end(self, partition):
        """One past the highest offset seen."""
        return len(self._identity[partition])

    def walk(self, partition):
        """Yields (offset, source, seq) in the order of the log; source None where nothing was seen."""
        for offset, packed in enumerate(self._identity[partition]):
            if packed == 0:
                yield offset, None, None
            else:
                yield offset, (packed - 1) >> 32, (packed - 1) & 0xFFFFFFFF

    def holds(self, partition, offset):
        """(source, seq, crc) at a place, or None."""
        identity = self._identity[partition]
        if offset >= len(identity) or identity[offset] == 0:
            return None
        packed = identity[offset] - 1
        return packed >> 32, packed & 0xFFFFFFFF, self._crc[partition][offset]


class Seen:
    """How often each record of each source arrived (saturating at 255)."""

    def __init__(self, sizes):
        self._counts = {source: bytearray(size) for source, size in sizes.items()}
        self.distinct = 0
        self.deliveries = 0

    def add(self, source, seq):
        """False when there is no such record."""
        counts = self._counts.get(source)
        if counts is None or seq >= len(counts):
            return False
        self.deliveries += 1
        if counts[seq] == 0:
            self.distinct += 1
        if counts[seq] < 255:
            counts[seq] += 1
        return True

    def grow(self, source, size):
        """Makes room for `size` records of a source."""
        counts = self._counts.setdefault(source, bytearray())
        if size > len(counts):
            counts.extend(bytes(size - len(counts)))

    def missing(self):
        """Yields (source, seq) of records that never arrived."""
        for source, counts in self._counts.items():
            at = counts.find(0)
            while at != -1:
                yield source, at
                at = counts.find(0, at + 1)

    def repeated(self):
        """Yields (source, seq) of records that arrived more than once."""
        for source, counts in self._counts.items():
            for seq, count in enumerate(counts):
                if count > 1:
                    yield source, seq


class _StartsSomewhere:
    """A partition was assigned at `at`; its first record will tell where the member starts."""

    def __init__(self, at):
        self.at = at


class GroupHistory:
    """All members of one group, past and present. Feed it with `read`, finish with `check_commits`."""

    def __init__(self, name, places, violations, sizes=None, expected_crc=None):
        self.name = name
        self.places = places
        self.violations = violations
        self.seen = Seen(sizes) if sizes is not None else None
        self._expected_crc = expected_crc
        self._readers = {}  # member -> (Reader, {partition: next offset})
        self.commits = []  # (time, partition, offset)
        self.starts = []  # (time, partition, offset)

    def add_member(self, member, path):
        self._readers[member] = (eventlog.Reader(path), {})

    def read(self):
        """Takes in what members have written since the last call; the number of records among it."""
        records = 0
        for member, (reader, following) in self._readers.items():
            for kind, source, partition, seq, offset, crc, _, at in reader.new():
                if kind == eventlog.RECORD:
                    records += 1
                    self._record(member, following, source, partition, seq, offset, crc)
                elif kind == eventlog.ASSIGNED and offset == eventlog.START_UNKNOWN:
                    following[partition] = _StartsSomewhere(at)
                elif kind == eventlog.ASSIGNED:
                    self.starts.append((at, partition, offset))
                    following[partition] = max(offset, 0)
                elif kind == eventlog.REVOKED:
                    following.pop(partition, None)
                elif kind == eventlog.COMMITTED:
                    self.commits.append((at, partition, offset))
        return records

    def _record(self, member, following, source, partition, seq, offset, crc):
        who = f"{self.name}/{member}"
        if partition not in following:
            self.violations.add("record without assignment", f"{who}: partition {partition} offset {offset}")
        else:
            expected = following[partition]
            if isinstance(expected, _StartsSomewhere):
                self.starts.append((expected.at, partition, offset))
            elif offset > expected:
                self.violations.add("hole", f"{who}: partition {partition} went from {expected} to {offset}")
            elif offset < expected:
                self.violations.add("rewind", f"{who}: partition {partition} fell from {expected} to {offset}")
        following[partition] = offset + 1
        self.places.see(partition, offset, source, seq, crc, who)
        if self.seen is not None and not self.seen.add(source, seq):
            self.violations.add("unknown record", f"{who}: {source}:{seq} at partition {partition} offset {offset}")
        if self._expected_crc is not None and crc != self._expected_crc(source, seq):
            self.violations.add("changed record", f"{who}: {source}:{seq} at partition {partition} offset {offset}")

    def check_commits(self):
        """No member may start before a commit that was confirmed before it asked."""
        # A tie goes to the commit last: it was not confirmed *before*.
        events = sorted([(t, 1, p, o) for t, p, o in self.commits] + [(t, 0, p, o) for t, p, o in self.starts])
        highest = {}
        for _, is_commit, partition, offset in events:
            if is_commit:
                highest[partition] = max(highest.get(partition, -1), offset)
            elif offset < highest.get(partition, -1):
                self.violations.add(
                    "commit went back",
                    f"{self.name}: partition {partition} starts at {offset} after {highest[partition]} was committed",
                )

    def highest_commits(self):
        """Partition -> highest confirmed commit."""
        highest = {}
        for _, partition, offset in self.commits:
            highest[partition] = max(highest.get(partition, -1), offset)
        return highest
