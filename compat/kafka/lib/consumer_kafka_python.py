"""The member of consumer_confluent.py on kafka-python: same log, same rules, another client."""

import argparse
import signal
import sys
import time

import eventlog
import kafka
import kafka.errors
from kafka.structs import OffsetAndMetadata

COMMIT_EVERY_S = 0.3


class Member(kafka.ConsumerRebalanceListener):
    def __init__(self, options):
        self.options = options
        self.log = eventlog.Writer(options.log)
        self.positions = {}
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
        for part in assigned:
            asked = time.monotonic_ns()
            offset = self.consumer.committed(part)
            self.log.event(eventlog.ASSIGNED, part.partition, -1 if offset is None else offset, at=asked)

    def on_partitions_revoked(self, revoked):
        self.commit()
        for part in revoked:
            self.positions.pop(part, None)
            self.log.event(eventlog.REVOKED, part.partition)

    def on_partitions_lost(self, lost):
        for part in lost:
            self.positions.pop(part, None)
            self.log.event(eventlog.REVOKED, part.partition)

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
            entries = bytearray()
            for part, messages in self.consumer.poll(timeout_ms=100).items():
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
    member.run()


if __name__ == "__main__":
    sys.exit(main())
