"""Subscribing, publishing, counting, and what happens when a connection dies."""

import contextlib
import threading

import pytest
import redis


def test_tutorial(connect, unique):
    """As every tutorial has it: subscribe, publish, listen."""
    channel = unique()
    subscriber = connect().pubsub()
    subscriber.subscribe(channel)
    assert next(subscriber.listen())["type"] == "subscribe"
    assert connect().publish(channel, "hello") == 1
    message = next(subscriber.listen())
    assert (message["type"], message["channel"], message["data"], message["pattern"]) == ("message", channel, "hello", None)


def test_counts_of_confirmations(connect, unique):
    a, b = unique("a"), unique("b")
    pubsub = connect().pubsub()
    pubsub.subscribe(a, b)
    pubsub.psubscribe(a + "*")
    counts = [pubsub.get_message(timeout=5)["data"] for _ in range(3)]
    assert counts == [1, 2, 3]
    pubsub.unsubscribe(a)
    pubsub.punsubscribe()
    pubsub.unsubscribe()
    told = [pubsub.get_message(timeout=5) for _ in range(3)]
    assert [(m["type"], m["channel"], m["data"]) for m in told] == [("unsubscribe", a, 2), ("punsubscribe", a + "*", 1), ("unsubscribe", b, 0)]
    assert not pubsub.subscribed


def test_patterns_and_exact_names(connect, unique, tools):
    base = unique()
    pubsub = connect().pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(f"{base}.one")
    pubsub.psubscribe(f"{base}.*", f"{base}.[ot]*")
    client = connect()
    tools.eventually(lambda: client.publish(f"{base}.one", "three copies") == 3)
    found = tools.receive(pubsub, 3)
    assert sorted((m["type"], m["pattern"]) for m in found) == [("message", None), ("pmessage", f"{base}.*"), ("pmessage", f"{base}.[ot]*")]
    assert found[0]["type"] == "message"
    assert client.publish(f"{base}.two", "x") == 2
    assert client.publish(f"{base}.x", "x") == 1
    assert client.publish(base, "x") == 0


def test_handlers_and_binary(connect, unique, tools):
    channel, seen = unique(), []
    pubsub = connect(decode_responses=False).pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(**{channel: lambda m: seen.append(m["data"])})
    client = connect(decode_responses=False)
    body = bytes(range(256)) + b"\r\n$5\r\n"
    tools.eventually(lambda: client.publish(channel, body) == 1)
    tools.eventually(lambda: pubsub.get_message(timeout=0.1) or seen)
    assert seen == [body]


def test_large_message(connect, unique, tools):
    channel = unique()
    pubsub = connect().pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(channel)
    client = connect()
    body = "x" * 4_000_000
    tools.eventually(lambda: client.publish(channel, body) == 1)
    assert tools.receive(pubsub, 1)[0]["data"] == body


def test_thread(connect, unique, tools):
    channel, seen, done = unique(), [], threading.Event()

    def handler(message):
        seen.append(int(message["data"]))
        if len(seen) == 500:
            done.set()

    pubsub = connect().pubsub()
    pubsub.subscribe(**{channel: handler})
    thread = pubsub.run_in_thread(sleep_time=0.05)
    client = connect()
    tools.eventually(lambda: client.pubsub_numsub(channel)[0][1] == 1)
    with client.pipeline(transaction=False) as pipe:
        for number in range(500):
            pipe.publish(channel, number)
        assert pipe.execute() == [1] * 500
    assert done.wait(tools.patience)
    thread.stop()
    thread.join()
    assert seen == list(range(500))


def test_introspection(connect, unique, tools):
    client, base = connect(), unique()
    one, two = connect().pubsub(), connect().pubsub()
    one.subscribe(f"{base}.a", f"{base}.b")
    two.subscribe(f"{base}.a")
    two.psubscribe(f"{base}.*")
    tools.eventually(lambda: client.pubsub_numsub(f"{base}.a", f"{base}.b", f"{base}.c") == [(f"{base}.a", 2), (f"{base}.b", 1), (f"{base}.c", 0)])
    assert sorted(client.pubsub_channels(f"{base}.*")) == [f"{base}.a", f"{base}.b"]
    tools.eventually(lambda: client.pubsub_numpat() >= 1)
    two.close()
    tools.eventually(lambda: client.pubsub_numsub(f"{base}.a") == [(f"{base}.a", 1)])


def test_health_check(connect, unique, tools):
    """While subscribed the client sends PING redis-py-health-check and wants that back, in either protocol."""
    client = connect(health_check_interval=1)
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    channel = unique()
    pubsub.subscribe(channel)
    connection = pubsub.connection
    # 5.x does not recognise the answers in RESP3; it only must not mind them.
    counts = int(redis.__version__.split(".")[0]) > 5 or connection.protocol in (2, "2")
    for _ in range(3):
        connection.next_health_check = 1  # due
        pubsub.check_health()
        tools.eventually(lambda: pubsub.get_message(timeout=0.1) is None and (pubsub.health_check_response_counter == 0 or not counts))
    tools.eventually(lambda: client.publish(channel, "alive") == 1)
    assert tools.receive(pubsub, 1)[0]["data"] == "alive"
    if connection.protocol in (3, "3"):
        return  # there the reply to a PING is no push, and the client has no name for it
    pubsub.ping("marco")
    assert tools.receive(pubsub, 1, wanted=("pong",))[0]["data"] == "marco"


def reconnected(client, pubsub, channel):
    """Lets redis-py notice, connect and subscribe again: 5.x raises in between."""
    with contextlib.suppress(redis.ConnectionError):
        pubsub.get_message(timeout=0.1)
    return client.pubsub_numsub(channel)[0][1] == 1


def test_what_is_published_while_away_is_missed_and_nothing_else(connect, unique, tools):
    """The connection is killed; redis-py reconnects and subscribes again by itself."""
    channel, name = unique(), unique("name").replace(".", "-")
    client, subscriber = connect(), connect(client_name=name)
    pubsub = subscriber.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(channel)
    pubsub.psubscribe(f"{channel}*")
    tools.eventually(lambda: client.pubsub_numsub(channel)[0][1] == 1)
    expected, received, number = [], [], 0

    def publish():
        nonlocal number
        number += 1
        copies = client.publish(channel, number)
        expected.extend([str(number)] * copies)
        return copies

    for _ in range(3):
        for _ in range(20):
            assert publish() == 2
        received += [m["data"] for m in tools.receive(pubsub, 40)]
        (victim,) = [c for c in client.client_list() if c["name"] == name and int(c["sub"]) == 1]
        assert client.client_kill_filter(_id=victim["id"]) == 1
        for _ in range(20):
            assert publish() == 0
        tools.eventually(lambda: reconnected(client, pubsub, channel))
        tools.eventually(lambda: publish() == 2)
        received += [m["data"] for m in tools.receive(pubsub, len(expected) - len(received))]
    assert received == expected


def test_unsubscribe_draws_a_line(connect, unique, tools):
    channel, stop = unique(), threading.Event()
    client = connect()

    def publish():
        publisher, number = connect(), 0
        while not stop.is_set():
            publisher.publish(channel, number)
            number += 1

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        pubsub = connect().pubsub()
        for _ in range(20):
            pubsub.subscribe(channel)
            assert tools.receive(pubsub, 3, wanted=("message",))
            pubsub.unsubscribe(channel)
            types = []
            while not types or types[-1] != "unsubscribe":
                message = pubsub.get_message(timeout=5)
                assert message, "no confirmation"
                types.append(message["type"])
            assert set(types[:-1]) <= {"message", "subscribe"}
            client.ping()
            assert pubsub.connection.can_read(timeout=0.02) is False
    finally:
        stop.set()
        thread.join()


def test_transaction_around_publish(connect, unique, tools):
    channel = unique()
    pubsub = connect().pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(channel)
    client = connect()
    tools.eventually(lambda: client.pubsub_numsub(channel)[0][1] == 1)
    with client.pipeline(transaction=True) as pipe:
        pipe.publish(channel, "1").publish(channel, "2").ping()
        assert pipe.execute() == [1, 1, True]
    assert [m["data"] for m in tools.receive(pubsub, 2)] == ["1", "2"]


def test_shard_channels_of_a_standalone_server(connect, unique, tools):
    channel = unique()
    pubsub = connect().pubsub(ignore_subscribe_messages=True)
    pubsub.ssubscribe(channel)
    client = connect()
    tools.eventually(lambda: client.execute_command("SPUBLISH", channel, "x") == 1)
    assert client.publish(channel, "not there") == 0
    found = tools.receive(pubsub, 1)
    assert (found[0]["type"], found[0]["channel"], found[0]["data"]) == ("smessage", channel, "x")
    assert client.execute_command("PUBSUB", "SHARDCHANNELS", channel) == [channel]


def test_thousands_of_channels(connect, unique, tools):
    base = unique()
    names = [f"{base}.{number}" for number in range(5_000)]
    pubsub = connect().pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(*names)
    client = connect()
    tools.eventually(lambda: client.pubsub_numsub(names[-1])[0][1] == 1 or pubsub.get_message())
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.publish(name, name)
        assert pipe.execute() == [1] * len(names)
    assert [m["data"] for m in tools.receive(pubsub, len(names), within=30)] == names


def test_errors(connect):
    client = connect()
    for words, text in ((["NOSUCH", "x"], "unknown command"), (["PUBLISH", "x"], "wrong number of arguments"), (["CLIENT", "NOSUCH"], "subcommand")):
        with pytest.raises(redis.ResponseError, match=text):
            client.execute_command(*words)
    assert client.ping()
