"""Connecting: names, users, databases, unix-like details that the client asks for."""

import pytest
import redis


def version(client):
    return tuple(int(part) for part in client.info("server")["redis_version"].split("."))


def test_client_name_and_library(connect, unique):
    name = unique("n").replace(".", "-")
    client = connect(client_name=name)
    assert client.client_getname() == name
    (own,) = [c for c in client.client_list() if c["name"] == name]
    assert int(own["id"]) == client.client_id() or len([c for c in client.client_list() if c["name"] == name]) > 1
    if version(client) >= (7, 2, 0):
        assert own["lib-name"].startswith("redis-py")
    assert own["resp"] == str(client.connection_pool.connection_kwargs["protocol"])


def test_info(connect):
    info = connect().info()
    assert info["role"] == "master" and info["loading"] == 0 and info["redis_mode"] == "standalone"
    assert info["connected_clients"] >= 1


def test_databases(connect, unique, tools):
    channel = unique()
    pubsub = connect(db=3).pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(channel)
    client = connect(db=7)
    tools.eventually(lambda: client.publish(channel, "x") == 1)
    with pytest.raises(redis.ResponseError, match="out of range"):
        connect(db=16).ping()


def test_users(connect, unique, tools):
    admin, name, channel = connect(), unique("u"), unique()
    assert admin.acl_setuser(name, enabled=True, passwords=["+secret"], categories=["+@all"], channels=[f"{channel}*"])
    try:
        user = connect(username=name, password="secret")
        assert user.acl_whoami() == name
        pubsub = user.pubsub(ignore_subscribe_messages=True)
        pubsub.subscribe(channel)
        tools.eventually(lambda: user.publish(channel, "x") == 1)
        with pytest.raises(redis.exceptions.NoPermissionError):
            user.publish("elsewhere", "x")
        with pytest.raises((redis.exceptions.AuthenticationError, redis.exceptions.ConnectionError), match="(?i)password|auth"):
            connect(username=name, password="wrong").ping()
    finally:
        assert admin.acl_deluser(name) == 1
    with pytest.raises((redis.exceptions.AuthenticationError, redis.exceptions.ConnectionError)):
        connect(username=name, password="secret").ping()


def test_commands_of_an_empty_database(connect):
    client = connect()
    assert client.dbsize() == 0
    assert client.exists("nothing") == 0
    assert list(client.scan_iter()) == []
    assert client.flushall() and client.flushdb()
    assert client.ttl("nothing") == -2
    assert client.time()[0] > 1_000_000_000
    assert client.echo("hello") == "hello"
    assert client.command_count() > 40
    assert client.config_get("maxmemory") == {"maxmemory": "0"}


def test_monitor(connect, unique):
    word = unique()
    with connect().monitor() as monitor:
        connect().echo(word)
        for one in monitor.listen():
            if word in one["command"]:
                break
        assert one["command"] == f"ECHO {word}"


def test_pool_of_connections(connect):
    client = connect(max_connections=20)
    connections = [client.connection_pool.get_connection() for _ in range(20)] if hasattr(client.connection_pool, "get_connection") else []
    for connection in connections:
        client.connection_pool.release(connection)
    assert client.ping()
