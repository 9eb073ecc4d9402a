"""A boto3 client for the server at TRINE_AWS."""

import os

import boto3
from botocore.config import Config


def connect(retries=0):
    """`retries`: of calls that fail, as the SDK does them."""
    return boto3.client(
        "sqs", endpoint_url=f"http://{os.environ['TRINE_AWS']}", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
        config=Config(retries={"max_attempts": retries}, connect_timeout=5, read_timeout=40, max_pool_connections=20),
    )
