// ioredis 6 (RESP3 where the server has it) and 5 (RESP2): the same tests.
import assert from 'node:assert/strict'
import { describe, it, after } from 'node:test'
import { Redis as Redis6, Cluster as Cluster6 } from 'ioredis'
import ioredis5 from 'ioredis-5'
import { address, clientNamed, eventually, range, unique } from '../helpers.js'

for (const [version, Redis, Cluster] of [['6', Redis6, Cluster6], ['5', ioredis5.Redis, ioredis5.Cluster]]) {
  describe(`ioredis ${version}`, () => {
    const made = []
    const connect = (options = {}) => {
      const client = new Redis({ ...address('TRINE_REDIS'), ...options })
      made.push(client)
      return client
    }
    after(() => made.forEach((client) => client.disconnect()))

    it('publishes to channels and patterns', async () => {
      const [subscriber, client, base] = [connect(), connect(), unique()]
      const seen = []
      subscriber.on('message', (channel, message) => seen.push(['message', channel, message]))
      subscriber.on('pmessage', (pattern, channel, message) => seen.push(['pmessage', pattern, channel, message]))
      assert.equal(await subscriber.subscribe(`${base}.a`, `${base}.b`), 2)
      assert.equal(await subscriber.psubscribe(`${base}.*`), 3)
      assert.equal(await client.publish(`${base}.a`, 'x'), 2)
      assert.equal(await client.publish(`${base}.c`, 'y'), 1)
      assert.equal(await client.publish(base, 'z'), 0)
      await eventually('three messages', () => seen.length === 3)
      assert.deepEqual(seen, [
        ['message', `${base}.a`, 'x'],
        ['pmessage', `${base}.*`, `${base}.a`, 'x'],
        ['pmessage', `${base}.*`, `${base}.c`, 'y'],
      ])
      assert.deepEqual(await client.pubsub('NUMSUB', `${base}.a`, `${base}.z`), [`${base}.a`, 1, `${base}.z`, 0])
      assert.deepEqual((await client.pubsub('CHANNELS', `${base}.*`)).sort(), [`${base}.a`, `${base}.b`])
      assert.equal(await subscriber.unsubscribe(`${base}.a`), 2)
      assert.equal(await subscriber.punsubscribe(`${base}.*`), 1)
      // Without names this one waits for a count of none.
      assert.equal(await subscriber.unsubscribe(), 0)
      assert.equal(await subscriber.echo('free again'), 'free again')
    })

    it('keeps order when pipelining', async () => {
      const [subscriber, client, channel] = [connect(), connect(), unique()]
      const seen = []
      subscriber.on('message', (_, message) => seen.push(message))
      await subscriber.subscribe(channel)
      const pipeline = client.pipeline()
      for (const text of range(0, 5000)) pipeline.publish(channel, text)
      assert.ok((await pipeline.exec()).every(([error, count]) => error === null && count === 1))
      await eventually('all messages', () => seen.length === 5000)
      assert.deepEqual(seen, range(0, 5000))
    })

    it('carries any bytes', async () => {
      const [subscriber, client, channel] = [connect(), connect(), Buffer.concat([Buffer.from(unique()), Buffer.from([0, 255, 13, 10])])]
      const body = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
      await subscriber.subscribe(channel)
      const got = new Promise((resolve) => subscriber.once('messageBuffer', (c, m) => resolve([c, m])))
      assert.equal(await client.publish(channel, body), 1)
      assert.deepEqual(await got, [channel, body])
    })

    it('misses what was published while it was away, and nothing else', async () => {
      const [name, channel, client] = [unique('n'), unique(), connect()]
      const subscriber = connect({ connectionName: name, retryStrategy: () => 100 })
      const [seen, expected] = [[], []]
      let number = 0
      let missed = 0
      const publish = async () => {
        const text = String(++number)
        const copies = await client.publish(channel, text)
        for (let i = 0; i < copies; i++) expected.push(text)
        return copies
      }
      subscriber.on('message', (_, message) => seen.push(message))
      subscriber.on('pmessage', (_, __, message) => seen.push(message))
      subscriber.on('error', () => {})
      await subscriber.subscribe(channel)
      await subscriber.psubscribe(`${channel}*`)
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 20; i++) assert.equal(await publish(), 2)
        await eventually('everything so far', () => seen.length === expected.length)
        assert.equal(await client.client('KILL', 'ID', clientNamed(await client.client('LIST'), name).id), 1)
        // All at once, before it is back.
        missed += (await Promise.all(range(0, 5).map(publish))).filter((copies) => copies === 0).length
        await eventually('it subscribes again', async () => (await publish()) === 2)
      }
      await eventually('everything', () => seen.length === expected.length)
      assert.deepEqual(seen, expected)
      assert.ok(missed > 0)
    })

    it('runs a transaction around publish', async () => {
      const [subscriber, client, channel] = [connect(), connect(), unique()]
      const seen = []
      subscriber.on('message', (_, message) => seen.push(message))
      await subscriber.subscribe(channel)
      assert.deepEqual(await client.multi().publish(channel, 'a').publish(channel, 'b').ping().exec(), [[null, 1], [null, 1], [null, 'PONG']])
      await eventually('both', () => seen.length === 2)
    })

    it('reports errors', async () => {
      const client = connect()
      await assert.rejects(client.call('NOSUCH', 'x'), /unknown command/)
      await assert.rejects(client.call('PUBLISH', 'x'), /wrong number of arguments/)
      assert.equal(await client.ping(), 'PONG')
      assert.equal(await client.quit(), 'OK')
    })

    it('uses sharded channels of a cluster', async () => {
      const nodes = [address('TRINE_REDIS_CLUSTER')]
      const [subscriber, client] = [new Cluster(nodes, { shardedSubscribers: true }), new Cluster(nodes)]
      made.push(subscriber, client)
      const [channel, seen] = [unique(), []]
      subscriber.on('smessage', (c, message) => seen.push([c, message]))
      assert.equal(await subscriber.ssubscribe(channel), 1)
      await eventually('a receiver', async () => (await client.spublish(channel, 'first')) === 1)
      for (const text of range(0, 100)) assert.equal(await client.spublish(channel, text), 1)
      await eventually('all messages', () => seen.length === 101)
      assert.deepEqual(seen.slice(1), range(0, 100).map((text) => [channel, text]))
      await subscriber.sunsubscribe(channel)
      assert.equal(await client.spublish(channel, 'nobody'), 0)
    })
  })
}
