"""Producing with kafka-python: codecs, keys, headers, timestamps, acks, sizes, names."""

import time

import kafka
import kafka.errors
import pytest
import records

CODECS = [None, "gzip", "snappy", "lz4", "zstd"]
VERSION = tuple(int(part) for part in kafka.__version__.split(".")[:2])
# The 2.0.2 client has no idempotent producer.
IDEMPOTENCE = [False] if VERSION < (2, 1) else [False, True]


def options(idempotent, **config):
    if VERSION < (2, 1):
        return config
    return {"enable_idempotence": idempotent, **config}


@pytest.mark.parametrize("idempotent", IDEMPOTENCE)
@pytest.mark.parametrize("codec", CODECS)
def test_every_field_comes_back(topic, producer, send, read_all, codec, idempotent):
    name = topic()
    sent = records.make(300)
    places = send(producer(**options(idempotent, compression_type=codec, acks="all")), name, sent)
    by_place = {(m.partition, m.offset): record for m, record in zip(places, sent)}
    assert len(by_place) == len(sent), "two records were given the same offset"

    received = read_all(name, len(sent), check_crcs=True)
    for message in received:
        record = by_place[message.partition, message.offset]
        assert (message.key, message.value) == (record.key, record.value)
        assert [(k, v or b"") for k, v in message.headers] == record.headers
        assert (message.timestamp, message.timestamp_type) == (record.timestamp, 0)
    records.assert_order_per_key((m.partition, m.key, m.value) for m in received)


@pytest.mark.parametrize("acks", [0, 1, "all"])
def test_acks(topic, producer, send, read_all, acks):
    name = topic(partitions=1)
    send(producer(**options(False, acks=acks)), name, records.make(50))
    assert [records.sequence(m.value) for m in read_all(name, 50)] == list(range(50))


def test_null_and_empty_keys_and_values(topic, producer, read_all):
    name = topic(partitions=1)
    one = producer()
    cases = [(None, b"v"), (b"", b"v"), (b"k", None), (b"k", b"")]
    for key, value in cases:
        one.send(name, key=key, value=value, partition=0).get(15)
    assert [(m.key, m.value) for m in read_all(name, len(cases))] == cases


def test_log_append_time(topic, producer, send, read_all):
    name = topic(partitions=1, message_timestamp_type="LogAppendTime")
    before = int(time.time() * 1000)
    places = send(producer(), name, records.make(5))
    after = int(time.time() * 1000)
    for place, message in zip(places, read_all(name, 5, check_crcs=True)):
        assert message.timestamp_type == 1
        assert before - 1000 <= message.timestamp <= after + 1000
        assert place.timestamp == message.timestamp


@pytest.mark.parametrize("codec", [None, "gzip"])
def test_record_just_below_the_limit(topic, producer, read_all, codec):
    name = topic(partitions=1)
    value = bytes(i * 7919 % 256 for i in range(4096)) * 255  # 1 044 480 bytes
    one = producer(compression_type=codec, max_request_size=4_000_000)
    one.send(name, value=value).get(20)
    assert read_all(name, 1)[0].value == value


def test_record_above_the_limit_is_refused_and_the_next_one_is_not(topic, producer, read_all):
    name = topic(partitions=1)
    # The client's limit is above the server's, so that the answer is the server's. Not idempotent: that producer of
    # 3.x takes the error as the end of its life.
    one = producer(**options(False, max_request_size=8_000_000))
    with pytest.raises(kafka.errors.MessageSizeTooLargeError):
        one.send(name, value=b"x" * 1_100_000).get(20)
    one.send(name, value=b"small").get(20)
    assert [m.value for m in read_all(name, 1)] == [b"small"]


def test_limit_of_one_topic(topic, producer, read_all):
    name = topic(partitions=1, max_message_bytes=5000)
    one = producer(**options(False, linger_ms=0))
    one.send(name, value=b"x" * 4000).get(20)
    with pytest.raises(kafka.errors.MessageSizeTooLargeError):
        one.send(name, value=b"x" * 6000).get(20)
    assert len(read_all(name, 1)) == 1


def test_keys_go_where_the_java_client_puts_them(topic, producer):
    """murmur2 of the key: 'foobar' hashes to 1357151166, so to partition 6 of 10 (a fact of the client, not of us)."""
    name = topic(partitions=10)
    assert producer().send(name, key=b"foobar", value=b"v").get(15).partition == 6


@pytest.mark.parametrize("bad", ["with space", "a/b", "x" * 250])
def test_invalid_topic_name(producer, bad):
    # Either the client sees it itself, or the server answers INVALID_TOPIC_EXCEPTION until max_block_ms is over.
    with pytest.raises((kafka.errors.InvalidTopicError, kafka.errors.KafkaTimeoutError, ValueError, AssertionError)):
        producer(max_block_ms=3000).send(bad, value=b"v").get(15)
