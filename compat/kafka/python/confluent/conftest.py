"""Clients of the confluent-kafka suite."""

import time

import confluent_kafka as ck
import confluent_kafka.admin as cka
import pytest


@pytest.fixture
def admin(bootstrap):
    return cka.AdminClient({"bootstrap.servers": bootstrap})


@pytest.fixture
def topic(admin, unique):
    """Makes a topic and waits until metadata shows it; returns its name."""

    def make(partitions=3, name=None, **config):
        name = name or unique()
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        admin.create_topics([cka.NewTopic(name, partitions, 1, config=settings)])[name].result(30)
        deadline = time.monotonic() + 15
        while len(admin.list_topics(name, timeout=10).topics[name].partitions) != partitions:
            assert time.monotonic() < deadline, f"{name} does not show up"
            time.sleep(0.05)
        return name

    return make


@pytest.fixture
def producer(bootstrap):
    """Makes producers; flushes what is left of them at the end."""
    made = []

    def make(**config):
        settings = {key.replace("_", "."): value for key, value in config.items()}
        made.append(ck.Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, **settings}))
        return made[-1]

    yield make
    for one in made:
        one.flush(5)


@pytest.fixture
def consumer(bootstrap, unique):
    """Makes consumers (no auto-commit, from the beginning); closes what is left open at the end."""
    made = []

    def make(**config):
        settings = {
            "bootstrap.servers": bootstrap,
            "group.id": unique("g"),
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 10000,
            "heartbeat.interval.ms": 500,  # members learn of a rebalance from it
            "fetch.wait.max.ms": 100,
            **{key.replace("_", "."): value for key, value in config.items()},
        }
        made.append(ck.Consumer(settings))
        return made[-1]

    yield make
    for one in made:
        try:
            one.close()
        except RuntimeError:
            pass  # the test closed it


@pytest.fixture
def send():
    """Produces and waits; returns the delivered messages in the order given. Fails on any delivery error."""

    def run(producer, topic, records, partition=None):
        delivered = {}
        for i, record in enumerate(records):

            def report(error, message, i=i):
                delivered[i] = (error, message)

            where = {} if partition is None else {"partition": partition}
            producer.produce(
                topic, value=record.value, key=record.key, headers=record.headers, timestamp=record.timestamp,
                on_delivery=report, **where,
            )
            producer.poll(0)
        assert producer.flush(30) == 0, "records still in the queue after 30 s"
        errors = [error for error, _ in delivered.values() if error]
        assert not errors, errors[:3]
        return [delivered[i][1] for i in range(len(delivered))]

    return run


@pytest.fixture
def read():
    """Polls until `count` messages are there; fails on an error event or when they do not come."""

    def run(consumer, count, seconds=40):
        messages = []
        deadline = time.monotonic() + seconds
        while len(messages) < count:
            assert time.monotonic() < deadline, f"{len(messages)} of {count} messages after {seconds} s"
            message = consumer.poll(0.2)
            if message is None:
                continue
            assert message.error() is None, message.error()
            messages.append(message)
        return messages

    return run


@pytest.fixture
def read_all(consumer, read):
    """Every message of a topic, partition by partition, without a group."""

    def run(topic, count, **config):
        reader = consumer(**config)
        partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
        reader.assign([ck.TopicPartition(topic, p, ck.OFFSET_BEGINNING) for p in partitions])
        messages = read(reader, count)
        assert reader.poll(0.3) is None, "more messages than were sent"
        reader.close()
        return messages

    return run
