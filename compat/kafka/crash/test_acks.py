"""The checker must see what it is there to see. Run before every job, and by `python3 -m unittest`."""

import unittest

import acks
import history


class CheckTest(unittest.TestCase):
    def found(self, log, acked, idempotent=frozenset({0})):
        """`log`: [(partition, offset, source, seq, crc)], `acked`: {source: [(seq, partition, offset, crc)]}."""
        violations = history.Violations()
        places = history.Places(violations)
        for partition, offset, source, seq, crc in log:
            places.see(partition, offset, source, seq, crc, "test")
        acks.check(acked, places, violations, idempotent)
        return dict(violations.counts)

    def test_a_clean_history(self):
        log = [(0, 0, 0, 0, 7), (0, 1, 1, 0, 8), (0, 2, 0, 1, 9), (1, 0, 0, 2, 5)]
        acked = {0: [(0, 0, 0, 7), (1, 0, 2, 9)], 1: [(0, 0, 1, 8)]}
        self.assertEqual(self.found(log, acked), {}, "what was not acknowledged may be there or not")

    def test_acknowledged_record_is_gone(self):
        self.assertEqual(self.found([(0, 0, 1, 0, 8)], {1: [(0, 0, 0, 8), (1, 0, 1, 9)]}), {"acknowledged record lost": 1})

    def test_acknowledged_record_has_another_content(self):
        self.assertEqual(self.found([(0, 0, 1, 0, 8)], {1: [(0, 0, 0, 9)]}), {"acknowledged record lost": 1})

    def test_repeated_batch_whose_place_is_unknown(self):
        self.assertEqual(self.found([(0, 0, 0, 0, 7)], {0: [(0, 0, -1, 7)]}), {})
        self.assertEqual(self.found([], {0: [(0, 0, -1, 7)]}), {"acknowledged record lost": 1})

    def test_stored_twice(self):
        log = [(0, 0, 0, 0, 7), (0, 1, 0, 0, 7)]
        self.assertEqual(self.found(log, {}), {"stored twice": 1})
        self.assertEqual(self.found(log, {}, idempotent=frozenset()), {}, "others may repeat")

    def test_out_of_order(self):
        self.assertEqual(self.found([(0, 0, 0, 1, 7), (0, 1, 0, 0, 7)], {}), {"out of order": 1})


if __name__ == "__main__":
    unittest.main()
