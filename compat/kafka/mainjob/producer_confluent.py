"""Sends one file of the corpus with confluent-kafka (idempotent): FILE BOOTSTRAP TOPIC SECONDS."""

import sys
import time

import confluent_kafka as ck


def main():
    path, bootstrap, topic, seconds = sys.argv[1:]
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")[:-1]
    failures = []

    def report(error, _message):
        if error:
            failures.append(error)

    producer = ck.Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "compression.type": "zstd",
            "linger.ms": 10,
            "queue.buffering.max.messages": 50_000,
            "on_delivery": report,
        }
    )
    started, pause = time.monotonic(), float(seconds) / max(1, len(lines))
    for i, line in enumerate(lines):
        key, value = line.split(b"\t", 1)
        while True:
            try:
                producer.produce(topic, value=value, key=key)
                break
            except BufferError:
                producer.poll(0.1)
        if i % 100 == 0:
            producer.poll(0)
            ahead = started + i * pause - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
    left = producer.flush(120)
    if left or failures:
        raise SystemExit(f"{left} lines not sent, {len(failures)} refused: {failures[:2]}")


if __name__ == "__main__":
    main()
