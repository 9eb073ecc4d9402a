// node-redis in both protocols.
import assert from 'node:assert/strict'
import { describe, it, after } from 'node:test'
import { createClient, createCluster } from 'redis'
import { address, clientNamed, eventually, range, unique } from '../helpers.js'

for (const RESP of [2, 3]) {
  describe(`node-redis with RESP${RESP}`, () => {
    const made = []
    const connect = async (options = {}) => {
      const { socket = {}, ...rest } = options
      const client = createClient({ RESP, ...rest, socket: { ...address('TRINE_REDIS'), ...socket } })
      client.on('error', () => {})
      made.push(client)
      return client.connect()
    }
    after(() => made.forEach((client) => client.destroy?.()))

    it('publishes to channels and patterns', async () => {
      const [subscriber, client, base] = [await connect(), await connect(), unique()]
      const seen = []
      await subscriber.subscribe([`${base}.a`, `${base}.b`], (message, channel) => seen.push(['exact', channel, message]))
      await subscriber.pSubscribe(`${base}.*`, (message, channel) => seen.push(['pattern', channel, message]))
      assert.equal(await client.publish(`${base}.a`, 'x'), 2)
      assert.equal(await client.publish(`${base}.c`, 'y'), 1)
      await eventually('three messages', () => seen.length === 3)
      assert.deepEqual(seen, [['exact', `${base}.a`, 'x'], ['pattern', `${base}.a`, 'x'], ['pattern', `${base}.c`, 'y']])
      assert.deepEqual({ ...(await client.pubSubNumSub([`${base}.a`])) }, { [`${base}.a`]: 1 })
      assert.deepEqual((await client.pubSubChannels(`${base}.*`)).sort(), [`${base}.a`, `${base}.b`])
      await subscriber.unsubscribe()
      await subscriber.pUnsubscribe()
      assert.equal(await client.publish(`${base}.a`, 'x'), 0)
      assert.equal(String(await subscriber.ping()), 'PONG')
    })

    it('keeps order, also of large messages', async () => {
      const [subscriber, client, channel] = [await connect(), await connect(), unique()]
      const seen = []
      await subscriber.subscribe(channel, (message) => seen.push(message))
      const texts = range(0, 2000).map((text) => (Number(text) % 100 ? text : text.padEnd(100_000, 'x')))
      const counts = await Promise.all(texts.map((text) => client.publish(channel, text)))
      assert.ok(counts.every((count) => count === 1))
      await eventually('all messages', () => seen.length === 2000)
      assert.deepEqual(seen, texts)
    })

    it('pings while subscribed', async () => {
      const [subscriber, client, channel] = [await connect({ pingInterval: 20 }), await connect(), unique()]
      const seen = []
      await subscriber.subscribe(channel, (message) => seen.push(message))
      let pongs = 0
      subscriber.on('ping-interval', () => pongs++)
      await eventually('five pongs', () => pongs >= 5)
      assert.equal(await client.publish(channel, 'x'), 1)
      await eventually('the message', () => seen.length === 1)
    })

    it('misses what was published while it was away, and nothing else', async () => {
      const [name, channel, client] = [unique('n'), unique(), await connect()]
      const subscriber = await connect({ name, socket: { reconnectStrategy: () => 100 } })
      const [seen, expected] = [[], []]
      let number = 0
      let missed = 0
      const publish = async () => {
        const text = String(++number)
        const copies = await client.publish(channel, text)
        for (let i = 0; i < copies; i++) expected.push(text)
        return copies
      }
      await subscriber.subscribe(channel, (message) => seen.push(message))
      await subscriber.pSubscribe(`${channel}*`, (message) => seen.push(message))
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 20; i++) assert.equal(await publish(), 2)
        await eventually('everything so far', () => seen.length === expected.length)
        const { id } = clientNamed(await client.sendCommand(['CLIENT', 'LIST']), name)
        assert.equal(await client.sendCommand(['CLIENT', 'KILL', 'ID', id]), 1)
        // All at once, before it is back.
        missed += (await Promise.all(range(0, 5).map(publish))).filter((copies) => copies === 0).length
        await eventually('it subscribes again', async () => (await publish()) === 2)
      }
      await eventually('everything', () => seen.length === expected.length)
      assert.deepEqual(seen, expected)
      assert.ok(missed > 0)
    })

    it('uses shard channels of a standalone server', async () => {
      const [subscriber, client, channel] = [await connect(), await connect(), unique()]
      const seen = []
      await subscriber.sSubscribe(channel, (message) => seen.push(message))
      assert.equal(await client.sPublish(channel, 'x'), 1)
      assert.equal(await client.publish(channel, 'y'), 0)
      await eventually('the message', () => seen.length === 1)
      assert.deepEqual(await client.pubSubShardChannels(channel), [channel])
      await subscriber.sUnsubscribe(channel)
    })

    it('runs a transaction around publish, and reports errors', async () => {
      const [client, channel] = [await connect(), unique()]
      assert.deepEqual(await client.multi().publish(channel, 'a').ping().exec(), [0, 'PONG'])
      await assert.rejects(client.sendCommand(['NOSUCH']), /unknown command/)
      assert.match(await client.info('server'), /redis_version:\d+\.\d+\.\d+/)
    })

    it('uses sharded channels of a cluster', async () => {
      const { host, port } = address('TRINE_REDIS_CLUSTER')
      const cluster = createCluster({ rootNodes: [{ url: `redis://${host}:${port}` }], defaults: { RESP } })
      cluster.on('error', () => {})
      await cluster.connect()
      const [channel, seen] = [unique(), []]
      await cluster.sSubscribe(channel, (message) => seen.push(message))
      await eventually('a receiver', async () => (await cluster.sPublish(channel, 'first')) === 1)
      for (const text of range(0, 100)) assert.equal(await cluster.sPublish(channel, text), 1)
      await eventually('all messages', () => seen.length === 101)
      assert.deepEqual(seen.slice(1), range(0, 100))
      await cluster.sUnsubscribe(channel)
      cluster.destroy()
    })
  })
}
