"""A group member on confluent-kafka that writes down what it gets: used by ../mainjob and ../crash.

Commits synchronously a few times a second what it has written down, so a kill may cost repeats and never a record.
SIGTERM: commit, leave the group, exit 0. SIGUSR1: a slow member goes on at full speed.
"""

import argparse
import signal
import sys
import time

import confluent_kafka as ck
import eventlog

COMMIT_EVERY_S = 0.3
BATCH = 500


class Member:
    def __init__(self, options):
        self.options = options
        self.positions = {}  # partition -> next offset not committed yet
        self.stopping = False
        self.rate = options.rate
        self.consumer = ck.Consumer(
            {
                "bootstrap.servers": options.bootstrap,
                "group.id": options.group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": options.session_ms,
                "heartbeat.interval.ms": 500,
                "check.crcs": True,
                "fetch.wait.max.ms": 100,
                "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 300,
                "socket.connection.setup.timeout.ms": 2000,
                "log_level": 0,
            },
        )

    def assigned(self, consumer, partitions):
        asked = time.monotonic_ns()
        try:
            partitions = consumer.committed(partitions, timeout=10)
        except ck.KafkaException:  # the client itself asks again before it reads
            for p in partitions:
                self.log.event(eventlog.ASSIGNED, p.partition, eventlog.START_UNKNOWN, at=asked)
        else:
            for p in partitions:
                self.log.event(eventlog.ASSIGNED, p.partition, max(p.offset, eventlog.START_NONE), at=asked)
        consumer.assign(partitions)

    def revoked(self, consumer, partitions):
        self.commit()
        self.lost(consumer, partitions)

    def lost(self, _consumer, partitions):
        for p in partitions:
            self.positions.pop(p.partition, None)
            self.log.event(eventlog.REVOKED, p.partition)

    def commit(self):
        if not self.positions:
            return
        topic = self.options.topic
        asked = [ck.TopicPartition(topic, p, offset) for p, offset in self.positions.items()]
        try:
            done = self.consumer.commit(offsets=asked, asynchronous=False)
        except ck.KafkaException:
            return  # a rebalance or a restart of the server: the records come again, to us or to another member
        for p in done:
            if p.error is None:
                self.log.event(eventlog.COMMITTED, p.partition, p.offset)
                if self.positions.get(p.partition) == p.offset:
                    del self.positions[p.partition]

    def run(self):
        self.consumer.subscribe(
            [self.options.topic], on_assign=self.assigned, on_revoke=self.revoked, on_lost=self.lost
        )
        committed_at = time.monotonic()
        while not self.stopping:
            messages = self.consumer.consume(min(BATCH, max(1, self.rate // 10)) if self.rate else BATCH, 0.1)
            entries = bytearray()
            for m in messages:
                if m.error() is None:
                    entries += eventlog.record_entry(m.partition(), m.offset(), m.key() or b"", m.value())
                    self.positions[m.partition()] = m.offset() + 1
                elif m.error().fatal():
                    raise ck.KafkaException(m.error())
            if entries:
                self.log.write(entries)
            if time.monotonic() - committed_at > COMMIT_EVERY_S:
                self.commit()
                committed_at = time.monotonic()
            if self.rate and messages:
                time.sleep(len(messages) / self.rate)
        self.commit()
        self.consumer.close()


def main():
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "topic", "group", "log"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--session-ms", type=int, default=6000)
    parser.add_argument("--rate", type=int, default=0, help="records per second at most; 0: no limit")
    member = Member(parser.parse_args())

    def stop(_signal, _frame):
        member.stopping = True

    def hurry(_signal, _frame):
        member.rate = 0

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, hurry)
    # Its appearance tells that signals are handled now (see members.py).
    member.log = eventlog.Writer(member.options.log)
    member.run()


if __name__ == "__main__":
    sys.exit(main())
