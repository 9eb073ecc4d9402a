"""The member of consumer_confluent.py on kafka-python 3: same log, same rules, another client.

This client runs the rebalance callbacks on its own thread and forbids requests in them. So what it loses in a rebalance
is not committed first (the records come again), and where it starts is known from its first record.
"""

import argparse
import signal
import sys
import time

import eventlog
import kafka
import kafka.errors
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.structs import OffsetAndMetadata

COMMIT_EVERY_S = 0.3


class Member(ConsumerRebalanceListener):
    def __init__(self, options):
        self.options = options
        self.positions = {}
        self.events = []
        self.stopping = False
        self.consumer = kafka.KafkaConsumer(
            bootstrap_servers=options.bootstrap,
            group_id=options.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=options.session_ms,
            heartbeat_interval_ms=500,
            fetch_max_wait_ms=100,
            max_poll_records=500,
            reconnect_backoff_ms=20,
            reconnect_backoff_max_ms=300,
            # What confluent-kafka offers by default too, so that both can be in one group.
            partition_assignment_strategy=assignors(),
        )

    def on_partitions_assigned(self, assigned):
        now = time.monotonic_ns()
        self.events += [(eventlog.ASSIGNED, p, eventlog.START_UNKNOWN, now) for p in assigned]

    def on_partitions_revoked(self, revoked):
        self.events += [(eventlog.REVOKED, p, 0, 0) for p in revoked]

    def on_partitions_lost(self, lost):
        self.on_partitions_revoked(lost)

    def take_events(self):
        """Writes down what the callbacks saw. Called between poll() and its records: rebalances happen inside poll()."""
        events, self.events = self.events, []
        for kind, part, offset, at in events:
            if kind == eventlog.REVOKED:
                self.positions.pop(part, None)
            self.log.event(kind, part.partition, offset, at=at)

    def commit(self):
        if not self.positions:
            return
        extra = [-1] if "leader_epoch" in OffsetAndMetadata._fields else []
        asked = dict(self.positions)
        try:
            self.consumer.commit({part: OffsetAndMetadata(offset, "", *extra) for part, offset in asked.items()})
        except kafka.errors.KafkaError:
            return  # a rebalance: the records come again, to us or to another member
        for part, offset in asked.items():
            self.log.event(eventlog.COMMITTED, part.partition, offset)
        self.positions = {p: o for p, o in self.positions.items() if asked.get(p) != o}

    def run(self):
        self.consumer.subscribe([self.options.topic], listener=self)
        committed_at = time.monotonic()
        while not self.stopping:
            try:
                batches = self.consumer.poll(timeout_ms=100)
            except kafka.errors.KafkaError:  # this client raises when the server is away for a moment
                batches = {}
                time.sleep(0.05)
            self.take_events()
            entries = bytearray()
            for part, messages in batches.items():
                for m in messages:
                    entries += eventlog.record_entry(m.partition, m.offset, m.key or b"", m.value)
                if messages:
                    self.positions[part] = messages[-1].offset + 1
            if entries:
                self.log.write(entries)
            if time.monotonic() - committed_at > COMMIT_EVERY_S:
                self.commit()
                committed_at = time.monotonic()
        self.commit()
        self.consumer.close(autocommit=False)


def assignors():
    from kafka.coordinator.assignors.range import RangePartitionAssignor
    from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

    return [RangePartitionAssignor, RoundRobinPartitionAssignor]


def main():
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "topic", "group", "log"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--session-ms", type=int, default=6000)
    member = Member(parser.parse_args())

    def stop(_signal, _frame):
        member.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Its appearance tells that signals are handled now (see members.py).
    member.log = eventlog.Writer(member.options.log)
    member.run()


if __name__ == "__main__":
    sys.exit(main())
