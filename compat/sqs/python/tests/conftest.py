"""Fixtures of the boto3 suite: the same tests for a boto3 that speaks JSON and for one that speaks Query."""

import json
import os
import re
import time
import uuid

import boto3
import botocore
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

# Whether this boto3 speaks JSON (botocore 1.31.82 and newer).
JSON = tuple(int(part) for part in botocore.__version__.split(".")[:3]) >= (1, 31, 82)
# How long something that must happen may take.
PATIENCE_S = 15


@pytest.fixture(scope="session")
def endpoint():
    named = os.environ.get("TRINE_AWS")
    if not named:
        pytest.exit("TRINE_AWS is not set: start the suites with ./run", returncode=2)
    return f"http://{named}"


def make_client(endpoint, service="sqs", **options):
    config = Config(retries={"max_attempts": 0}, read_timeout=40, max_pool_connections=50)
    return boto3.client(
        service, endpoint_url=endpoint,
        **{"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test", "config": config, **options},
    )


@pytest.fixture(scope="session")
def sqs(endpoint):
    return make_client(endpoint)


@pytest.fixture
def unique(request):
    """Makes a queue name that no other test and no earlier run has used."""
    test = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name)[:30].strip("-")
    return lambda kind="q", suffix="": f"{test}-{kind}-{uuid.uuid4().hex[:10]}{suffix}"


@pytest.fixture
def queue(sqs, unique):
    """Makes queues, which are deleted at the end."""
    made = []

    def make(fifo=False, tags=None, **attributes):
        attributes = {name: value if isinstance(value, str) else json.dumps(value) for name, value in attributes.items()}
        if fifo:
            attributes["FifoQueue"] = "true"
        options = {"tags": tags} if tags else {}
        url = sqs.create_queue(QueueName=unique("q", ".fifo" if fifo else ""), Attributes=attributes, **options)["QueueUrl"]
        made.append(url)
        return url

    yield make
    for url in made:
        try:
            sqs.delete_queue(QueueUrl=url)
        except ClientError:
            pass  # the test deleted it


class Tools:
    """What tests share."""

    json = JSON
    patience = PATIENCE_S

    def __init__(self, sqs, endpoint):
        self.sqs, self.endpoint = sqs, endpoint
        self.client = make_client

    def fails(self, code, text=None, status=400, *, typed=None):
        """A context in which the server must refuse with this legacy code, and these words if given."""
        return Refused(code, text, status, typed)

    def arn(self, url):
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def counts(self, url):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return tuple(int(found[name]) for name in names)

    def receive(self, url, count=1, wait=0, **options):
        """One receive of at most `count`."""
        return self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=count, WaitTimeSeconds=wait, **options).get("Messages", [])

    def drain(self, url, count, **options):
        """Receives until there are `count` messages."""
        found, deadline = [], time.monotonic() + PATIENCE_S
        while len(found) < count and time.monotonic() < deadline:
            found += self.receive(url, 10, wait=1, **options)
        assert len(found) == count, [m["Body"] for m in found]
        return found

    def send(self, url, *bodies, **options):
        """Sends each; the answers."""
        return [self.sqs.send_message(QueueUrl=url, MessageBody=body, **options) for body in bodies]

    def eventually(self, check):
        deadline = time.monotonic() + PATIENCE_S
        while not check():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.05)


class Refused:
    """Checks a ClientError when the context ends."""

    def __init__(self, code, text, status, typed):
        self.code, self.text, self.status, self.typed = code, text, status, typed

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _trace):
        assert error is not None, f"nothing was refused; wanted {self.code}"
        if not isinstance(error, ClientError):
            return False
        found = error.response["Error"]
        assert found["Code"] == self.code, error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == self.status, error
        if self.text is not None:
            assert self.text in found["Message"], error
        if JSON and self.typed is not None:
            assert found["QueryErrorCode"] == self.typed, error
        return True


@pytest.fixture
def tools(sqs, endpoint):
    return Tools(sqs, endpoint)
