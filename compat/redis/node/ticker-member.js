// Subscribers of the ticker on ioredis or node-redis (first argument); the second: their subscriptions as JSON.
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { address } from './helpers.js'

const DRAIN_TIMEOUT_MS = 60_000
const [client, json] = process.argv.slice(2)
const subscriptions = JSON.parse(json)

/** What one subscription saw of each channel: first and last number, how many, and the first fault. */
class Sequence {
  channels = {}

  see(channel, payload) {
    const number = Number(payload.split(' ', 1)[0])
    const seen = (this.channels[channel] ??= [number, number - 1, 0, null])
    if (number !== seen[1] + 1 && seen[3] === null) seen[3] = `${number} after ${seen[1]}`
    seen[1] = number
    seen[2]++
  }

  complete(kind, name, last) {
    return Object.entries(last).every(([channel, number]) => {
      const concerned = kind === 'e' ? channel === name : channel.startsWith(name.slice(0, -1))
      return !concerned || this.channels[channel]?.[1] >= number
    })
  }
}

async function subscribe(kind, name) {
  const sequence = new Sequence()
  if (client === 'ioredis') {
    const redis = new Redis({ ...address('TRINE_REDIS'), retryStrategy: null })
    redis.on('message', (channel, text) => sequence.see(channel, text))
    redis.on('pmessage', (_, channel, text) => sequence.see(channel, text))
    await (kind === 'e' ? redis.subscribe(name) : redis.psubscribe(name))
  } else {
    const redis = createClient({ socket: { ...address('TRINE_REDIS'), reconnectStrategy: false } })
    redis.on('error', (error) => { throw error })
    await redis.connect()
    const listener = (text, channel) => sequence.see(channel, text)
    await (kind === 'e' ? redis.subscribe(name, listener) : redis.pSubscribe(name, listener))
  }
  return sequence
}

const sequences = []
for (const [kind, name] of subscriptions) sequences.push(await subscribe(kind, name))
console.log('"ready"')
createInterface({ input: process.stdin }).once('line', async (line) => {
  const last = JSON.parse(line)
  const end = Date.now() + DRAIN_TIMEOUT_MS
  const complete = () => subscriptions.every(([kind, name], i) => sequences[i].complete(kind, name, last))
  while (!complete() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
  process.stdout.write(JSON.stringify(sequences.map((one) => one.channels)) + '\n', () => process.exit(0))
})
