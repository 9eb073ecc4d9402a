"""Classic consumer groups: members joining and leaving, commits, static members."""

import threading
import time

import confluent_kafka as ck
import pytest
import records


def drive(consumers, until, seconds=25):
    """Polls every consumer in turn until `until()` holds; returns what was received as (index, message)."""
    received = []
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, f"condition not met within {seconds} s"
        for index, one in enumerate(consumers):
            message = one.poll(0.02)
            if message is not None:
                assert message.error() is None, message.error()
                received.append((index, message))
    return received


def owned(consumer):
    return sorted(p.partition for p in consumer.assignment())


def balanced(consumers, partitions):
    """True when all partitions are owned, none twice, and each member has one at least."""
    shares = [owned(one) for one in consumers]
    return all(shares) and sorted(sum(shares, [])) == list(range(partitions))


@pytest.mark.parametrize("strategy", ["range", "roundrobin", "cooperative-sticky"])
def test_members_join_and_leave(topic, consumer, unique, strategy):
    name, group = topic(partitions=6), unique("g")
    members = []
    for count in (1, 2, 3):
        members.append(consumer(group_id=group, partition_assignment_strategy=strategy))
        members[-1].subscribe([name])
        drive(members, lambda: balanced(members, 6))
        assert {len(owned(one)) for one in members} == {6 // count}
    while len(members) > 1:
        members.pop(0).close()
        drive(members, lambda: balanced(members, 6))


def test_every_record_once_in_a_quiet_group(topic, producer, send, consumer, unique):
    name, group = topic(partitions=6), unique("g")
    members = [consumer(group_id=group) for _ in range(3)]
    for one in members:
        one.subscribe([name])
    drive(members, lambda: balanced(members, 6))
    send(producer(enable_idempotence=True), name, records.make(500, keys=20))
    got = []
    deadline = time.monotonic() + 20
    while len(got) < 500:
        assert time.monotonic() < deadline
        for one in members:
            got += [m for m in one.consume(100, 0.05) if m.error() is None]
    assert sorted(records.sequence(m.value()) for m in got) == list(range(500))
    records.assert_order_per_key((m.partition(), m.key(), m.value()) for m in got)


def test_two_groups_do_not_share(topic, producer, send, consumer, read):
    name = topic(partitions=1)
    send(producer(), name, records.make(20))
    for _ in range(2):
        one = consumer()
        one.subscribe([name])
        assert [m.offset() for m in read(one, 20)] == list(range(20))


def test_restarted_group_continues_from_its_commit(topic, producer, send, consumer, read, unique):
    name, group = topic(partitions=1), unique("g")
    send(producer(), name, records.make(50))
    first = consumer(group_id=group)
    first.subscribe([name])
    message = read(first, 20)[-1]
    committed = first.commit(message=message, asynchronous=False)
    assert [(p.partition, p.offset, p.error) for p in committed] == [(0, 20, None)]
    first.close()
    second = consumer(group_id=group)
    second.subscribe([name])
    assert read(second, 1)[0].offset() == 20


def test_uncommitted_records_come_again_to_the_next_member(topic, producer, send, consumer, read, unique):
    name, group = topic(partitions=1), unique("g")
    send(producer(), name, records.make(30))
    for _ in range(2):
        one = consumer(group_id=group)
        one.subscribe([name])
        assert [m.offset() for m in read(one, 30)] == list(range(30))
        one.close()


def test_auto_commit_on_close(topic, producer, send, consumer, read, unique):
    name, group = topic(partitions=1), unique("g")
    send(producer(), name, records.make(30))
    one = consumer(group_id=group, enable_auto_commit=True)
    one.subscribe([name])
    read(one, 30)
    one.close()
    after = consumer(group_id=group)
    assert after.committed([ck.TopicPartition(name, 0)], timeout=10)[0].offset == 30


def test_commit_metadata_comes_back(topic, consumer):
    name, one = topic(partitions=2), consumer()
    note = "checkpoint ünïcode " + "x" * 1000
    one.commit(offsets=[ck.TopicPartition(name, 0, 7, note), ck.TopicPartition(name, 1, 0, "")], asynchronous=False)
    back = one.committed([ck.TopicPartition(name, p) for p in (0, 1)], timeout=10)
    assert [(p.partition, p.offset) for p in back] == [(0, 7), (1, 0)]
    assert back[0].metadata == note


@pytest.mark.parametrize("size, refused", [(4095, False), (4097, True)])
def test_commit_metadata_has_a_limit(topic, consumer, size, refused):
    """4096 bytes; this client counts one more than the text has."""
    name, one = topic(partitions=1), consumer()
    asked = [ck.TopicPartition(name, 0, 1, "m" * size)]
    if refused:
        with pytest.raises(ck.KafkaException) as error:
            result = one.commit(offsets=asked, asynchronous=False)
            raise ck.KafkaException(result[0].error)
        assert error.value.args[0].code() == ck.KafkaError.OFFSET_METADATA_TOO_LARGE
    else:
        assert one.commit(offsets=asked, asynchronous=False)[0].error is None


def test_commit_may_go_back_and_never_committed_is_minus_one(topic, consumer):
    name, one = topic(partitions=2), consumer()
    for offset in (10, 4):
        one.commit(offsets=[ck.TopicPartition(name, 0, offset)], asynchronous=False)
        assert one.committed([ck.TopicPartition(name, 0)], timeout=10)[0].offset == offset
    assert one.committed([ck.TopicPartition(name, 1)], timeout=10)[0].offset == ck.OFFSET_INVALID


def test_static_member_comes_back_without_a_rebalance(topic, consumer, unique):
    name, group = topic(partitions=4), unique("g")
    revoked = []

    def start(instance):
        one = consumer(group_id=group, group_instance_id=instance, session_timeout_ms=30000)
        one.subscribe([name], on_revoke=lambda _c, partitions: revoked.append(instance))
        return one

    first, second = start("one"), start("two")
    drive([first, second], lambda: balanced([first, second], 4))
    before = owned(second)
    revoked.clear()
    second.close()  # a static member does not leave
    again = start("two")
    drive([first, again], lambda: owned(again) == before)
    assert "one" not in revoked, "the other member was rebalanced"


def test_static_member_fences_its_predecessor(topic, consumer, unique):
    name, group = topic(partitions=1), unique("g")
    one, two = (consumer(group_id=group, group_instance_id="same") for _ in range(2))
    one.subscribe([name])
    drive([one], lambda: owned(one) == [0])
    two.subscribe([name])
    fenced = []
    deadline = time.monotonic() + 25
    while not fenced:
        assert time.monotonic() < deadline, "the old member was never fenced"
        two.poll(0.05)
        message = one.poll(0.05)
        if message is not None and message.error() is not None:
            fenced.append(message.error().code())
    assert fenced[0] in (ck.KafkaError.FENCED_INSTANCE_ID, ck.KafkaError._FATAL)


def test_topic_pattern_and_new_topic(topic, consumer, unique):
    prefix = unique("p")
    names = [topic(partitions=1, name=f"{prefix}.{i}") for i in range(2)]
    one = consumer(topic_metadata_refresh_interval_ms=500)
    one.subscribe([f"^{prefix.replace('.', '[.]')}.*"])
    drive([one], lambda: {p.topic for p in one.assignment()} == set(names))
    names.append(topic(partitions=1, name=f"{prefix}.2"))
    drive([one], lambda: {p.topic for p in one.assignment()} == set(names))


def test_group_follows_a_topic_that_grows(topic, admin, consumer):
    name = topic(partitions=1)
    one = consumer(topic_metadata_refresh_interval_ms=500)
    one.subscribe([name])
    drive([one], lambda: owned(one) == [0])
    admin.create_partitions([ck.admin.NewPartitions(name, 3)])[name].result(15)
    drive([one], lambda: owned(one) == [0, 1, 2])


def test_member_without_heartbeats_loses_its_partitions(topic, consumer, unique):
    """max.poll.interval.ms: a member whose application hangs leaves, and the others take over."""
    name, group = topic(partitions=2), unique("g")
    stuck = consumer(group_id=group, max_poll_interval_ms=6000, session_timeout_ms=6000)
    live = consumer(group_id=group)
    for one in (stuck, live):
        one.subscribe([name])
    drive([stuck, live], lambda: balanced([stuck, live], 2))
    drive([live], lambda: owned(live) == [0, 1])


@pytest.mark.parametrize("timeout_ms", [100, 10_000_000])
def test_session_timeout_out_of_range(topic, consumer, timeout_ms):
    name = topic(partitions=1)
    seconds_apart = {"heartbeat_interval_ms": 50} if timeout_ms < 1000 else {"max_poll_interval_ms": timeout_ms}
    try:
        one = consumer(session_timeout_ms=timeout_ms, **seconds_apart)
    except ck.KafkaException as refused:  # above what the client itself allows
        assert refused.args[0].code() == ck.KafkaError._INVALID_ARG
        return
    one.subscribe([name])
    for _ in range(50):
        message = one.poll(0.2)
        if message is not None:
            break
    assert message.error().code() == ck.KafkaError.INVALID_SESSION_TIMEOUT


def test_commits_of_many_threads(topic, consumer):
    """Simple commits of separate groups at once: each group reads back its own."""
    name = topic(partitions=1)
    consumers = [consumer() for _ in range(8)]
    failures = []

    def run(number, one):
        try:
            for step in range(20):
                offset = number * 1000 + step
                one.commit(offsets=[ck.TopicPartition(name, 0, offset)], asynchronous=False)
                assert one.committed([ck.TopicPartition(name, 0)], timeout=10)[0].offset == offset
        except Exception as failure:  # noqa: BLE001 - reported below, in the test's own thread
            failures.append(failure)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(consumers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
