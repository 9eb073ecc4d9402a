"""Checks what clients wrote down (see events) against what queues promise, whatever the server went through."""

import bisect
import collections

import events

# Violations kept in words; beyond that they are only counted.
KEPT_MESSAGES = 30


class History:
    """Feed it with `add`, ask `check`. `visibility`: seconds a received message stays hidden; `fifo`: names of FIFO queues."""

    def __init__(self, visibility, fifo=("crash.fifo",)):
        self.visibility, self.fifo = visibility, set(fifo)
        self.counts, self.messages = collections.Counter(), []
        self.sent = {}  # (queue, source, n) -> (time of the answer, id, sequence)
        self.begun = set()  # everything that was ever attempted
        self.again = []
        self.receives = []  # (begun, ended, queue, [(source, n, id, count)])
        self.delete_begun, self.delete_ended = {}, {}  # (queue, id) -> first time
        self.releases = collections.defaultdict(list)  # (queue, id) -> times

    def violation(self, name, words):
        self.counts[name] += 1
        if len(self.messages) < KEPT_MESSAGES:
            self.messages.append(f"{name}: {words}")

    def add(self, event):
        what = event[0]
        if what == "send":
            self.begun.add(tuple(event[2:5]))
        elif what == "sent":
            self.sent[tuple(event[2:5])] = (event[1], *event[5:7])
        elif what == "again":
            self.again.append(event)
        elif what == "receive":
            self.receives.append((event[1], event[2], event[3], [tuple(one) for one in event[4]]))
        elif what == "delete":
            self.delete_begun.setdefault((event[2], event[3]), event[1])
        elif what == "deleted":
            self.delete_ended.setdefault((event[2], event[3]), event[1])
        elif what == "release":
            self.releases[event[2], event[3]].append(event[1])

    def check(self):
        """Runs every check; the number of violations."""
        self.receives.sort(key=lambda one: one[1])
        self.deliveries = collections.defaultdict(list)  # (queue, id) -> [(begun, ended, count, source, n)]
        for begun, ended, queue, messages in self.receives:
            for source, n, message_id, count in messages:
                self.deliveries[queue, message_id].append((begun, ended, count, source, n))
        self.check_losses()
        self.check_identity()
        self.check_deleted()
        self.check_counts_and_leases()
        self.check_groups()
        return sum(self.counts.values())

    def check_losses(self):
        """Everything acknowledged was delivered, under the id that was told; nothing was delivered that nobody sent."""
        delivered = {(queue, message_id) for queue, message_id in self.deliveries}
        for (queue, source, n), (_, message_id, _) in self.sent.items():
            if (queue, message_id) not in delivered:
                self.violation("acknowledged send lost", f"{queue} {source}:{n} {message_id} never came")
        for (queue, message_id), found in self.deliveries.items():
            for *_, source, n in found:
                if (queue, source, n) not in self.begun:
                    self.violation("unknown message", f"{queue} {source}:{n} {message_id}")

    def check_identity(self):
        """In a FIFO queue a deduplication id stands for one message, also across restarts."""
        ids = collections.defaultdict(set)
        for (queue, message_id), found in self.deliveries.items():
            for *_, source, n in found:
                ids[queue, source, n].add(message_id)
        for (queue, source, n), found in ids.items():
            if queue in self.fifo and len(found) > 1:
                self.violation("duplicate stored", f"{queue} {source}:{n} is {sorted(found)}")
        for _, at, queue, source, n, message_id, sequence in self.again:
            first = self.sent.get((queue, source, n))
            if first and first[1:] != (message_id, sequence):
                self.violation("duplicate answered otherwise", f"{queue} {source}:{n}: {first[1:]}, then {(message_id, sequence)}")

    def check_deleted(self):
        """Nothing is returned by a receive that began after the delete had been answered."""
        for key, found in self.deliveries.items():
            ended = self.delete_ended.get(key)
            for begun, _, count, source, n in found:
                if ended is not None and begun > ended:
                    self.violation("delivered after its delete", f"{key[0]} {source}:{n} {key[1]}, delivery {count}, {begun - ended:.3f} s later")

    def check_counts_and_leases(self):
        """Counts rise with each delivery; a message is not delivered again before its time, unless it was given back."""
        for key, found in self.deliveries.items():
            for before, after in zip(found, found[1:]):
                if before[1] < after[0] and after[2] <= before[2]:
                    self.violation("receive count fell", f"{key[0]} {after[3]}:{after[4]} {key[1]}: {before[2]}, then {after[2]}")
                released = any(before[0] < at < after[1] for at in self.releases.get(key, ()))
                if after[1] < before[0] + self.visibility and not released:
                    gap = after[1] - before[0]
                    self.violation("in two hands", f"{key[0]} {after[3]}:{after[4]} {key[1]}: again after {gap:.3f} s of {self.visibility}")

    def check_groups(self):
        """FIFO: when a message is delivered, every older one of its group is deleted or comes in the same answer before it."""
        for queue in self.fifo:
            older = collections.defaultdict(list)  # group -> [(n, key)] in order
            for (name, source, n), (_, message_id, _) in sorted(self.sent.items(), key=lambda one: one[0][2]):
                if name == queue:
                    older[events.group_of(source, n)].append((n, (queue, message_id)))
            # Nothing before this point of a group's list is left: it was deleted before everything looked at later began.
            settled = collections.Counter()
            for begun, ended, name, messages in self.receives:
                if name != queue:
                    continue
                seen = collections.defaultdict(list)
                for source, n, message_id, _ in messages:
                    group = events.group_of(source, n)
                    if seen[group] and seen[group][-1] > n:
                        self.violation("order in one answer", f"{queue} {group}: {n} after {seen[group][-1]}")
                    self.check_older(older[group], settled, group, begun, ended, n, set(seen[group]), f"{queue} {group}: {n} of {source}")
                    seen[group].append(n)

    def check_older(self, line, settled, group, begun, ended, n, together, who):
        end = bisect.bisect_left(line, (n,))
        for at in range(settled[group], end):
            number, key = line[at]
            asked = self.delete_begun.get(key)
            if asked is not None and asked < ended:
                if at == settled[group] and self.delete_ended.get(key, begun) < begun:
                    settled[group] += 1
                continue
            if number not in together:
                self.violation("overtaken in its group", f"{who} came while {number} was there")
                return
