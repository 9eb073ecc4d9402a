"""The records that every client suite writes and reads back, so that all clients are held to the same data."""

import collections
import time

# The instant (ms since the epoch) of the first record: in the past, so that no record is of the future, and recent, or
# retention by time would rightly take the records away during the test.
BASE_TIME_MS = int(time.time()) * 1000 - 3_600_000

Sent = collections.namedtuple("Sent", "key value headers timestamp")


def make(count, keys=7, size=120, base_time=BASE_TIME_MS):
    """`count` records over `keys` keys: UTF-8 beyond ASCII, a repeated header, an empty one, a second apart each."""
    records = []
    for i in range(count):
        key = f"key-{i % keys}".encode()
        value = f"{i:06d} räksmörgås 🦐 ".encode() + bytes((i + j) % 251 for j in range(size))
        headers = [("trace", f"t{i}".encode()), ("trace", b"again"), ("empty", b"")]
        records.append(Sent(key, value, headers, base_time + i * 1000))
    return records


def sequence(value):
    """The number that `make` put at the start of a value."""
    return int(value[:6])


def assert_order_per_key(received):
    """`received`: (partition, key, value) in the order of arrival. Each key in one partition, in ascending order."""
    last, home = {}, {}
    for partition, key, value in received:
        number = sequence(value)
        assert home.setdefault(key, partition) == partition, f"{key} in partitions {home[key]} and {partition}"
        assert last.get(key, -1) < number, f"{key}: {number} after {last[key]}"
        last[key] = number
