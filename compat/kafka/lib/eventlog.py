"""What a client process saw, in a file that survives its SIGKILL.

One fixed-size entry per event, appended with plain write(2) before the client does anything that depends on it (such as
committing), so that whatever the server was told has been written down first. The jobs in ../mainjob and ../crash read
the files while they grow and check them against each other.
"""

import os
import struct
import time
import zlib

# kind u8, source u8, partition u16, seq u32, offset i64, crc u32, unused u32, time i64 (monotonic ns, one clock a machine)
ENTRY = struct.Struct("<BBHIqIIq")

RECORD = 0  # consumed: source, seq and crc of the record, its partition and offset
ASSIGNED = 1  # partition given to this member; offset = where its group's commit stands. time = before asking for that
REVOKED = 2  # partition taken away
COMMITTED = 3  # the server confirmed this commit: partition, offset. time = after the answer
ACKED = 4  # produced and confirmed: source, seq, crc, partition, offset
FAILED = 5  # produce reported as failed: source, seq; offset = the client's error code

# Offsets of ASSIGNED that are not a commit.
START_NONE = -1  # the group has no commit there: it starts at the beginning
START_UNKNOWN = -2  # the commit could not be read


class Writer:
    """Appends entries; nothing is buffered beyond one call of `write`."""

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, entries):
        """`entries`: packed bytes, any number of whole entries."""
        view = memoryview(entries)
        while view:
            view = view[os.write(self._file, view) :]

    def event(self, kind, partition=0, offset=0, source=0, seq=0, crc=0, at=None):
        """Writes one entry."""
        self.write(ENTRY.pack(kind, source, partition, seq, offset, crc, 0, at or time.monotonic_ns()))


class Reader:
    """Reads the entries that were added since the last call; a torn last entry waits for its rest."""

    def __init__(self, path):
        self.path = path
        self._position = 0

    def new(self):
        """Yields tuples (kind, source, partition, seq, offset, crc, unused, time)."""
        try:
            with open(self.path, "rb") as file:
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return iter(())
        whole = len(data) - len(data) % ENTRY.size
        self._position += whole
        return ENTRY.iter_unpack(data[:whole])


def value_of(source, seq, text):
    """A record's value: who sent it, its number there, and the text (bytes)."""
    return b"%d:%d:%s" % (source, seq, text)


def checksum(key, value):
    """Identity of a record's content (key and value are bytes)."""
    return zlib.crc32(value, zlib.crc32(key))


def record_entry(partition, offset, key, value):
    """The packed RECORD entry of a consumed record made by `value_of`."""
    source, seq, _ = value.split(b":", 2)
    return ENTRY.pack(RECORD, int(source), partition, int(seq), offset, checksum(key, value), 0, 0)
