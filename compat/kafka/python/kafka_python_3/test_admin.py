"""What the admin client of kafka-python 3.x can do."""

import uuid

import kafka.errors
import pytest
import records
from kafka import OffsetSpec, TopicPartition
from kafka.admin import AlterConfigOp, ConfigResource, ConfigResourceType, MemberToRemove, OffsetTimestamp
from kafka.structs import OffsetAndMetadata


def topic_config(admin, name):
    """The topic's entries: key -> dict with value, config_source and more."""
    resource = ConfigResource(ConfigResourceType.TOPIC, name)
    return admin.describe_configs([resource], config_filter="all")["topic"][name]


def alter(admin, name, configs, **options):
    """Sets topic configs; returns 'OK' or the error's text."""
    resource = ConfigResource(ConfigResourceType.TOPIC, name, configs=configs)
    return admin.alter_configs([resource], **options)["topic"][name]


# -- topics --------------------------------------------------------------------------------------------------------


def test_create_list_describe_delete(admin, unique, until):
    name = unique()
    answer = admin.create_topics({name: {"num_partitions": 4, "configs": {"retention.ms": "60000"}}}, wait_for_metadata=True)
    created = answer["topics"][0]
    assert (created["name"], created["error_code"], created["num_partitions"]) == (name, 0, 4)
    assert created["configs"]["retention.ms"]["value"] == "60000"
    assert name in admin.list_topics()
    described = admin.describe_topics([name])[0]
    assert sorted(p["partition_index"] for p in described["partitions"]) == [0, 1, 2, 3]
    assert str(described["topic_id"]) == str(created["topic_id"])
    assert admin.describe_topics([uuid.UUID(str(described["topic_id"]))])[0]["name"] == name
    admin.delete_topics([name])
    until(lambda: name not in admin.list_topics(), seconds=10)


def test_topics_with_broker_defaults(admin, unique, until):
    name = unique()
    admin.create_topics([name])
    until(lambda: name in admin.list_topics(), seconds=10)


@pytest.mark.parametrize(
    "suffix, options, error",
    [
        ("", {"num_partitions": 0}, kafka.errors.InvalidPartitionsError),
        ("/x", {}, kafka.errors.InvalidTopicError),
        ("", {"configs": {"no.such.key": "1"}}, kafka.errors.InvalidConfigurationError),
        ("", {"configs": {"retention.ms": "soon"}}, kafka.errors.InvalidConfigurationError),
    ],
    ids=["no-partitions", "slash", "unknown-key", "not-a-number"],
)
def test_refused_topics(admin, unique, suffix, options, error):
    name = unique() + suffix
    with pytest.raises(error):
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1, **options}})
    assert name not in admin.list_topics()


def test_existing_and_unknown_topics(admin, topic, unique):
    with pytest.raises(kafka.errors.TopicAlreadyExistsError):
        admin.create_topics([topic()])
    with pytest.raises(kafka.errors.UnknownTopicOrPartitionError):
        admin.delete_topics([unique()])


def test_create_partitions(admin, topic, until):
    name = topic(partitions=2)
    admin.create_partitions({name: 5}, validate_only=True)
    assert len(admin.describe_topics([name])[0]["partitions"]) == 2
    admin.create_partitions({name: 5})
    until(lambda: len(admin.describe_topics([name])[0]["partitions"]) == 5, seconds=10)
    with pytest.raises(kafka.errors.InvalidPartitionsError):
        admin.create_partitions({name: 3})


def test_describe_topic_partitions_in_pages(admin, topic):
    name = topic(partitions=5)
    first = admin.describe_topic_partitions([name], response_partition_limit=2)
    assert [p["partition_index"] for p in first["topics"][0]["partitions"]] == [0, 1]
    assert first["next_cursor"]["partition_index"] == 2
    rest = admin.describe_topic_partitions([name], cursor=first["next_cursor"])
    assert [p["partition_index"] for p in rest["topics"][0]["partitions"]] == [2, 3, 4]
    assert rest["next_cursor"] is None


# -- cluster -------------------------------------------------------------------------------------------------------


def test_describe_cluster(admin):
    cluster = admin.describe_cluster()
    assert cluster["cluster_id"]
    assert cluster["controller_id"] in [b["broker_id"] for b in cluster["brokers"]]


def test_log_dirs_show_the_partitions(admin, topic, producer, send):
    name = topic(partitions=2)
    send(producer(), name, records.make(50), partition=0)
    found = {}
    for broker in admin.describe_log_dirs([name]):
        for log_dir in broker["log_dirs"]:
            assert log_dir["error_code"] == 0 and log_dir["log_dir"]
            for entry in log_dir["topics"]:
                found.update({(entry["name"], p["partition_index"]): p["partition_size"] for p in entry["partitions"]})
    assert set(found) == {(name, 0), (name, 1)}
    assert found[name, 0] > found[name, 1]


def test_nothing_is_being_reassigned(admin, topic):
    assert admin.list_partition_reassignments({topic(): [0]}) == {}


def test_elect_leaders(admin, topic):
    # 0: the preferred leader
    answer = admin.elect_leaders(0, {topic(partitions=1): [0]}, raise_errors=False)
    codes = {p.error_code for r in answer.replica_election_results for p in r.partition_result}
    assert codes <= {0, 84}  # 84: ELECTION_NOT_NEEDED


# -- configs -------------------------------------------------------------------------------------------------------


def test_incremental_alter(admin, topic, until):
    name = topic(partitions=1)
    assert alter(admin, name, {"retention.ms": "60000", "segment.bytes": "2000000"}) == "OK"
    until(lambda: topic_config(admin, name)["retention.ms"]["value"] == "60000", seconds=10)
    assert alter(admin, name, {"retention.ms": (AlterConfigOp.DELETE, None)}) == "OK"
    until(lambda: topic_config(admin, name)["retention.ms"]["value"] == "604800000", seconds=10)
    assert topic_config(admin, name)["segment.bytes"]["value"] == "2000000"
    assert alter(admin, name, {"cleanup.policy": (AlterConfigOp.APPEND, "compact")}) == "OK"
    until(lambda: topic_config(admin, name)["cleanup.policy"]["value"] == "delete,compact", seconds=10)
    assert alter(admin, name, {"cleanup.policy": (AlterConfigOp.SUBTRACT, "delete")}) == "OK"
    until(lambda: topic_config(admin, name)["cleanup.policy"]["value"] == "compact", seconds=10)


def test_reset_configs(admin, topic, until):
    name = topic(partitions=1, retention_ms=60_000, segment_bytes=2_000_000)
    resource = ConfigResource(ConfigResourceType.TOPIC, name, configs=["retention.ms"])
    admin.reset_configs([resource])
    until(lambda: topic_config(admin, name)["retention.ms"]["value"] == "604800000", seconds=10)
    assert topic_config(admin, name)["segment.bytes"]["value"] == "2000000"


def test_full_alter_and_validate_only(admin, topic, until):
    name = topic(partitions=1, retention_ms=60_000)
    assert alter(admin, name, {"retention.ms": "1000"}, validate_only=True) == "OK"
    assert topic_config(admin, name)["retention.ms"]["value"] == "60000"
    assert alter(admin, name, {"segment.bytes": "3000000"}, incremental=False) == "OK"
    until(lambda: topic_config(admin, name)["segment.bytes"]["value"] == "3000000", seconds=10)
    assert topic_config(admin, name)["retention.ms"]["value"] == "60000", "this client adds what it must not lose"


def test_refused_alteration(admin, topic):
    name = topic(partitions=1)
    assert "InvalidConfig" in alter(admin, name, {"no.such.key": "1"}, raise_on_unknown=False)
    assert "InvalidConfig" in alter(admin, name, {"retention.ms": "soon"})


def test_broker_configs(admin):
    broker = str(admin.describe_cluster()["brokers"][0]["broker_id"])
    resource = ConfigResource(ConfigResourceType.BROKER, broker)
    config = admin.describe_configs([resource], include_synonyms=True, config_filter="all")["broker"][broker]
    assert {"num.partitions", "message.max.bytes", "auto.create.topics.enable", "advertised.listeners"} <= set(config)
    listeners = config["advertised.listeners"]
    assert listeners["read_only"] and not listeners["is_sensitive"]


# -- groups --------------------------------------------------------------------------------------------------------


def test_groups_list_describe_delete(admin, topic, member, unique, until):
    name, group = topic(partitions=2), unique("g")
    one = member(name, group_id=group, client_id="the-client")
    until(lambda: one.owned() == [0, 1])

    def listed(**filters):
        return {g["group_id"]: g for g in admin.list_groups(**filters)}

    until(lambda: listed()[group]["group_state"] == "Stable", seconds=10)
    assert group in listed(states_filter=["Stable"]) and group not in listed(states_filter=["Empty"])
    assert group in listed(types_filter=["classic"])
    described = admin.describe_groups([group])[group]
    assert (described["group_state"], described["protocol_type"]) == ("Stable", "consumer")
    assert [m["client_id"] for m in described["members"]] == ["the-client"]
    assert "NonEmptyGroup" in admin.delete_groups([group])[group]
    one.leave()
    until(lambda: admin.describe_groups([group])[group]["group_state"] in ("Empty", "Dead"), seconds=10)
    assert admin.delete_groups([group])[group] in ("OK", "GroupIdNotFoundError")
    assert group not in listed()


def test_group_offsets_alter_list_reset_delete(admin, topic, producer, send, unique):
    name, group = topic(partitions=2), unique("g")
    send(producer(), name, records.make(40), partition=0)
    first, second = TopicPartition(name, 0), TopicPartition(name, 1)
    done = admin.alter_group_offsets(group, {first: OffsetAndMetadata(11, "note", -1), second: OffsetAndMetadata(0, "", -1)})
    assert set(done.values()) == {kafka.errors.NoError}
    listed = admin.list_group_offsets(group)[group]
    assert (listed[first].offset, listed[first].metadata, listed[second].offset) == (11, "note", 0)
    reset = admin.reset_group_offsets(group, {first: OffsetTimestamp(records.BASE_TIME_MS + 20_000)})
    assert reset[first]["offset"] == 20
    assert admin.list_group_offsets({group: [first]})[group][first].offset == 20
    assert admin.delete_group_offsets(group, [first])[first] is kafka.errors.NoError
    assert first not in admin.list_group_offsets(group)[group]


def test_offsets_of_a_subscribed_topic_cannot_be_deleted(admin, topic, member, unique, until):
    name, group = topic(partitions=1), unique("g")
    part = TopicPartition(name, 0)
    admin.alter_group_offsets(group, {part: OffsetAndMetadata(0, "", -1)})
    one = member(name, group_id=group)
    until(lambda: one.owned() == [0])
    assert admin.delete_group_offsets(group, [part])[part] is kafka.errors.GroupSubscribedToTopicError


def test_remove_a_static_member(admin, topic, member, unique, until):
    name, group = topic(partitions=1), unique("g")
    one = member(name, group_id=group, group_instance_id="first")
    until(lambda: one.owned() == [0])
    one.leave()  # a static member stays in the group
    assert len(admin.describe_groups([group])[group]["members"]) == 1
    gone = admin.remove_group_members(group, [MemberToRemove(group_instance_id="first")])
    assert set(gone.values()) == {kafka.errors.NoError}
    until(lambda: not admin.describe_groups([group])[group]["members"], seconds=10)
    again = admin.remove_group_members(group, [MemberToRemove(group_instance_id="first")])
    assert set(again.values()) == {kafka.errors.UnknownMemberIdError}


# -- records -------------------------------------------------------------------------------------------------------


def test_list_partition_offsets(admin, topic, producer, send):
    part = TopicPartition(topic(partitions=1), 0)
    send(producer(), part.topic, records.make(40), partition=0)
    for spec, expected in [
        (OffsetSpec.EARLIEST, 0),
        (OffsetSpec.LATEST, 40),
        (OffsetSpec.MAX_TIMESTAMP, 39),
        (OffsetSpec.EARLIEST_LOCAL, 0),
        (OffsetTimestamp(records.BASE_TIME_MS + 12_001), 13),
    ]:
        assert admin.list_partition_offsets({part: spec})[part].offset == expected, spec


def test_delete_records(admin, topic, producer, send, consumer, read):
    part = TopicPartition(topic(partitions=1), 0)
    send(producer(), part.topic, records.make(50), partition=0)
    assert admin.delete_records({part: 23})[part]["low_watermark"] == 23
    one = consumer()
    assert one.beginning_offsets([part]) == {part: 23}
    one.assign([part])
    one.seek_to_beginning(part)
    assert read(one, 1)[0].offset == 23
    with pytest.raises(kafka.errors.KafkaError):
        admin.delete_records({part: 51})
    assert admin.delete_records({part: -1})[part]["low_watermark"] == 50
