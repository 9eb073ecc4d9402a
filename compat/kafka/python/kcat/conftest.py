"""Runs kcat as a person would: one process per step, text in, text out."""

import json
import shutil
import subprocess
import time

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

KCAT = shutil.which("kcat")


@pytest.fixture
def kcat(bootstrap):
    """Runs kcat with arguments; returns the finished process. Input and output are bytes."""
    assert KCAT, "kcat is not installed (apt-get install kcat)"

    def run(*arguments, stdin=b"", timeout=30, check=True):
        command = [KCAT, "-b", bootstrap, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout)
        if check:
            assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
        return done

    return run


@pytest.fixture
def consume(kcat):
    """Reads a topic to its end; returns kcat's JSON objects."""

    def run(topic, *arguments):
        output = kcat("-C", "-t", topic, "-e", "-q", "-J", *arguments).stdout
        return [json.loads(line) for line in output.splitlines()]

    return run


@pytest.fixture
def topic(bootstrap, unique):
    """Makes a topic and waits until metadata shows it; returns its name."""

    def make(partitions=3, **config):
        admin, name = AdminClient({"bootstrap.servers": bootstrap}), unique()
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        admin.create_topics([NewTopic(name, partitions, 1, config=settings)])[name].result(30)
        deadline = time.monotonic() + 15
        while len(admin.list_topics(name, timeout=10).topics[name].partitions) != partitions:
            assert time.monotonic() < deadline, f"{name} does not show up"
            time.sleep(0.05)
        return name

    return make
