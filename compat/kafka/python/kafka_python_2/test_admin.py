"""What the admin client of kafka-python 2.0.2 can do: old request versions that must stay."""

import kafka
import kafka.errors
import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.structs import OffsetAndMetadata


def topic_config(admin, name):
    """The topic's entries: key -> value."""
    answers = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    resource = answers[0].resources[0]
    error = kafka.errors.for_code(resource[0])
    if error is not kafka.errors.NoError:
        raise error(resource[1])
    return {entry[0]: entry[1] for entry in resource[4]}


def test_create_list_describe_delete(admin, topic, until):
    name = topic(partitions=4)
    assert name in admin.list_topics()
    described = admin.describe_topics([name])[0]
    assert described["error_code"] == 0 and not described["is_internal"]
    assert sorted(p["partition"] for p in described["partitions"]) == [0, 1, 2, 3]
    assert all(p["leader"] >= 0 and p["replicas"] and p["isr"] for p in described["partitions"])
    admin.delete_topics([name])
    until(lambda: name not in admin.list_topics(), seconds=10)


@pytest.mark.parametrize(
    "make, error",
    [
        (lambda n: NewTopic(n, 0, 1), kafka.errors.InvalidPartitionsError),
        (lambda n: NewTopic(n + "/x", 1, 1), kafka.errors.InvalidTopicError),
        (lambda n: NewTopic(n, 1, 1, topic_configs={"no.such.key": "1"}), kafka.errors.InvalidConfigurationError),
    ],
    ids=["no-partitions", "slash", "unknown-key"],
)
def test_refused_topics(admin, unique, make, error):
    asked = make(unique())
    with pytest.raises(error):
        admin.create_topics([asked])
    assert asked.name not in admin.list_topics()


def test_existing_and_unknown_topics(admin, topic, unique):
    with pytest.raises(kafka.errors.TopicAlreadyExistsError):
        admin.create_topics([NewTopic(topic(), 1, 1)])
    with pytest.raises(kafka.errors.UnknownTopicOrPartitionError):
        admin.delete_topics([unique()])


def test_validate_only_creates_nothing(admin, unique):
    name = unique()
    admin.create_topics([NewTopic(name, 2, 1)], validate_only=True)
    assert name not in admin.list_topics()


def test_create_partitions(admin, topic, until):
    name = topic(partitions=2)
    admin.create_partitions({name: NewPartitions(5)})
    until(lambda: len(admin.describe_topics([name])[0]["partitions"]) == 5, seconds=10)
    with pytest.raises(kafka.errors.InvalidPartitionsError):
        admin.create_partitions({name: NewPartitions(3)})


def test_describe_and_alter_configs(admin, topic, unique, until):
    name = topic(partitions=1, retention_ms=3_600_000)
    assert topic_config(admin, name)["retention.ms"] == "3600000"
    assert topic_config(admin, name)["max.message.bytes"] == "1048588"
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"segment.bytes": "3000000"})])
    until(lambda: topic_config(admin, name)["segment.bytes"] == "3000000", seconds=10)
    assert topic_config(admin, name)["retention.ms"] == "604800000", "what is not named returns to its default"
    with pytest.raises(kafka.errors.UnknownTopicOrPartitionError):
        topic_config(admin, unique())


def test_broker_configs(admin):
    broker = admin.describe_cluster()["brokers"][0]["node_id"]
    answers = admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, str(broker))])
    keys = {entry[0] for entry in answers[0].resources[0][4]}
    assert {"num.partitions", "message.max.bytes", "auto.create.topics.enable"} <= keys


def test_describe_cluster(admin):
    cluster = admin.describe_cluster()
    assert cluster["cluster_id"]
    assert cluster["controller_id"] in [b["node_id"] for b in cluster["brokers"]]


def test_groups_list_describe_delete(admin, topic, member, unique, until):
    name, group = topic(partitions=2), unique("g")
    one = member(name, group_id=group, client_id="the-client")
    until(lambda: one.owned() == [0, 1])
    until(lambda: (group, "consumer") in admin.list_consumer_groups())
    described = admin.describe_consumer_groups([group])[0]
    assert (described.state, described.protocol_type, described.protocol) == ("Stable", "consumer", "range")
    assert [m.client_id for m in described.members] == ["the-client"]
    assert described.members[0].member_assignment.assignment == [(name, [0, 1])]
    assert admin.delete_consumer_groups([group]) == [(group, kafka.errors.NonEmptyGroupError)]
    one.leave()
    until(lambda: admin.describe_consumer_groups([group])[0].state in ("Empty", "Dead"), seconds=10)
    outcome = admin.delete_consumer_groups([group])[0][1]
    assert outcome in (kafka.errors.NoError, kafka.errors.GroupIdNotFoundError)
    assert (group, "consumer") not in admin.list_consumer_groups()


def test_group_offsets(admin, topic, consumer, unique):
    name, group = topic(partitions=2), unique("g")
    one = consumer(group_id=group)
    one.assign([TopicPartition(name, 0)])
    one.commit({TopicPartition(name, 0): OffsetAndMetadata(11, "note")})
    assert admin.list_consumer_group_offsets(group) == {TopicPartition(name, 0): OffsetAndMetadata(11, "note")}
    asked = admin.list_consumer_group_offsets(group, partitions=[TopicPartition(name, 1)])
    assert asked[TopicPartition(name, 1)].offset == -1
