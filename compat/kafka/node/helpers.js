// The server under test and the few steps every test repeats.
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';
import kafkajs from 'kafkajs';
import lz4 from 'lz4-napi';
import zstd from '@bokuweb/zstd-wasm';

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;

// KafkaJS compresses with gzip itself and takes the other codecs as plug-ins.
CompressionCodecs[CompressionTypes.Snappy] = createRequire(import.meta.url)('kafkajs-snappy');
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: (encoder) => lz4.compressFrame(encoder.buffer),
  decompress: (buffer) => lz4.decompressFrame(buffer),
});
await zstd.init();
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder) => Buffer.from(zstd.compress(encoder.buffer)),
  decompress: async (buffer) => Buffer.from(zstd.decompress(buffer)),
});

export { CompressionTypes };

/** Long enough for a group's initial delay and a rebalance on a busy machine. */
export const PATIENCE_MS = 40_000;

const address = process.env.TRINE_KAFKA;
if (!address) throw new Error('set TRINE_KAFKA to host:port');

export const kafka = new Kafka({
  clientId: 'compat-node',
  brokers: [address],
  logLevel: process.env.TRINE_COMPAT_LOG ? logLevel.DEBUG : logLevel.NOTHING,
  retry: { initialRetryTime: 100, retries: 5 },
});

/** A name no other test or suite uses. */
export const unique = (what) => `node-${what}-${randomBytes(4).toString('hex')}`;

/** Runs the function with something connected, and disconnects it whatever happens. */
async function using(connected, run) {
  await connected.connect();
  try {
    return await run(connected);
  } finally {
    await connected.disconnect();
  }
}

export const withAdmin = (run) => using(kafka.admin(), run);
export const withProducer = (run, options = {}) =>
  using(kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, ...options }), run);

export async function createTopic(what, numPartitions, configs = {}) {
  const topic = unique(what);
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  await withAdmin((admin) =>
    admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1, configEntries }], waitForLeaders: true }));
  return topic;
}

/** Sends `count` records k0…, v0… to one partition in one request. */
export const fill = (topic, partition, count) =>
  withProducer((producer) =>
    producer.send({
      topic,
      messages: Array.from({ length: count }, (_, i) => ({ partition, key: `k${i}`, value: `v${i}` })),
    }));

export async function eventually(what, check) {
  const end = Date.now() + PATIENCE_MS;
  let last;
  while (Date.now() < end) {
    try {
      last = await check();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return assert.fail(`never came true: ${what} (last: ${last})`);
}

/**
 * A consumer of a group. `received` collects {partition, message}; KafkaJS commits what was processed by itself.
 * `assigned` is the list of partitions of the latest assignment.
 */
export class Member {
  assigned = [];
  generation = 0;
  joins = 0;

  static async join(groupId, topic, { received = [], onRunning = () => {}, ...options } = {}) {
    const member = new Member();
    member.received = received;
    member.consumer = kafka.consumer({
      groupId, sessionTimeout: 10_000, heartbeatInterval: 300, maxWaitTimeInMs: 100, ...options,
    });
    member.consumer.on(member.consumer.events.GROUP_JOIN, ({ payload }) => {
      member.assigned = payload.memberAssignment[topic] ?? [];
      member.memberId = payload.memberId;
      member.joins += 1;
    });
    member.consumer.on(member.consumer.events.REBALANCING, () => {
      member.assigned = [];
    });
    await member.consumer.connect();
    await member.consumer.subscribe({ topic, fromBeginning: true });
    await member.consumer.run({
      autoCommitInterval: 200,
      eachMessage: async ({ partition, message }) => {
        received.push({ partition, message });
      },
    });
    onRunning(member.consumer);
    return member;
  }

  leave() {
    return this.consumer.disconnect();
  }
}

/** Reads a topic from its start, through a group of its own, until `count` messages came. */
export async function readAll(topic, count, options = {}) {
  const member = await Member.join(unique('reader'), topic, options);
  try {
    await eventually(`${count} messages of ${topic}`, () => member.received.length >= count);
    assert.equal(member.received.length, count);
    return member.received;
  } finally {
    await member.leave();
  }
}

/** Every offset of every partition exactly once and in order. */
export function assertComplete(received, partitions, perPartition) {
  const next = new Map();
  for (const { partition, message } of received) {
    const expected = next.get(partition) ?? 0;
    assert.equal(Number(message.offset), expected, `offset of partition ${partition}`);
    next.set(partition, expected + 1);
  }
  assert.deepEqual([...next.values()], Array(partitions).fill(perPartition));
}

/** The promise must be refused with this protocol error, alone or inside an aggregate. */
export async function assertRefused(promise, type) {
  await assert.rejects(promise, (error) => {
    const chain = [error, error.cause, ...(error.errors ?? [])].filter(Boolean);
    assert.ok(chain.some((e) => e.type === type), `wanted ${type}, got ${chain.map((e) => e.type ?? e.message)}`);
    return true;
  });
}
