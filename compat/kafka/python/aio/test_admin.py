"""What the admin client of aiokafka can do."""

import aiokafka.errors
import pytest
import records
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType


async def topic_config(admin, name):
    """The topic's entries: key -> value."""
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    code, message, _, _, entries = answers[0].resources[0]
    assert code == 0, message
    return {entry[0]: entry[1] for entry in entries}


def test_create_list_describe_delete(go):
    async def body(kit):
        admin, name = await kit.admin(), await kit.topic(partitions=4)
        assert name in await admin.list_topics()
        described = (await admin.describe_topics([name]))[0]
        assert sorted(p["partition"] for p in described["partitions"]) == [0, 1, 2, 3]
        assert (await admin.delete_topics([name])).topic_error_codes == [(name, 0)]

        async def gone():
            return name not in await admin.list_topics()

        await kit.until(gone, 10)
        unknown = aiokafka.errors.UnknownTopicOrPartitionError.errno
        assert (await admin.delete_topics([name])).topic_error_codes == [(name, unknown)]

    go(body)


@pytest.mark.parametrize(
    "make, error",
    [
        (lambda n: NewTopic(n, 0, 1), aiokafka.errors.InvalidPartitionsError),
        (lambda n: NewTopic(n + "/x", 1, 1), aiokafka.errors.InvalidTopicError),
        (lambda n: NewTopic(n, 1, 1, topic_configs={"no.such.key": "1"}), aiokafka.errors.InvalidConfigurationError),
    ],
    ids=["no-partitions", "slash", "unknown-key"],
)
def test_refused_topics(go, make, error):
    async def body(kit):
        admin, asked = await kit.admin(), make(kit.unique())
        answer = await admin.create_topics([asked])
        assert answer.topic_errors[0][1] == error.errno
        assert asked.name not in await admin.list_topics()

    go(body)


def test_validate_only_and_existing(go):
    async def body(kit):
        admin, name = await kit.admin(), kit.unique()
        assert (await admin.create_topics([NewTopic(name, 2, 1)], validate_only=True)).topic_errors[0][1] == 0
        assert name not in await admin.list_topics()
        taken = await kit.topic()
        answer = await admin.create_topics([NewTopic(taken, 2, 1)])
        assert answer.topic_errors[0][1] == aiokafka.errors.TopicAlreadyExistsError.errno

    go(body)


def test_create_partitions(go):
    async def body(kit):
        admin, name = await kit.admin(), await kit.topic(partitions=2)
        await admin.create_partitions({name: NewPartitions(5)})

        async def grown():
            return len((await admin.describe_topics([name]))[0]["partitions"]) == 5

        await kit.until(grown, 10)
        with pytest.raises(aiokafka.errors.InvalidPartitionsError):
            await admin.create_partitions({name: NewPartitions(3)})

    go(body)


def test_describe_and_alter_configs(go):
    async def body(kit):
        admin, name = await kit.admin(), await kit.topic(partitions=1, retention_ms=60_000)
        assert (await topic_config(admin, name))["retention.ms"] == "60000"
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"segment.bytes": "3000000"})])

        async def altered():
            config = await topic_config(admin, name)
            return (config["segment.bytes"], config["retention.ms"]) == ("3000000", "604800000")

        await kit.until(altered, 10)

    go(body)


def test_describe_cluster(go):
    async def body(kit):
        cluster = await (await kit.admin()).describe_cluster()
        assert cluster["cluster_id"] and cluster["brokers"]
        assert cluster["controller_id"] in [b["node_id"] for b in cluster["brokers"]]

    go(body)


def test_groups(go):
    async def body(kit):
        admin, name, group = await kit.admin(), await kit.topic(partitions=2), kit.unique("g")
        member = await kit.consumer(name, group_id=group, client_id="the-client")
        await kit.until(lambda: len(member.assignment()) == 2)
        assert (group, "consumer") in [tuple(g[:2]) for g in await admin.list_consumer_groups()]
        described = (await admin.describe_consumer_groups([group]))[0].groups[0]
        assert described[:4] == (0, group, "Stable", "consumer")
        assert len(described[5]) == 1 and described[5][0][1] == "the-client"
        assert await admin.find_coordinator(group) >= 0

    go(body)


def test_delete_records(go):
    async def body(kit):
        admin, part = await kit.admin(), TopicPartition(await kit.topic(partitions=1), 0)
        await kit.send(await kit.producer(), part.topic, records.make(50), partition=0)
        assert await admin.delete_records({part: RecordsToDelete(before_offset=23)}) == {part: 23}
        reader = await kit.consumer()
        reader.assign([part])
        assert await reader.beginning_offsets([part]) == {part: 23}
        await reader.seek_to_beginning(part)
        assert (await kit.read(reader, 1))[0].offset == 23
        with pytest.raises(aiokafka.errors.OffsetOutOfRangeError):
            await admin.delete_records({part: RecordsToDelete(before_offset=51)})

    go(body)
