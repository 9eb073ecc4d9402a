"""Breaks every promise once on purpose: the checker must see it, and nothing else."""

import unittest

import history

Q, F = "crash", "crash.fifo"


def good():
    """A history in which everything is right."""
    return [
        ["send", 1.0, Q, 0, 0], ["sent", 1.1, Q, 0, 0, "a", None],
        ["send", 1.2, Q, 0, 1],  # never answered
        ["receive", 2.0, 2.1, Q, [[0, 0, "a", 1]]],
        ["release", 2.2, Q, "a"],
        ["receive", 2.3, 2.4, Q, [[0, 0, "a", 2]]],
        ["delete", 2.5, Q, "a"], ["deleted", 2.6, Q, "a"],
        ["send", 1.0, F, 1, 0], ["sent", 1.1, F, 1, 0, "x", "10"],
        ["send", 1.2, F, 1, 3], ["sent", 1.3, F, 1, 3, "y", "11"],
        ["again", 1.4, F, 1, 0, "x", "10"],
        ["receive", 3.0, 3.1, F, [[1, 0, "x", 1], [1, 3, "y", 1]]],
        ["delete", 3.2, F, "x"], ["deleted", 3.3, F, "x"],
        ["receive", 6.0, 6.1, F, [[1, 3, "y", 2]]],
        ["delete", 6.2, F, "y"], ["deleted", 6.3, F, "y"],
    ]


def found(lines):
    checked = history.History(2.0)
    for line in lines:
        checked.add(line)
    checked.check()
    return set(checked.counts)


class Checks(unittest.TestCase):
    def test_good(self):
        self.assertEqual(found(good()), set())

    def test_lost(self):
        self.assertEqual(found([*good(), ["send", 1.0, Q, 0, 7], ["sent", 1.1, Q, 0, 7, "z", None]]), {"acknowledged send lost"})

    def test_unknown(self):
        self.assertEqual(found([*good(), ["receive", 7.0, 7.1, Q, [[0, 99, "n", 1]]]]), {"unknown message"})

    def test_after_delete(self):
        self.assertIn("delivered after its delete", found([*good(), ["receive", 9.0, 9.1, Q, [[0, 0, "a", 3]]]]))

    def test_count_fell(self):
        lines = good()
        lines[5] = ["receive", 2.3, 2.4, Q, [[0, 0, "a", 1]]]
        self.assertEqual(found(lines), {"receive count fell"})

    def test_two_hands(self):
        lines = [line for line in good() if line[0] != "release"]
        self.assertEqual(found(lines), {"in two hands"})

    def test_duplicate_stored(self):
        self.assertIn("duplicate stored", found([*good(), ["receive", 9.0, 9.1, F, [[1, 3, "other", 1]]]]))

    def test_duplicate_answered_otherwise(self):
        self.assertEqual(found([*good(), ["again", 5.0, F, 1, 3, "y", "12"]]), {"duplicate answered otherwise"})

    def test_overtaken(self):
        lines = good()
        lines[13] = ["receive", 3.0, 3.1, F, [[1, 3, "y", 1]]]
        lines.insert(14, ["receive", 3.05, 3.15, F, [[1, 0, "x", 1]]])
        self.assertEqual(found(lines), {"overtaken in its group"})

    def test_order_in_one_answer(self):
        lines = good()
        lines[13] = ["receive", 3.0, 3.1, F, [[1, 3, "y", 1], [1, 0, "x", 1]]]
        self.assertIn("order in one answer", found(lines))


if __name__ == "__main__":
    unittest.main()
