"""Sends one file of the corpus with kafka-python (idempotent by default): FILE BOOTSTRAP TOPIC SECONDS."""

import sys
import time

import kafka


def main():
    path, bootstrap, topic, seconds = sys.argv[1:]
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")[:-1]
    failures = []
    producer = kafka.KafkaProducer(
        bootstrap_servers=bootstrap, compression_type="snappy", linger_ms=10, batch_size=64 * 1024, acks="all"
    )
    started, pause = time.monotonic(), float(seconds) / max(1, len(lines))
    confirmed = [0]

    def count(_place):
        confirmed[0] += 1

    for i, line in enumerate(lines):
        key, value = line.split(b"\t", 1)
        producer.send(topic, value=value, key=key).add_callback(count).add_errback(failures.append)
        if i % 100 == 0:
            ahead = started + i * pause - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
    producer.flush(timeout=120)
    producer.close(timeout=10)
    if failures or confirmed[0] != len(lines):
        raise SystemExit(f"{confirmed[0]} of {len(lines)} lines confirmed, {len(failures)} refused: {failures[:2]}")


if __name__ == "__main__":
    main()
