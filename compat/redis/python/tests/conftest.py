"""Fixtures of the redis-py suite."""

import os
import re
import time
import uuid

import pytest
import redis

# How long something that must happen may take.
PATIENCE_S = 10


def address(variable):
    """(host, port) that an environment variable names."""
    named = os.environ.get(variable)
    if not named:
        pytest.exit(f"{variable} is not set: start the suites with ./run", returncode=2)
    host, _, port = named.rpartition(":")
    return host, int(port)


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def protocol(request):
    return request.param


@pytest.fixture
def connect(protocol):
    """Makes clients, which are closed at the end."""
    made = []

    def make(**options):
        host, port = address("TRINE_REDIS")
        client = redis.Redis(host=host, port=port, **{"protocol": protocol, "socket_timeout": PATIENCE_S, "decode_responses": True, **options})
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def unique(request):
    """Makes a channel or user name that no other test and no earlier run has used."""
    test = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name)[:40].strip("-")
    return lambda kind="c": f"{test}.{kind}.{uuid.uuid4().hex[:10]}"


def receive(pubsub, count, wanted=("message", "pmessage", "smessage"), within=PATIENCE_S):
    """The next messages of the wanted types; fewer when the time is over."""
    found, deadline = [], time.monotonic() + within
    while len(found) < count and time.monotonic() < deadline:
        one = pubsub.get_message(timeout=0.2)
        if one and one["type"] in wanted:
            found.append(one)
    return found


def eventually(check, within=PATIENCE_S):
    """Asks until the answer is yes."""
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def tools():
    """The helpers above, for test modules."""

    class Tools:
        pass

    made = Tools()
    made.receive, made.eventually, made.address, made.patience = receive, eventually, address, PATIENCE_S
    return made
