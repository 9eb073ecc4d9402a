"""Clients of the aiokafka suite. Each test is one coroutine, run by `go`, with a `Kit` that closes what it made."""

import asyncio
import contextlib
import time

import aiokafka
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

# No test of this suite takes longer; a hang becomes a failure.
TEST_TIMEOUT_S = 50


class Kit:
    """Makes started clients; `stack` stops them in reverse order."""

    def __init__(self, bootstrap, unique, stack):
        self.bootstrap, self.unique, self.stack = bootstrap, unique, stack

    async def _started(self, client, stop):
        self.stack.push_async_callback(stop)
        await client.start()
        return client

    async def admin(self):
        client = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        return await self._started(client, client.close)

    async def producer(self, **config):
        client = aiokafka.AIOKafkaProducer(bootstrap_servers=self.bootstrap, **config)
        return await self._started(client, client.stop)

    async def consumer(self, *topics, **config):
        settings = {
            "bootstrap_servers": self.bootstrap,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "session_timeout_ms": 10000,
            "heartbeat_interval_ms": 500,
            "fetch_max_wait_ms": 100,
            **config,
        }
        client = aiokafka.AIOKafkaConsumer(*topics, **settings)
        return await self._started(client, client.stop)

    async def topic(self, partitions=3, name=None, **config):
        """A new topic that metadata shows already."""
        name = name or self.unique()
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        admin = await self.admin()
        answer = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=settings)])
        assert answer.topic_errors[0][1] == 0, answer
        deadline = time.monotonic() + 15
        while True:
            shown = (await admin.describe_topics([name]))[0]
            if shown["error_code"] == 0 and len(shown["partitions"]) == partitions:
                return name
            assert time.monotonic() < deadline, f"{name} does not show up"
            await asyncio.sleep(0.05)

    async def send(self, producer, topic, records, partition=None):
        """Produces and waits; returns the record metadata in the order given."""
        waiting = [
            await producer.send(
                topic, value=r.value, key=r.key, headers=r.headers, timestamp_ms=r.timestamp, partition=partition
            )
            for r in records
        ]
        await producer.flush()
        return list(await asyncio.gather(*waiting))

    async def read(self, consumer, count):
        """`count` records, in the order of arrival."""
        messages = []
        while len(messages) < count:
            batches = await consumer.getmany(timeout_ms=200, max_records=count - len(messages))
            for batch in batches.values():
                messages += batch
        return messages

    async def read_all(self, topic, count, **config):
        """Every record of a topic, without a group."""
        consumer = await self.consumer(topic, **config)
        messages = await self.read(consumer, count)
        assert not await consumer.getmany(timeout_ms=300), "more messages than were sent"
        return messages

    async def until(self, condition, seconds=25):
        """Waits until `condition()` (a function or a coroutine function) holds."""
        deadline = time.monotonic() + seconds
        while True:
            value = condition()
            if await value if asyncio.iscoroutine(value) else value:
                return
            assert time.monotonic() < deadline, f"condition not met within {seconds} s"
            await asyncio.sleep(0.05)


@pytest.fixture
def go(bootstrap, unique):
    """Runs `async def body(kit)`."""

    def run(body):
        async def main():
            async with contextlib.AsyncExitStack() as stack:
                await asyncio.wait_for(body(Kit(bootstrap, unique, stack)), TEST_TIMEOUT_S)

        asyncio.run(main())

    return run
