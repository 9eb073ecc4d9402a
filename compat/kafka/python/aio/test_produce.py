"""Producing with aiokafka: codecs, idempotence, fields, acks, sizes, hand-made batches, names."""

import time

import aiokafka.errors
import pytest
import records

CODECS = [None, "gzip", "snappy", "lz4", "zstd"]


@pytest.mark.parametrize("idempotent", [False, True], ids=["plain", "idempotent"])
@pytest.mark.parametrize("codec", CODECS)
def test_every_field_comes_back(go, codec, idempotent):
    async def body(kit):
        name = await kit.topic()
        sent = records.make(300)
        producer = await kit.producer(compression_type=codec, enable_idempotence=idempotent, acks="all", linger_ms=5)
        places = await kit.send(producer, name, sent)
        by_place = {(m.partition, m.offset): record for m, record in zip(places, sent)}
        assert len(by_place) == len(sent), "two records were given the same offset"
        received = await kit.read_all(name, len(sent), check_crcs=True)
        for message in received:
            record = by_place[message.partition, message.offset]
            assert (message.key, message.value) == (record.key, record.value)
            assert list(message.headers) == record.headers
            assert (message.timestamp, message.timestamp_type) == (record.timestamp, 0)
        records.assert_order_per_key((m.partition, m.key, m.value) for m in received)

    go(body)


@pytest.mark.parametrize("acks", [0, 1, "all"])
def test_acks(go, acks):
    async def body(kit):
        name = await kit.topic(partitions=1)
        await kit.send(await kit.producer(acks=acks), name, records.make(50))
        assert [records.sequence(m.value) for m in await kit.read_all(name, 50)] == list(range(50))

    go(body)


def test_null_and_empty_keys_and_values(go):
    async def body(kit):
        name = await kit.topic(partitions=1)
        producer = await kit.producer()
        cases = [(None, b"v"), (b"", b"v"), (b"k", None), (b"k", b"")]
        for key, value in cases:
            await producer.send_and_wait(name, key=key, value=value, partition=0)
        assert [(m.key, m.value) for m in await kit.read_all(name, len(cases))] == cases

    go(body)


def test_log_append_time(go):
    async def body(kit):
        name = await kit.topic(partitions=1, message_timestamp_type="LogAppendTime")
        before = int(time.time() * 1000)
        places = await kit.send(await kit.producer(), name, records.make(5))
        after = int(time.time() * 1000)
        for place, message in zip(places, await kit.read_all(name, 5, check_crcs=True)):
            assert message.timestamp_type == 1 and place.timestamp_type == 1
            assert before - 1000 <= message.timestamp == place.timestamp <= after + 1000

    go(body)


def test_batch_made_by_hand(go):
    async def body(kit):
        name = await kit.topic(partitions=2)
        producer = await kit.producer()
        batch = producer.create_batch()
        for i in range(10):
            assert batch.append(key=b"k", value=b"%d" % i, timestamp=None)
        batch.close()
        place = await (await producer.send_batch(batch, name, partition=1))
        assert (place.partition, place.offset) == (1, 0)
        assert [(m.partition, m.offset, m.value) for m in await kit.read_all(name, 10)] == [
            (1, i, b"%d" % i) for i in range(10)
        ]

    go(body)


def test_sizes_around_the_limit(go):
    async def body(kit):
        name = await kit.topic(partitions=1)
        value = bytes(i * 7919 % 256 for i in range(4096)) * 255  # 1 044 480 bytes
        producer = await kit.producer(max_request_size=8_000_000)
        await producer.send_and_wait(name, value=value)
        with pytest.raises(aiokafka.errors.MessageSizeTooLargeError):
            await producer.send_and_wait(name, value=b"x" * 1_100_000)
        await producer.send_and_wait(name, value=b"small")
        assert [m.value for m in await kit.read_all(name, 2)] == [value, b"small"]

    go(body)


@pytest.mark.parametrize("bad", ["with space", "a/b", "x" * 250])
def test_invalid_topic_name(go, bad):
    async def body(kit):
        producer = await kit.producer(request_timeout_ms=4000)
        errors = (aiokafka.errors.InvalidTopicError, aiokafka.errors.UnknownTopicOrPartitionError, ValueError)
        with pytest.raises((*errors, aiokafka.errors.KafkaTimeoutError)):
            await producer.send_and_wait(bad, value=b"v")

    go(body)
