"""The checkers must see what they are there to see: every promise broken once, on purpose.

Standard library only: `python3 -m unittest discover -s compat/kafka/lib`. Both jobs run this before they start.
"""

import pathlib
import tempfile
import unittest

import eventlog
import history


class GroupTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.violations = history.Violations()
        self.places = history.Places(self.violations)
        self.group = history.GroupHistory("g", self.places, self.violations, {0: 10}, lambda source, seq: seq)
        self.time = 0

    def member(self, name):
        path = pathlib.Path(self.folder.name) / name
        self.group.add_member(name, path)
        return eventlog.Writer(path)

    def assigned(self, log, offset=0, partition=0, at=None):
        self.time += 1
        log.event(eventlog.ASSIGNED, partition, offset, at=at or self.time)

    def committed(self, log, offset, partition=0, at=None):
        self.time += 1
        log.event(eventlog.COMMITTED, partition, offset, at=at or self.time)

    def record(self, log, offset, seq=None, partition=0, crc=None):
        seq = offset if seq is None else seq
        log.event(eventlog.RECORD, partition, offset, source=0, seq=seq, crc=seq if crc is None else crc)

    def found(self):
        self.group.read()
        self.group.check_commits()
        return dict(self.violations.counts)

    def test_a_clean_history(self):
        first, second = self.member("a"), self.member("b")
        self.assigned(first, eventlog.START_NONE)
        for offset in range(5):
            self.record(first, offset)
        self.committed(first, 3)
        first.event(eventlog.REVOKED, 0)
        self.assigned(second, 3)  # 3 and 4 come again: their commit was never confirmed
        for offset in range(3, 10):
            self.record(second, offset)
        self.assertEqual(self.found(), {})
        self.assertEqual((self.group.seen.distinct, self.group.seen.deliveries), (10, 12))
        self.assertEqual(list(self.group.seen.missing()), [])

    def test_hole(self):
        log = self.member("a")
        self.assigned(log)
        self.record(log, 0)
        self.record(log, 2)
        self.assertEqual(self.found(), {"hole": 1})
        self.assertIn((0, 1), list(self.group.seen.missing()))

    def test_hole_at_the_start(self):
        log = self.member("a")
        self.assigned(log, 3)
        self.record(log, 4)
        self.assertEqual(self.found(), {"hole": 1})

    def test_rewind_without_a_rebalance(self):
        log = self.member("a")
        self.assigned(log)
        for offset in (0, 1, 0):
            self.record(log, offset)
        self.assertEqual(self.found(), {"rewind": 1})

    def test_record_of_a_partition_that_was_taken_away(self):
        log = self.member("a")
        self.assigned(log)
        log.event(eventlog.REVOKED, 0)
        self.record(log, 0)
        self.assertEqual(self.found(), {"record without assignment": 1})

    def test_two_values_at_one_offset(self):
        first, second = self.member("a"), self.member("b")
        for log, seq in ((first, 5), (second, 6)):
            self.assigned(log)
            self.record(log, 0, seq=seq)
        self.assertEqual(self.found(), {"offset with two values": 1})

    def test_changed_and_unknown_records(self):
        log = self.member("a")
        self.assigned(log)
        self.record(log, 0, crc=99)
        self.assertEqual(self.found(), {"changed record": 1})
        self.group._expected_crc = None
        self.record(log, 1, seq=12)
        self.assertEqual(self.found(), {"changed record": 1, "unknown record": 1})

    def test_start_before_a_confirmed_commit(self):
        first, second = self.member("a"), self.member("b")
        self.committed(first, 7, at=100)
        self.assigned(second, 6, at=101)
        self.assertEqual(self.found(), {"commit went back": 1})

    def test_start_known_from_the_first_record_only(self):
        first, second = self.member("a"), self.member("b")
        self.committed(first, 7, at=100)
        self.assigned(second, eventlog.START_UNKNOWN, at=101)
        self.record(second, 6)
        self.assertEqual(self.found(), {"commit went back": 1})

    def test_commit_after_the_question_does_not_count(self):
        first, second = self.member("a"), self.member("b")
        self.committed(first, 7, at=101)
        self.assigned(second, 6, at=100)
        self.assertEqual(self.found(), {})

    def test_an_entry_is_read_when_it_is_whole(self):
        path = pathlib.Path(self.folder.name) / "torn"
        whole = eventlog.record_entry(0, 3, b"k", eventlog.value_of(1, 2, b"text"))
        reader = eventlog.Reader(path)
        self.assertEqual(list(reader.new()), [])
        path.write_bytes(whole + whole[:10])
        self.assertEqual(len(list(reader.new())), 1)
        path.write_bytes(whole + whole)
        (entry,) = reader.new()
        self.assertEqual(entry[:5], (eventlog.RECORD, 1, 0, 2, 3))


if __name__ == "__main__":
    unittest.main()
