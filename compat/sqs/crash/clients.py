"""What producers and consumers share: the client, the queues, and which exceptions mean that a call may or may not have worked."""

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

QUEUES = ("crash", "crash.fifo")
ERRORS = (BotoCoreError, HTTPClientError, ClientError)


def connect(address):
    """(client without retries, URL of each queue); waits for nothing."""
    client = boto3.client(
        "sqs", endpoint_url=f"http://{address}", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=30),
    )
    return client, {name: f"http://{address}/000000000000/{name}" for name in QUEUES}
