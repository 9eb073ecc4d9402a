"""Subscribers on redis-py's asyncio client, RESP2 and RESP3 in turn; `argv[1]`: their subscriptions as JSON."""

import asyncio
import json
import os
import sys

import redis.asyncio as aioredis
from sequence import Sequence

DRAIN_TIMEOUT_S = 60


async def main():
    host, _, port = os.environ["TRINE_REDIS"].rpartition(":")
    wanted = json.loads(sys.argv[1])
    sequences, pubsubs, clients = [], [], []
    for number, (kind, name) in enumerate(wanted):
        client = aioredis.Redis(host=host, port=int(port), protocol=2 + number % 2, decode_responses=True)
        pubsub = client.pubsub()
        await (pubsub.psubscribe(name) if kind == "p" else pubsub.subscribe(name))
        confirmation = await pubsub.get_message(timeout=30)
        assert confirmation["data"] == 1, confirmation
        sequences.append(Sequence())
        pubsubs.append(pubsub)
        clients.append(client)

    async def listen(pubsub, sequence):
        async for message in pubsub.listen():
            if message["type"] in ("message", "pmessage"):
                sequence.see(message["channel"], message["data"])

    tasks = [asyncio.create_task(listen(pubsub, sequence)) for pubsub, sequence in zip(pubsubs, sequences)]
    print('"ready"', flush=True)
    last = json.loads(await asyncio.to_thread(sys.stdin.readline))
    for _ in range(DRAIN_TIMEOUT_S * 50):
        if all(one.complete(kind, name, last) for (kind, name), one in zip(wanted, sequences)):
            break
        await asyncio.sleep(0.02)
    for task in tasks:
        if task.done() and task.exception():
            raise task.exception()
    print(json.dumps([one.channels for one in sequences]), flush=True)
    os._exit(0)


asyncio.run(main())
