"""A producer that outlives its server: sends numbered records with acks=all until SIGTERM, and writes down each answer.

Answers go to an event log (../lib/eventlog.py): ACKED with the place the server named, or FAILED. Exits 3 when the client
declares itself dead (an idempotent producer whose sequence the server no longer knows).
"""

import argparse
import os
import signal
import sys
import time

import confluent_kafka as ck
import eventlog

# Records that may wait for an answer; small, so that after the end of the run everything can be confirmed.
WAITING_MAX = 5000
# Longer than any outage of the run: giving up on a record would leave its fate unknown.
TIMEOUT_MS = 300_000
FLUSH_S = 60
KEYS = 40


class Producer:
    def __init__(self, options):
        self.options = options
        self.log = eventlog.Writer(options.log)
        self.answers = bytearray()
        self.stopping = False
        self.dead = None
        self.waiting = 0
        self.client = ck.Producer(
            {
                "bootstrap.servers": options.bootstrap,
                "enable.idempotence": options.idempotent,
                "acks": "all",
                "compression.type": options.codec,
                "linger.ms": 2,
                "message.timeout.ms": TIMEOUT_MS,
                "message.send.max.retries": 2147483647,
                "retry.backoff.ms": 20,
                "retry.backoff.max.ms": 200,
                "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 300,
                "socket.connection.setup.timeout.ms": 2000,
                "error_cb": self.error,
                "log_level": 0,
            }
        )

    def error(self, error):
        if error.fatal():
            self.dead = error

    def answered(self, seq, crc):
        source = self.options.source

        def report(error, message):
            self.waiting -= 1
            now = time.monotonic_ns()
            if error:
                entry = (eventlog.FAILED, source, 0, seq, error.code(), crc, 0, now)
            else:
                entry = (eventlog.ACKED, source, message.partition(), seq, message.offset(), crc, 0, now)
            self.answers += eventlog.ENTRY.pack(*entry)

        return report

    def poll(self, seconds):
        self.client.poll(seconds)
        if self.answers:
            self.log.write(self.answers)
            self.answers.clear()
        if self.dead:
            print(f"source {self.options.source}: {self.dead}", flush=True)
            # Not through sys.exit: the client would wait for answers that cannot come.
            os._exit(3)

    def run(self):
        seq, started = 0, time.monotonic()
        while not self.stopping:
            due = int((time.monotonic() - started) * self.options.rate)
            while seq < due and self.waiting < WAITING_MAX:
                key = b"k%d" % (seq % KEYS)
                value = eventlog.value_of(self.options.source, seq, b"x" * (seq * 7919 % 400))
                self.client.produce(
                    self.options.topic, value=value, key=key, on_delivery=self.answered(seq, eventlog.checksum(key, value))
                )
                self.waiting += 1
                seq += 1
            if self.waiting >= WAITING_MAX:
                # What the outage has cost is not made up for: that would be a burst after every restart.
                started = time.monotonic() - seq / self.options.rate
            self.poll(0.005)
        deadline = time.monotonic() + FLUSH_S
        while self.waiting and time.monotonic() < deadline:
            self.poll(0.1)
        print(f"source {self.options.source}: {seq} sent, {self.waiting} unanswered", flush=True)
        return 1 if self.waiting else 0


def main():
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "topic", "log"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--source", type=int, required=True)
    parser.add_argument("--idempotent", action="store_true")
    parser.add_argument("--codec", default="none")
    parser.add_argument("--rate", type=float, default=1000, help="records per second")
    producer = Producer(parser.parse_args())

    def stop(_signal, _frame):
        producer.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return producer.run()


if __name__ == "__main__":
    sys.exit(main())
