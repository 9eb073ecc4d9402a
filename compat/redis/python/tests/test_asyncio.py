"""The asyncio client."""

import asyncio
import contextlib

import pytest
import redis
import redis.asyncio as aioredis


@pytest.fixture
def run(protocol, tools):
    """Runs a coroutine function that is given a factory of clients."""

    def go(function):
        async def body():
            made = []

            def make(**options):
                host, port = tools.address("TRINE_REDIS")
                client = aioredis.Redis(host=host, port=port, **{"protocol": protocol, "decode_responses": True, **options})
                made.append(client)
                return client

            try:
                await asyncio.wait_for(function(make), 40)
            finally:
                for client in made:
                    await client.aclose()

        asyncio.run(body())

    return go


async def receive(pubsub, count):
    """Confirmations come as None, and so does a pause: only the caller's own limit ends this."""
    found = []
    while len(found) < count:
        one = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1)
        if one is not None:
            found.append(one)
    return found


async def subscribed(client, channel, count=1):
    while (await client.pubsub_numsub(channel))[0][1] != count:
        await asyncio.sleep(0.01)


def test_listen(run, unique):
    channel = unique()

    async def body(make):
        client = make()
        async with make().pubsub() as pubsub:
            await pubsub.subscribe(channel)
            await subscribed(client, channel)

            async def publish():
                for number in range(200):
                    assert await client.publish(channel, number) == 1

            async def listen():
                numbers = []
                async for message in pubsub.listen():
                    if message["type"] == "message":
                        numbers.append(int(message["data"]))
                    if len(numbers) == 200:
                        return numbers

            numbers, _ = await asyncio.gather(listen(), publish())
            assert numbers == list(range(200))

    run(body)


def test_many_subscribers(run, unique):
    channel = unique()

    async def body(make):
        client = make()
        pubsubs = [make().pubsub() for _ in range(50)]
        for number, pubsub in enumerate(pubsubs):
            await (pubsub.psubscribe(channel[:-2] + "*") if number % 2 else pubsub.subscribe(channel))
        await subscribed(client, channel, 25)
        for number in range(20):
            assert await client.publish(channel, number) == 50
        for pubsub in pubsubs:
            assert [int(m["data"]) for m in await receive(pubsub, 20)] == list(range(20))
            await pubsub.aclose()
        await subscribed(client, channel, 0)

    run(body)


def test_missing_only_what_was_published_while_away(run, unique):
    channel, name = unique(), unique("n").replace(".", "-")

    async def body(make):
        client, pubsub = make(), make(client_name=name).pubsub()
        await pubsub.subscribe(channel)
        await subscribed(client, channel)
        for number in range(30):
            await client.publish(channel, number)
        got = [int(m["data"]) for m in await receive(pubsub, 30)]
        (victim,) = [c for c in await client.client_list() if c["name"] == name]
        await client.client_kill_filter(_id=victim["id"])
        for number in range(30, 60):
            assert await client.publish(channel, number) == 0
        while (await client.pubsub_numsub(channel))[0][1] == 0:
            with contextlib.suppress(redis.ConnectionError):  # 5.x raises before it connects and subscribes again
                await pubsub.get_message(timeout=0.1)
        for number in range(60, 90):
            assert await client.publish(channel, number) == 1
        got += [int(m["data"]) for m in await receive(pubsub, 30)]
        assert got == [*range(30), *range(60, 90)]
        await pubsub.aclose()

    run(body)


def test_unsubscribing_and_using_the_connection_again(run, unique):
    channel = unique()

    async def body(make):
        client, pubsub = make(), make().pubsub()
        for _ in range(10):
            await pubsub.subscribe(channel)
            await subscribed(client, channel)
            assert await client.publish(channel, "x") == 1
            assert len(await receive(pubsub, 1)) == 1
            await pubsub.unsubscribe()
            await subscribed(client, channel, 0)
            while pubsub.subscribed:
                await pubsub.get_message(timeout=1)
        await pubsub.aclose()

    run(body)
