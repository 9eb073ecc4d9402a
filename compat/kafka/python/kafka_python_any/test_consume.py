"""Positions and groups with kafka-python."""

import pytest
import records
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata


def commit_at(offset, metadata=""):
    """OffsetAndMetadata of either client: 3.x has a leader epoch in it."""
    return OffsetAndMetadata(offset, metadata, *([-1] if "leader_epoch" in OffsetAndMetadata._fields else []))


@pytest.fixture
def filled(topic, producer, send):
    """A topic of one partition with 100 records, a second apart each."""
    name = topic(partitions=1)
    send(producer(batch_size=1500, linger_ms=20), name, records.make(100), partition=0)
    return TopicPartition(name, 0)


@pytest.fixture
def reader(consumer, filled):
    one = consumer()
    one.assign([filled])
    return one


def test_offsets_for_times_is_exact_to_the_record(reader, filled):
    for shift, expected in [(-(10**9), 0), (0, 0), (1, 1), (37_000, 37), (37_500, 38), (99_000, 99), (99_001, None)]:
        found = reader.offsets_for_times({filled: records.BASE_TIME_MS + shift})[filled]
        assert (found and found.offset) == expected
        if found:
            assert found.timestamp == records.BASE_TIME_MS + expected * 1000


def test_beginning_and_end_offsets(reader, filled):
    assert reader.beginning_offsets([filled]) == {filled: 0}
    assert reader.end_offsets([filled]) == {filled: 100}


@pytest.mark.parametrize("offset", [0, 1, 10, 55, 99])
def test_seek_into_a_batch_starts_at_that_record(reader, read, filled, offset):
    reader.seek(filled, offset)
    assert read(reader, 1)[0].offset == offset
    assert reader.position(filled) == offset + 1


def test_seek_to_beginning_and_end(reader, read, filled, producer, send):
    read(reader, 50)
    reader.seek_to_beginning(filled)
    assert read(reader, 1)[0].offset == 0
    reader.seek_to_end(filled)
    assert reader.position(filled) == 100
    send(producer(), filled.topic, records.make(1), partition=0)
    assert read(reader, 1)[0].offset == 100
    assert reader.highwater(filled) == 101


def test_small_fetches_read_everything(consumer, read, filled):
    # The first batch is larger than every limit: it must be served all the same, or the consumer stands still.
    one = consumer(max_partition_fetch_bytes=100, fetch_max_bytes=100)
    one.assign([filled])
    assert [m.offset for m in read(one, 100)] == list(range(100))


def test_position_outside_the_log_is_reset(reader, read, filled):
    reader.seek(filled, 5000)
    assert read(reader, 1)[0].offset == 0


def test_pause_and_resume(reader, read, filled, producer, send):
    # Everything is read before the pause: 2.0.2 loses its place when it is paused in the middle of a fetched batch.
    read(reader, 100)
    reader.pause(filled)
    send(producer(), filled.topic, records.make(1), partition=0)
    assert not reader.poll(timeout_ms=500)
    reader.resume(filled)
    assert read(reader, 1)[0].offset == 100


def test_topics_and_partitions(consumer, topic):
    name = topic(partitions=4)
    one = consumer()
    assert name in one.topics()
    assert one.partitions_for_topic(name) == {0, 1, 2, 3}


def test_unknown_topic(admin, unique):
    # The admin client of neither version lets the server create what it asks about.
    shown = admin.describe_topics([unique()])[0]
    assert (shown["error_code"], shown["partitions"]) == (3, [])  # UNKNOWN_TOPIC_OR_PARTITION


# -- groups --------------------------------------------------------------------------------------------------------


def test_members_join_and_leave(topic, member, unique, until):
    name, group = topic(partitions=6), unique("g")
    members = []

    def balanced():
        shares = [one.owned() for one in members]
        return all(shares) and sorted(sum(shares, [])) == list(range(6))

    for count in (1, 2, 3):
        members.append(member(name, group_id=group))
        until(lambda: balanced() and {len(one.owned()) for one in members} == {6 // count})
    while len(members) > 1:
        members.pop(0).leave()
        until(balanced)


def test_a_quiet_group_gets_every_record_once(topic, producer, send, member, unique, until):
    name, group = topic(partitions=6), unique("g")
    members = [member(name, group_id=group) for _ in range(3)]
    until(lambda: all(len(one.owned()) == 2 for one in members))
    send(producer(), name, records.make(300, keys=20))
    until(lambda: sum(len(one.received) for one in members) >= 300)
    got = [m for one in members for m in one.received]
    assert sorted(records.sequence(m.value) for m in got) == list(range(300))
    records.assert_order_per_key((m.partition, m.key, m.value) for m in got)


def test_restarted_group_continues_from_its_commit(topic, producer, send, consumer, read, unique):
    name, group = topic(partitions=1), unique("g")
    send(producer(), name, records.make(50))
    first = consumer(name, group_id=group)
    assert read(first, 20)[-1].offset == 19
    first.commit()
    first.close(autocommit=False)
    second = consumer(name, group_id=group)
    assert read(second, 1)[0].offset == 20


def test_uncommitted_records_come_again(topic, producer, send, consumer, read, unique):
    name, group = topic(partitions=1), unique("g")
    send(producer(), name, records.make(30))
    for _ in range(2):
        one = consumer(name, group_id=group)
        assert [m.offset for m in read(one, 30)] == list(range(30))
        one.close(autocommit=False)


def test_commit_with_metadata_comes_back(topic, consumer, unique):
    part = TopicPartition(topic(partitions=2), 0)
    one = consumer(group_id=unique("g"))
    one.assign([part])
    one.commit({part: commit_at(42, "checkpoint ünïcode")})
    other = consumer(group_id=one.config["group_id"])
    back = other.committed(part, metadata=True)
    assert (back.offset, back.metadata) == (42, "checkpoint ünïcode")
    assert other.committed(TopicPartition(part.topic, 1)) is None


def test_auto_commit(topic, producer, send, consumer, read, unique):
    part, group = TopicPartition(topic(partitions=1), 0), unique("g")
    send(producer(), part.topic, records.make(30))
    one = consumer(part.topic, group_id=group, enable_auto_commit=True)
    read(one, 30)
    one.close()
    assert consumer(group_id=group).committed(part) == 30


def test_pattern_subscription(topic, consumer, unique, read, producer, send):
    prefix = unique("p")
    names = [topic(partitions=1, name=f"{prefix}.{i}") for i in range(2)]
    one = consumer(group_id=unique("g"))
    one.subscribe(pattern=f"^{prefix}[.][0-9]$")
    for name in names:
        send(producer(), name, records.make(5))
    assert {m.topic for m in read(one, 10)} == set(names)


def test_iteration_ends_when_nothing_comes(consumer, filled):
    one = consumer(consumer_timeout_ms=1500)
    one.assign([filled])
    assert [m.offset for m in one] == list(range(100))
