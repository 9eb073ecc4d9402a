"""Clients of the kafka-python suites. Both the 2.0.2 and the 3.x client run the tests of this folder."""

import threading
import time

import kafka
import pytest
from kafka.admin import NewTopic


class Member(threading.Thread):
    """A group member in its own thread: this client blocks in poll() while the group rebalances."""

    def __init__(self, consumer):
        super().__init__(daemon=True)
        self.consumer = consumer
        self.received = []
        self.failure = None
        self._leave = threading.Event()

    def run(self):
        try:
            while not self._leave.is_set():
                for messages in self.consumer.poll(timeout_ms=50).values():
                    self.received += messages
        except Exception as failure:  # noqa: BLE001 - raised again in the test's own thread
            self.failure = failure
        finally:
            self.consumer.close(autocommit=False)

    def owned(self):
        if self.failure:
            raise self.failure
        return sorted(p.partition for p in self.consumer.assignment())

    def leave(self):
        self._leave.set()
        self.join(20)
        assert not self.is_alive(), "the member does not leave"


@pytest.fixture
def admin(bootstrap):
    client = kafka.KafkaAdminClient(bootstrap_servers=bootstrap)
    yield client
    client.close()


@pytest.fixture
def topic(admin, unique, consumer):
    """Makes a topic and waits until metadata shows it; returns its name."""

    def make(partitions=3, name=None, **config):
        name = name or unique()
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        admin.create_topics([NewTopic(name, partitions, 1, topic_configs=settings)])
        deadline = time.monotonic() + 15
        while True:
            shown = [t for t in admin.describe_topics([name]) if t.get("topic", t.get("name")) == name]
            if shown and shown[0]["error_code"] == 0 and len(shown[0]["partitions"]) == partitions:
                return name
            assert time.monotonic() < deadline, f"{name} does not show up"
            time.sleep(0.05)

    return make


@pytest.fixture
def producer(bootstrap):
    made = []

    def make(**config):
        # 2.0.2 would give up at the first retriable error, which a broker may answer just after a topic was made.
        settings = {"linger_ms": 5, "retries": 5, **config}
        made.append(kafka.KafkaProducer(bootstrap_servers=bootstrap, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close(timeout=5)


@pytest.fixture
def consumer(bootstrap):
    """Makes consumers (no auto-commit, from the beginning)."""
    made = []

    def make(*topics, **config):
        settings = {
            "bootstrap_servers": bootstrap,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "session_timeout_ms": 10000,
            "heartbeat_interval_ms": 500,
            "fetch_max_wait_ms": 100,
            **config,
        }
        made.append(kafka.KafkaConsumer(*topics, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close(autocommit=False)


@pytest.fixture
def member(consumer, unique):
    """Makes running group members."""
    made = []

    def make(topic, **config):
        made.append(Member(consumer(topic, **config)))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.leave()


@pytest.fixture
def send():
    """Produces and waits; returns the record metadata in the order given."""

    def run(producer, topic, records, partition=None):
        futures = [
            producer.send(
                topic, value=r.value, key=r.key, headers=r.headers, timestamp_ms=r.timestamp, partition=partition
            )
            for r in records
        ]
        producer.flush(timeout=30)
        return [future.get(timeout=30) for future in futures]

    return run


@pytest.fixture
def read():
    """Polls until `count` records are there."""

    def run(consumer, count, seconds=40, **limits):
        messages = []
        deadline = time.monotonic() + seconds
        while len(messages) < count:
            assert time.monotonic() < deadline, f"{len(messages)} of {count} messages after {seconds} s"
            for batch in consumer.poll(timeout_ms=200, max_records=count - len(messages), **limits).values():
                messages += batch
        return messages

    return run


@pytest.fixture
def read_all(consumer, read):
    """Every record of a topic, without a group."""

    def run(topic, count, **config):
        reader = consumer(**config)
        partitions = [kafka.TopicPartition(topic, p) for p in sorted(reader.partitions_for_topic(topic))]
        reader.assign(partitions)
        reader.seek_to_beginning(*partitions)
        messages = read(reader, count)
        assert not reader.poll(timeout_ms=300), "more messages than were sent"
        return messages

    return run


@pytest.fixture
def until():
    """Waits for a condition; fails with what was last seen."""

    def wait(condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"condition not met within {seconds} s"
            time.sleep(0.05)

    return wait
