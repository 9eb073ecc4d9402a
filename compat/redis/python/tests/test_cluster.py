"""Sharded channels through the cluster client: it asks for slots and the table of commands first."""

import time

import pytest
import redis


@pytest.fixture
def cluster(protocol, tools):
    host, port = tools.address("TRINE_REDIS_CLUSTER")
    client = redis.RedisCluster(host=host, port=port, protocol=protocol, decode_responses=True)
    yield client
    client.close()


def test_topology(cluster):
    (node,) = cluster.get_nodes()
    assert node.server_type == "primary"
    assert cluster.cluster_info()["cluster_state"] == "ok"
    assert cluster.cluster_keyslot("{foo}bar") == 12182
    assert cluster.info(target_nodes=cluster.get_random_node())["redis_mode"] == "cluster"


def test_sharded_channels(cluster, unique, tools):
    channel = unique()
    pubsub = cluster.pubsub()  # 5.x loses messages when it is told to ignore confirmations
    pubsub.ssubscribe(channel)

    def published():
        pubsub.get_sharded_message(timeout=0.05)
        return cluster.spublish(channel, "first") == 1

    tools.eventually(published)
    for number in range(100):
        assert cluster.spublish(channel, number) == 1
    found, deadline = [], time.monotonic() + tools.patience
    while len(found) < 101:
        one = pubsub.get_sharded_message(timeout=1)
        if one and one["type"] == "smessage":
            found.append(one["data"])
        assert time.monotonic() < deadline, found
    assert found[-100:] == [str(number) for number in range(100)]
    assert channel in cluster.pubsub_shardchannels()
    assert dict(cluster.pubsub_shardnumsub(channel, target_nodes=cluster.ALL_NODES))[channel] == 1
    pubsub.close()


def test_plain_channels(cluster, unique, tools):
    channel = unique()
    pubsub = cluster.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(channel)
    tools.eventually(lambda: cluster.publish(channel, "x") == 1)
    assert tools.receive(pubsub, 1)[0]["data"] == "x"
    pubsub.close()


def test_keys_of_several_slots(cluster):
    """The client does not send these; the server refuses them too."""
    node = cluster.get_redis_connection(cluster.get_random_node())
    with pytest.raises(redis.exceptions.RedisError, match="(?i)CROSSSLOT|same slot"):
        node.execute_command("SUNSUBSCRIBE", "foo", "bar")
