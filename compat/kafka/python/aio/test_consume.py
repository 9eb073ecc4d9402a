"""Positions and groups with aiokafka."""

import asyncio

import aiokafka.errors
import pytest
import records
from aiokafka import OffsetAndMetadata, TopicPartition


async def filled(kit):
    """A topic of one partition with 100 records in small batches, a second apart each."""
    name = await kit.topic(partitions=1)
    await kit.send(await kit.producer(max_batch_size=1500, linger_ms=20), name, records.make(100), partition=0)
    return TopicPartition(name, 0)


async def reader_of(kit, part, **config):
    consumer = await kit.consumer(**config)
    consumer.assign([part])
    return consumer


def test_offsets_for_times_is_exact_to_the_record(go):
    async def body(kit):
        part = await filled(kit)
        reader = await reader_of(kit, part)
        for shift, expected in [(0, 0), (1, 1), (37_000, 37), (37_500, 38), (99_000, 99), (99_001, None)]:
            found = (await reader.offsets_for_times({part: records.BASE_TIME_MS + shift}))[part]
            assert (found and found.offset) == expected

    go(body)


def test_beginning_end_and_seek(go):
    async def body(kit):
        part = await filled(kit)
        reader = await reader_of(kit, part)
        assert await reader.beginning_offsets([part]) == {part: 0}
        assert await reader.end_offsets([part]) == {part: 100}
        for offset in (0, 1, 10, 55, 99):
            reader.seek(part, offset)
            assert (await kit.read(reader, 1))[0].offset == offset
        await reader.seek_to_beginning(part)
        assert (await kit.read(reader, 1))[0].offset == 0
        await reader.seek_to_end(part)
        assert await reader.position(part) == 100
        await kit.send(await kit.producer(), part.topic, records.make(1), partition=0)
        assert (await kit.read(reader, 1))[0].offset == 100

    go(body)


def test_small_fetches_read_everything(go):
    async def body(kit):
        part = await filled(kit)
        reader = await reader_of(kit, part, max_partition_fetch_bytes=100, fetch_max_bytes=100)
        assert [m.offset for m in await kit.read(reader, 100)] == list(range(100))

    go(body)


def test_position_outside_the_log_is_reset(go):
    async def body(kit):
        part = await filled(kit)
        reader = await reader_of(kit, part)
        reader.seek(part, 5000)
        assert (await kit.read(reader, 1))[0].offset == 0

    go(body)


def test_offset_of_an_unknown_partition(go):
    async def body(kit):
        part = await filled(kit)
        # This client asks again and again, until its time is up.
        reader = await reader_of(kit, part, request_timeout_ms=3000)
        with pytest.raises(aiokafka.errors.KafkaError):
            await reader.end_offsets([TopicPartition(part.topic, 7)])

    go(body)


def test_pause_and_resume(go):
    async def body(kit):
        part = await filled(kit)
        reader = await reader_of(kit, part)
        await kit.read(reader, 3)
        reader.pause(part)
        assert not await reader.getmany(timeout_ms=500)
        reader.resume(part)
        assert (await kit.read(reader, 1))[0].offset == 3

    go(body)


# -- groups --------------------------------------------------------------------------------------------------------


def test_members_join_and_leave(go):
    async def body(kit):
        name, group = await kit.topic(partitions=6), kit.unique("g")
        members = []

        def balanced():
            shares = [sorted(p.partition for p in one.assignment()) for one in members]
            return all(shares) and sorted(sum(shares, [])) == list(range(6))

        for count in (1, 2, 3):
            members.append(await kit.consumer(name, group_id=group))
            await kit.until(lambda: balanced() and {len(m.assignment()) for m in members} == {6 // count})
        while len(members) > 1:
            await members.pop(0).stop()
            await kit.until(balanced)

    go(body)


def test_a_quiet_group_gets_every_record_once(go):
    async def body(kit):
        name, group = await kit.topic(partitions=6), kit.unique("g")
        members = await asyncio.gather(*(kit.consumer(name, group_id=group) for _ in range(3)))
        await kit.until(lambda: all(len(one.assignment()) == 2 for one in members))
        await kit.send(await kit.producer(enable_idempotence=True), name, records.make(300, keys=20))
        got = []
        while len(got) < 300:
            for one in members:
                for batch in (await one.getmany(timeout_ms=50)).values():
                    got += batch
        assert sorted(records.sequence(m.value) for m in got) == list(range(300))
        records.assert_order_per_key((m.partition, m.key, m.value) for m in got)

    go(body)


def test_restarted_group_continues_from_its_commit(go):
    async def body(kit):
        name, group = await kit.topic(partitions=1), kit.unique("g")
        await kit.send(await kit.producer(), name, records.make(50))
        first = await kit.consumer(name, group_id=group)
        assert (await kit.read(first, 20))[-1].offset == 19
        await first.commit()
        await first.stop()
        second = await kit.consumer(name, group_id=group)
        assert (await kit.read(second, 1))[0].offset == 20

    go(body)


def test_commit_with_metadata_comes_back(go):
    async def body(kit):
        part = TopicPartition(await kit.topic(partitions=2), 0)
        reader = await reader_of(kit, part, group_id=kit.unique("g"))
        await reader.commit({part: OffsetAndMetadata(42, "checkpoint ünïcode")})
        assert await reader.committed(part) == 42
        assert await reader.committed(TopicPartition(part.topic, 1)) is None
        offsets = await (await kit.admin()).list_consumer_group_offsets(reader._group_id)
        assert offsets == {part: OffsetAndMetadata(42, "checkpoint ünïcode")}

    go(body)


def test_auto_commit_on_stop(go):
    async def body(kit):
        part, group = TopicPartition(await kit.topic(partitions=1), 0), kit.unique("g")
        await kit.send(await kit.producer(), part.topic, records.make(30))
        first = await kit.consumer(part.topic, group_id=group, enable_auto_commit=True)
        await kit.read(first, 30)
        await first.stop()
        second = await reader_of(kit, part, group_id=group)
        assert await second.committed(part) == 30

    go(body)


@pytest.mark.parametrize("instance", ["first"])
def test_static_member_keeps_its_partitions(go, instance):
    async def body(kit):
        name, group = await kit.topic(partitions=2), kit.unique("g")
        for _ in range(2):
            one = await kit.consumer(name, group_id=group, group_instance_id=instance)
            await kit.until(lambda: len(one.assignment()) == 2)
            await one.stop()

    go(body)


def test_pattern_subscription(go):
    async def body(kit):
        prefix = kit.unique("p")
        names = [await kit.topic(partitions=1, name=f"{prefix}.{i}") for i in range(2)]
        one = await kit.consumer(group_id=kit.unique("g"))
        one.subscribe(pattern=f"^{prefix}[.][0-9]$")
        producer = await kit.producer()
        for name in names:
            await kit.send(producer, name, records.make(5))
        assert {m.topic for m in await kit.read(one, 10)} == set(names)

    go(body)
