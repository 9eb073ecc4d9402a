"""Fixtures of every client suite. The server's address comes from TRINE_KAFKA, which `run` sets."""

import os
import re
import uuid

import pytest


@pytest.fixture(scope="session")
def bootstrap():
    """HOST:PORT of the server under test."""
    address = os.environ.get("TRINE_KAFKA")
    if not address:
        pytest.exit("TRINE_KAFKA is not set: start the suites with ./run", returncode=2)
    return address


@pytest.fixture
def unique(request):
    """Makes a topic or group name that no other test and no earlier run has used."""
    test = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name)[:60].strip("-")

    def make(kind="t"):
        return f"{test}.{kind}.{uuid.uuid4().hex[:10]}"

    return make
