"""Reading positions: times, watermarks, seeks, resets, pauses."""

import confluent_kafka as ck
import pytest
import records


@pytest.fixture
def filled(topic, producer, send):
    """A topic of one partition with 100 records in batches of 10, a second apart each."""
    name = topic(partitions=1)
    send(producer(batch_num_messages=10, linger_ms=50), name, records.make(100), partition=0)
    return name


@pytest.fixture
def reader(consumer, filled):
    one = consumer()
    one.assign([ck.TopicPartition(filled, 0, 0)])
    return one


def seek(consumer, topic, offset):
    consumer.seek(ck.TopicPartition(topic, 0, offset))


def test_watermarks(reader, filled):
    assert reader.get_watermark_offsets(ck.TopicPartition(filled, 0), timeout=10) == (0, 100)


@pytest.mark.parametrize(
    "shift_ms, expected",
    [(-10**9, 0), (0, 0), (1, 1), (37_000, 37), (37_500, 38), (99_000, 99), (99_001, ck.OFFSET_END)],
)
def test_offsets_for_times_is_exact_to_the_record(reader, filled, shift_ms, expected):
    asked = ck.TopicPartition(filled, 0, records.BASE_TIME_MS + shift_ms)
    assert reader.offsets_for_times([asked], timeout=10)[0].offset == expected


def test_offsets_for_times_of_an_unknown_partition(reader, filled):
    asked = ck.TopicPartition(filled, 9, records.BASE_TIME_MS)
    with pytest.raises(ck.KafkaException) as refused:
        reader.offsets_for_times([asked], timeout=10)
    assert refused.value.args[0].code() in (ck.KafkaError.UNKNOWN_TOPIC_OR_PART, ck.KafkaError._UNKNOWN_PARTITION)


@pytest.mark.parametrize("offset", [0, 1, 9, 10, 55, 99])
def test_seek_into_a_batch_starts_at_that_record(reader, read, filled, offset):
    read(reader, 1)
    seek(reader, filled, offset)
    assert read(reader, 1)[0].offset() == offset


def test_seek_to_beginning_and_end(reader, read, filled, producer, send):
    read(reader, 50)
    seek(reader, filled, ck.OFFSET_BEGINNING)
    assert read(reader, 1)[0].offset() == 0
    seek(reader, filled, ck.OFFSET_END)
    assert reader.poll(1) is None
    send(producer(), filled, records.make(1), partition=0)
    assert read(reader, 1)[0].offset() == 100


def test_tail_of_the_log(consumer, read, filled):
    one = consumer()
    tail = -2000 - 10  # librdkafka's OFFSET_TAIL(10)
    one.assign([ck.TopicPartition(filled, 0, tail)])
    assert [m.offset() for m in read(one, 10)] == list(range(90, 100))


@pytest.mark.parametrize("policy, expected", [("earliest", 0), ("latest", None), ("error", ck.KafkaError._AUTO_OFFSET_RESET)])
def test_position_outside_the_log(consumer, filled, policy, expected):
    one = consumer(auto_offset_reset=policy)
    one.assign([ck.TopicPartition(filled, 0, 5000)])
    message = None
    for _ in range(20):
        message = one.poll(0.2)
        if message is not None:
            break
    if policy == "earliest":
        assert message.offset() == expected
    elif policy == "latest":
        assert message is None
    else:
        assert message.error().code() == expected


def test_partition_end_event(consumer, filled):
    one = consumer(enable_partition_eof=True)
    one.assign([ck.TopicPartition(filled, 0, 98)])
    seen = []
    while len(seen) < 3:
        message = one.poll(10)
        assert message is not None
        seen.append(message.error().code() if message.error() else message.offset())
    assert seen == [98, 99, ck.KafkaError._PARTITION_EOF]


def test_pause_and_resume(reader, read, filled):
    read(reader, 3)
    reader.pause([ck.TopicPartition(filled, 0)])
    assert reader.poll(0.7) is None
    reader.resume([ck.TopicPartition(filled, 0)])
    assert read(reader, 1)[0].offset() == 3


SMALL = {"fetch_max_bytes": 1000, "max_partition_fetch_bytes": 1000, "message_max_bytes": 1000}
LARGE = {"fetch_min_bytes": 50000, "fetch_wait_max_ms": 300}


@pytest.mark.parametrize("limits", [SMALL, LARGE], ids=["small", "large"])
def test_small_and_large_fetches_read_everything(consumer, read, filled, limits):
    # A first batch larger than every limit must still be served, or the consumer stands still.
    one = consumer(**limits)
    one.assign([ck.TopicPartition(filled, 0, 0)])
    assert [m.offset() for m in read(one, 100)] == list(range(100))


def test_consumer_of_an_unknown_topic_gets_an_error(consumer, unique):
    one = consumer(allow_auto_create_topics=False)
    one.subscribe([unique()])
    for _ in range(50):
        message = one.poll(0.2)
        if message is not None:
            break
    assert message.error().code() == ck.KafkaError.UNKNOWN_TOPIC_OR_PART
