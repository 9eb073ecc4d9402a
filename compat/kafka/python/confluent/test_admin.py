"""Administration: topics, partitions, configs, groups, offsets, records."""

import time

import confluent_kafka as ck
import confluent_kafka.admin as cka
import pytest
import records
from confluent_kafka import KafkaError


def code_of(future):
    """The error code of a failed future; None when it succeeded."""
    try:
        future.result(20)
        return None
    except ck.KafkaException as failure:
        return failure.args[0].code()


def topic_config(admin, name, until=None):
    """The topic's entries by key, as soon as they show `until` = (key, value): a change may take a moment to show."""
    resource = cka.ConfigResource(cka.RESOURCE_TOPIC, name)
    deadline = time.monotonic() + 10
    while True:
        config = admin.describe_configs([resource])[resource].result(20)
        if until is None or config[until[0]].value == until[1]:
            return config
        assert time.monotonic() < deadline, f"{until[0]} is {config[until[0]].value}, not {until[1]}"
        time.sleep(0.05)


def incremental(admin, name, *changes):
    entries = [cka.ConfigEntry(k, v, incremental_operation=op) for k, op, v in changes]
    resource = cka.ConfigResource(cka.RESOURCE_TOPIC, name, incremental_configs=entries)
    return admin.incremental_alter_configs([resource])[resource]


# -- topics --------------------------------------------------------------------------------------------------------


def test_create_describe_list_delete(admin, topic):
    name = topic(partitions=4)
    assert name in admin.list_topics(timeout=10).topics
    described = admin.describe_topics(ck.TopicCollection([name]))[name].result(20)
    assert described.name == name and not described.is_internal
    assert [p.id for p in described.partitions] == [0, 1, 2, 3]
    for partition in described.partitions:
        assert partition.leader is not None and len(partition.replicas) == 1 and len(partition.isr) == 1
    assert admin.delete_topics([name])[name].result(20) is None
    deadline = time.monotonic() + 10
    while name in admin.list_topics(timeout=10).topics:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert code_of(admin.describe_topics(ck.TopicCollection([name]))[name]) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_recreated_topic_is_a_new_one(admin, topic, producer, send, read_all):
    name = topic(partitions=1)
    send(producer(), name, records.make(10))
    first = admin.describe_topics(ck.TopicCollection([name]))[name].result(20).topic_id
    admin.delete_topics([name])[name].result(20)
    deadline = time.monotonic() + 10
    while name in admin.list_topics(timeout=10).topics:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    topic(partitions=1, name=name)
    second = admin.describe_topics(ck.TopicCollection([name]))[name].result(20).topic_id
    assert str(first) != str(second)
    send(producer(), name, records.make(3))
    assert [m.offset() for m in read_all(name, 3)] == [0, 1, 2]


@pytest.mark.parametrize(
    "new, expected",
    [
        (lambda n: cka.NewTopic(n, 0, 1), KafkaError.INVALID_PARTITIONS),
        (lambda n: cka.NewTopic(n + "/x", 1, 1), KafkaError.TOPIC_EXCEPTION),
        (lambda n: cka.NewTopic("x" * 250, 1, 1), KafkaError.TOPIC_EXCEPTION),
        (lambda n: cka.NewTopic(n, 1, 1, config={"no.such.key": "1"}), KafkaError.INVALID_CONFIG),
        (lambda n: cka.NewTopic(n, 1, 1, config={"retention.ms": "soon"}), KafkaError.INVALID_CONFIG),
        (lambda n: cka.NewTopic(n, 1, 1, config={"max.message.bytes": "-5"}), KafkaError.INVALID_CONFIG),
        (lambda n: cka.NewTopic(n, 1, 1, config={"cleanup.policy": "shred"}), KafkaError.INVALID_CONFIG),
    ],
    ids=["no-partitions", "slash", "long", "unknown-key", "not-a-number", "out-of-range", "unknown-policy"],
)
def test_refused_topics(admin, unique, new, expected):
    asked = new(unique())
    assert code_of(admin.create_topics([asked])[asked.topic]) == expected
    assert asked.topic not in admin.list_topics(timeout=10).topics


def test_existing_topic_and_its_near_twin(admin, topic):
    name = topic()
    assert code_of(admin.create_topics([cka.NewTopic(name, 1, 1)])[name]) == KafkaError.TOPIC_ALREADY_EXISTS
    twin = name.replace(".", "_")  # collides with the original in metric names, hence forbidden
    assert code_of(admin.create_topics([cka.NewTopic(twin, 1, 1)])[twin]) == KafkaError.TOPIC_EXCEPTION


def test_one_bad_topic_does_not_spoil_the_others(admin, unique):
    good, bad = unique(), unique() + "!"
    outcome = admin.create_topics([cka.NewTopic(good, 1, 1), cka.NewTopic(bad, 1, 1)])
    assert code_of(outcome[good]) is None
    assert code_of(outcome[bad]) == KafkaError.TOPIC_EXCEPTION


def test_broker_defaults(admin, unique):
    name = unique()
    assert code_of(admin.create_topics([cka.NewTopic(name, -1, -1)])[name]) is None
    deadline = time.monotonic() + 10
    while not admin.list_topics(name, timeout=10).topics[name].partitions:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_validate_only_creates_nothing(admin, unique):
    name = unique()
    assert code_of(admin.create_topics([cka.NewTopic(name, 2, 1)], validate_only=True)[name]) is None
    assert name not in admin.list_topics(timeout=10).topics
    assert code_of(admin.create_topics([cka.NewTopic(name, 0, 1)], validate_only=True)[name]) == KafkaError.INVALID_PARTITIONS


def test_delete_unknown_topic(admin, unique):
    name = unique()
    assert code_of(admin.delete_topics([name])[name]) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_create_partitions(admin, topic, producer, send, read_all):
    name = topic(partitions=2)
    send(producer(), name, records.make(20))
    assert code_of(admin.create_partitions([cka.NewPartitions(name, 5)])[name]) is None
    deadline = time.monotonic() + 10
    while len(admin.list_topics(name, timeout=10).topics[name].partitions) != 5:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    send(producer(), name, records.make(5), partition=4)
    assert len(read_all(name, 25)) == 25
    for count in (5, 3):
        assert code_of(admin.create_partitions([cka.NewPartitions(name, count)])[name]) == KafkaError.INVALID_PARTITIONS
    assert code_of(admin.create_partitions([cka.NewPartitions(name + "x", 9)])[name + "x"]) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_describe_cluster(admin):
    cluster = admin.describe_cluster().result(20)
    assert cluster.cluster_id
    assert cluster.controller.id in [node.id for node in cluster.nodes]
    metadata = admin.list_topics(timeout=10)
    assert metadata.cluster_id == cluster.cluster_id
    assert sorted(metadata.brokers) == sorted(node.id for node in cluster.nodes)


# -- configs -------------------------------------------------------------------------------------------------------


def test_topic_configs_of_creation(admin, topic):
    name = topic(partitions=1, retention_ms=3_600_000, cleanup_policy="compact,delete")
    config = topic_config(admin, name)
    assert config["retention.ms"].value == "3600000" and not config["retention.ms"].is_default
    assert set(config["cleanup.policy"].value.split(",")) == {"compact", "delete"}
    assert config["max.message.bytes"].value == "1048588" and config["max.message.bytes"].is_default
    for key in ("compression.type", "segment.bytes", "retention.bytes", "min.insync.replicas", "message.timestamp.type"):
        assert key in config


def test_incremental_alter(admin, topic):
    name = topic(partitions=1)
    op = cka.AlterConfigOpType
    assert code_of(incremental(admin, name, ("retention.ms", op.SET, "60000"), ("segment.bytes", op.SET, "2000000"))) is None
    topic_config(admin, name, until=("retention.ms", "60000"))
    assert code_of(incremental(admin, name, ("retention.ms", op.DELETE, None))) is None
    config = topic_config(admin, name, until=("retention.ms", "604800000"))
    assert config["retention.ms"].is_default and config["segment.bytes"].value == "2000000"
    assert code_of(incremental(admin, name, ("cleanup.policy", op.APPEND, "compact"))) is None
    topic_config(admin, name, until=("cleanup.policy", "delete,compact"))
    assert code_of(incremental(admin, name, ("cleanup.policy", op.SUBTRACT, "delete"))) is None
    topic_config(admin, name, until=("cleanup.policy", "compact"))


@pytest.mark.parametrize("key, value", [("no.such.key", "1"), ("retention.ms", "x"), ("max.message.bytes", "-1")])
def test_refused_alterations_change_nothing(admin, topic, key, value):
    name = topic(partitions=1)
    before = {k: e.value for k, e in topic_config(admin, name).items()}
    set_ = cka.AlterConfigOpType.SET
    assert code_of(incremental(admin, name, ("retention.bytes", set_, "5"), (key, set_, value))) == KafkaError.INVALID_CONFIG
    assert {k: e.value for k, e in topic_config(admin, name).items()} == before


def test_alter_configs_replaces_all(admin, topic):
    name = topic(partitions=1, retention_ms=1000_000)
    resource = cka.ConfigResource(cka.RESOURCE_TOPIC, name, set_config={"segment.bytes": "3000000"})
    with pytest.warns(DeprecationWarning):
        future = admin.alter_configs([resource])[resource]
    assert code_of(future) is None
    config = topic_config(admin, name, until=("segment.bytes", "3000000"))
    assert config["retention.ms"].is_default, "what the request does not name returns to its default"


def test_configs_of_unknown_resources(admin, unique):
    resource = cka.ConfigResource(cka.RESOURCE_TOPIC, unique())
    assert code_of(admin.describe_configs([resource])[resource]) == KafkaError.UNKNOWN_TOPIC_OR_PART
    change = ("retention.ms", cka.AlterConfigOpType.SET, "1")
    assert code_of(incremental(admin, unique(), change)) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_broker_configs(admin):
    broker = next(iter(admin.list_topics(timeout=10).brokers))
    resource = cka.ConfigResource(cka.RESOURCE_BROKER, str(broker))
    config = admin.describe_configs([resource])[resource].result(20)
    for key in ("num.partitions", "auto.create.topics.enable", "message.max.bytes", "advertised.listeners"):
        assert key in config, key


# -- groups and their offsets --------------------------------------------------------------------------------------


def test_groups_list_describe_delete(admin, topic, consumer, unique):
    name, group = topic(partitions=2), unique("g")
    member = consumer(group_id=group, client_id="the-client")
    member.subscribe([name])
    deadline = time.monotonic() + 20
    while len(member.assignment()) != 2:
        assert time.monotonic() < deadline
        member.poll(0.1)

    listed = {g.group_id: g for g in admin.list_consumer_groups().result(20).valid}
    assert listed[group].state == ck.ConsumerGroupState.STABLE
    stable = admin.list_consumer_groups(states={ck.ConsumerGroupState.STABLE}).result(20).valid
    empty = admin.list_consumer_groups(states={ck.ConsumerGroupState.EMPTY}).result(20).valid
    assert group in {g.group_id for g in stable} and group not in {g.group_id for g in empty}

    described = admin.describe_consumer_groups([group])[group].result(20)
    assert described.state == ck.ConsumerGroupState.STABLE
    assert described.partition_assignor == "range"
    assert [m.client_id for m in described.members] == ["the-client"]
    assert sorted(p.partition for p in described.members[0].assignment.topic_partitions) == [0, 1]

    assert code_of(admin.delete_consumer_groups([group])[group]) == KafkaError.NON_EMPTY_GROUP
    member.commit(offsets=[ck.TopicPartition(name, 0, 0)], asynchronous=False)
    member.close()
    assert admin.describe_consumer_groups([group])[group].result(20).state == ck.ConsumerGroupState.EMPTY
    assert code_of(admin.delete_consumer_groups([group])[group]) is None
    assert group not in {g.group_id for g in admin.list_consumer_groups().result(20).valid}
    assert code_of(admin.delete_consumer_groups([group])[group]) == KafkaError.GROUP_ID_NOT_FOUND


def test_alter_and_list_group_offsets(admin, topic, consumer, unique):
    name, group = topic(partitions=3), unique("g")
    wanted = ck.ConsumerGroupTopicPartitions(group, [ck.TopicPartition(name, 0, 11), ck.TopicPartition(name, 2, 5)])
    altered = admin.alter_consumer_group_offsets([wanted])[group].result(20)
    assert all(p.error is None for p in altered.topic_partitions)
    everything = admin.list_consumer_group_offsets([ck.ConsumerGroupTopicPartitions(group)])[group].result(20)
    assert {(p.topic, p.partition): p.offset for p in everything.topic_partitions} == {(name, 0): 11, (name, 2): 5}
    some = ck.ConsumerGroupTopicPartitions(group, [ck.TopicPartition(name, 0), ck.TopicPartition(name, 1)])
    listed = admin.list_consumer_group_offsets([some])[group].result(20)
    assert [(p.partition, p.offset) for p in listed.topic_partitions] == [(0, 11), (1, ck.OFFSET_INVALID)]
    assert consumer(group_id=group).committed([ck.TopicPartition(name, 2)], timeout=10)[0].offset == 5


def test_offsets_of_a_live_group_cannot_be_altered(admin, topic, consumer, unique):
    name, group = topic(partitions=1), unique("g")
    member = consumer(group_id=group)
    member.subscribe([name])
    deadline = time.monotonic() + 20
    while not member.assignment():
        assert time.monotonic() < deadline
        member.poll(0.1)
    wanted = ck.ConsumerGroupTopicPartitions(group, [ck.TopicPartition(name, 0, 1)])
    try:
        result = admin.alter_consumer_group_offsets([wanted])[group].result(20)
        code = result.topic_partitions[0].error.code()
    except ck.KafkaException as failure:
        code = failure.args[0].code()
    assert code == KafkaError.UNKNOWN_MEMBER_ID


def test_offsets_end_with_their_topic(admin, topic, unique):
    name, group = topic(partitions=1), unique("g")
    wanted = ck.ConsumerGroupTopicPartitions(group, [ck.TopicPartition(name, 0, 3)])
    admin.alter_consumer_group_offsets([wanted])[group].result(20)
    admin.delete_topics([name])[name].result(20)
    deadline = time.monotonic() + 10
    while True:
        try:
            left = admin.list_consumer_group_offsets([ck.ConsumerGroupTopicPartitions(group)])[group].result(20)
        except ck.KafkaException as gone:
            assert gone.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND
            return
        if not left.topic_partitions:
            return
        assert time.monotonic() < deadline
        time.sleep(0.2)


# -- records and their offsets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec, expected",
    [
        (cka.OffsetSpec.earliest(), 0),
        (cka.OffsetSpec.latest(), 40),
        (cka.OffsetSpec.max_timestamp(), 39),
        (cka.OffsetSpec.for_timestamp(records.BASE_TIME_MS + 12_001), 13),
        (cka.OffsetSpec.for_timestamp(records.BASE_TIME_MS + 10**9), -1),
    ],
    ids=["earliest", "latest", "max-timestamp", "timestamp", "after-the-end"],
)
def test_list_offsets(admin, topic, producer, send, spec, expected):
    name = topic(partitions=1)
    send(producer(), name, records.make(40), partition=0)
    where = ck.TopicPartition(name, 0)
    answer = admin.list_offsets({where: spec}, isolation_level=ck.IsolationLevel.READ_UNCOMMITTED)[where].result(20)
    assert answer.offset == expected


def test_delete_records(admin, topic, producer, send, consumer, read):
    name = topic(partitions=1)
    send(producer(batch_num_messages=10), name, records.make(50), partition=0)

    def trim(offset, partition=0):
        where = ck.TopicPartition(name, partition, offset)
        return admin.delete_records([where])[where]

    assert trim(23).result(20).low_watermark == 23
    one = consumer()
    assert one.get_watermark_offsets(ck.TopicPartition(name, 0), timeout=10) == (23, 50)
    one.assign([ck.TopicPartition(name, 0, ck.OFFSET_BEGINNING)])
    assert read(one, 1)[0].offset() == 23, "the cut is inside a batch"
    assert trim(10).result(20).low_watermark == 23, "the start of the log never goes back"
    assert code_of(trim(51)) == KafkaError.OFFSET_OUT_OF_RANGE
    assert trim(-1).result(20).low_watermark == 50, "-1 means all"
    assert code_of(trim(1, partition=7)) in (
        KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION, KafkaError._NOENT,
    )


def test_elect_leaders(admin, topic):
    name = topic(partitions=2)
    asked = [ck.TopicPartition(name, p) for p in (0, 1)]
    outcome = admin.elect_leaders(ck.ElectionType.PREFERRED, asked).result(20)
    codes = {error.code() if error else None for error in outcome.values()}
    assert codes <= {None, KafkaError.ELECTION_NOT_NEEDED}
