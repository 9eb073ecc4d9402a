"""Producing: codecs, idempotence, keys, headers, timestamps, acks, sizes, names."""

import time

import confluent_kafka as ck
import pytest
import records
from confluent_kafka.admin import RESOURCE_BROKER, ConfigResource

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
# What a topic accepts unless told otherwise, batch overhead included.
DEFAULT_MAX_MESSAGE_BYTES = 1_048_588


@pytest.mark.parametrize("idempotent", [False, True], ids=["plain", "idempotent"])
@pytest.mark.parametrize("codec", CODECS)
def test_every_field_comes_back(topic, producer, send, read_all, codec, idempotent):
    name = topic()
    sent = records.make(300)
    reports = send(producer(compression_codec=codec, enable_idempotence=idempotent), name, sent)
    by_place = {(m.partition(), m.offset()): record for m, record in zip(reports, sent)}
    assert len(by_place) == len(sent), "two records were given the same offset"

    received = read_all(name, len(sent), check_crcs=True)
    for message in received:
        record = by_place[message.partition(), message.offset()]
        assert message.key() == record.key
        assert message.value() == record.value
        assert message.headers() == record.headers
        assert message.timestamp() == (ck.TIMESTAMP_CREATE_TIME, record.timestamp)
    records.assert_order_per_key((m.partition(), m.key(), m.value()) for m in received)


def test_offsets_of_a_partition_have_no_holes(topic, producer, send):
    name = topic(partitions=1)
    reports = send(producer(enable_idempotence=True, batch_num_messages=7), name, records.make(100))
    assert [m.offset() for m in reports] == list(range(100))


@pytest.mark.parametrize("acks", [0, 1, "all"])
def test_acks(topic, producer, send, read_all, acks):
    name = topic(partitions=1)
    send(producer(acks=acks), name, records.make(50))
    assert [records.sequence(m.value()) for m in read_all(name, 50)] == list(range(50))


def test_null_and_empty_keys_and_values(topic, producer, read_all):
    name = topic(partitions=1)
    one = producer()
    cases = [(None, b"v"), (b"", b"v"), (b"k", None), (b"k", b""), (None, None)]
    for key, value in cases:
        one.produce(name, key=key, value=value, partition=0)
    assert one.flush(15) == 0
    assert [(m.key(), m.value()) for m in read_all(name, len(cases))] == cases


def test_null_header_value(topic, producer, read_all):
    name = topic(partitions=1)
    one = producer()
    one.produce(name, value=b"v", headers=[("null", None), ("bytes", b"\x00\xff")])
    assert one.flush(15) == 0
    assert read_all(name, 1)[0].headers() == [("null", None), ("bytes", b"\x00\xff")]


def test_log_append_time(topic, producer, send, read_all):
    name = topic(partitions=1, message_timestamp_type="LogAppendTime")
    before = int(time.time() * 1000)
    send(producer(), name, records.make(5))
    after = int(time.time() * 1000)
    for message in read_all(name, 5, check_crcs=True):
        kind, stamp = message.timestamp()
        assert kind == ck.TIMESTAMP_LOG_APPEND_TIME
        assert before - 1000 <= stamp <= after + 1000


@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_record_just_below_the_limit(topic, producer, read_all, codec):
    name = topic(partitions=1)
    value = bytes(i * 7919 % 256 for i in range(4096)) * 255  # 1 044 480 bytes
    one = producer(compression_codec=codec, message_max_bytes=2_000_000)
    one.produce(name, value=value)
    assert one.flush(20) == 0
    assert read_all(name, 1)[0].value() == value


def test_the_limit_is_exact(topic, producer, read_all):
    """max.message.bytes counts the whole batch: a header of 61 bytes, and 11 of the record around its value."""
    name = topic(partitions=1)
    fits = DEFAULT_MAX_MESSAGE_BYTES - 61 - 11
    outcome = []
    one = producer(compression_codec="none", message_max_bytes=2_000_000)
    for size in (fits, fits + 1):
        one.produce(name, value=b"x" * size, on_delivery=lambda error, _: outcome.append(error and error.code()))
        assert one.flush(20) == 0
    assert outcome == [None, ck.KafkaError.MSG_SIZE_TOO_LARGE]
    assert len(read_all(name, 1)[0].value()) == fits


@pytest.mark.parametrize("idempotent", [False, True], ids=["plain", "idempotent"])
def test_record_above_the_limit_is_refused_and_the_next_one_is_not(topic, producer, read_all, idempotent):
    name = topic(partitions=1)
    outcome = {}
    # The client's own limit is raised, so that the answer is the server's.
    one = producer(message_max_bytes=8_000_000, enable_idempotence=idempotent)
    one.produce(
        name, key=b"big", value=b"x" * (DEFAULT_MAX_MESSAGE_BYTES + 1),
        on_delivery=lambda error, _: outcome.__setitem__("big", error),
    )
    assert one.flush(20) == 0
    assert outcome["big"].code() == ck.KafkaError.MSG_SIZE_TOO_LARGE
    one.produce(name, key=b"small", value=b"y", on_delivery=lambda error, _: outcome.__setitem__("small", error))
    assert one.flush(20) == 0
    assert outcome["small"] is None
    assert [m.key() for m in read_all(name, 1)] == [b"small"]


def test_limit_of_one_topic(topic, producer, read_all):
    name = topic(partitions=1, max_message_bytes=5000)
    outcome = []
    one = producer(linger_ms=0)
    for size in (4000, 6000):
        one.produce(name, value=b"x" * size, on_delivery=lambda error, _: outcome.append(error and error.code()))
        assert one.flush(20) == 0
    assert outcome == [None, ck.KafkaError.MSG_SIZE_TOO_LARGE]
    assert len(read_all(name, 1)) == 1


def test_timestamp_too_far_ahead(topic, producer):
    name = topic(partitions=1)
    outcome = []
    one = producer()
    tomorrow = int(time.time() * 1000) + 86_400_000
    one.produce(name, value=b"v", timestamp=tomorrow, on_delivery=lambda error, _: outcome.append(error))
    assert one.flush(15) == 0
    assert outcome[0].code() == ck.KafkaError.INVALID_TIMESTAMP


def test_compacted_topic_refuses_null_keys(topic, producer):
    name = topic(partitions=1, cleanup_policy="compact")
    outcome = []
    one = producer(linger_ms=0)
    for key in (b"k", None):
        one.produce(name, key=key, value=b"v", on_delivery=lambda error, _: outcome.append(error and error.code()))
        assert one.flush(15) == 0
    assert outcome == [None, ck.KafkaError.INVALID_RECORD]


def test_unknown_topic_follows_auto_create(bootstrap, admin, producer, unique):
    """The broker says whether it creates topics on first use; what it does must agree."""
    broker = next(iter(admin.list_topics(timeout=10).brokers))
    resource = ConfigResource(RESOURCE_BROKER, str(broker))
    config = admin.describe_configs([resource])[resource].result(15)
    enabled = config["auto.create.topics.enable"].value == "true"
    outcome = []
    one = producer(message_timeout_ms=8000)
    one.produce(unique(), value=b"v", on_delivery=lambda error, _: outcome.append(error))
    assert one.flush(15) == 0
    if enabled:
        assert outcome == [None]
    else:
        unknown = (ck.KafkaError.UNKNOWN_TOPIC_OR_PART, ck.KafkaError._UNKNOWN_TOPIC, ck.KafkaError._MSG_TIMED_OUT)
        assert outcome[0].code() in unknown


@pytest.mark.parametrize("bad", ["with space", "ümlaut", "a/b", "x" * 250, "."])
def test_invalid_topic_name(producer, bad):
    outcome = []
    one = producer(message_timeout_ms=8000)
    one.produce(bad, value=b"v", on_delivery=lambda error, _: outcome.append(error))
    assert one.flush(15) == 0
    assert outcome[0].code() in (ck.KafkaError.TOPIC_EXCEPTION, ck.KafkaError._UNKNOWN_TOPIC)


def test_unknown_partition(topic, producer):
    name = topic(partitions=1)
    outcome = []
    one = producer(message_timeout_ms=5000)
    try:
        one.produce(name, value=b"v", partition=5, on_delivery=lambda error, _: outcome.append(error.code()))
        one.flush(15)
    except ck.KafkaException as refused:  # the client may know better before it sends
        outcome.append(refused.args[0].code())
    assert outcome[0] in (ck.KafkaError._UNKNOWN_PARTITION, ck.KafkaError.UNKNOWN_TOPIC_OR_PART)
