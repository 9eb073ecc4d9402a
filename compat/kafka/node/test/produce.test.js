import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { assertRefused, CompressionTypes, createTopic, readAll, unique, withProducer } from '../helpers.js';

describe('produce', { concurrency: 8 }, () => {
  for (const [name, compression] of Object.entries(CompressionTypes)) {
    for (const idempotent of [true, false]) {
      it(`keeps keys, headers and order with ${name}, idempotent=${idempotent}`, async () => {
        const count = 300;
        const topic = await createTopic(`codec-${name.toLowerCase()}`, 3);
        const base = Date.now() - 3_600_000;
        const messages = Array.from({ length: count }, (_, i) => ({
          key: `key-${i % 17}`,
          value: `value ${i} ${'x'.repeat(i % 200)}`,
          timestamp: String(base + i),
          headers: { n: String(i), twice: ['a', 'b'], empty: '' },
        }));
        await withProducer(async (producer) => {
          const next = {};
          for (let i = 0; i < count; i += 50) {
            const answers = await producer.send({ topic, compression, acks: -1, messages: messages.slice(i, i + 50) });
            for (const { partition, baseOffset, errorCode } of answers) {
              assert.equal(errorCode, 0);
              assert.ok(Number(baseOffset) >= (next[partition] ?? 0));
              next[partition] = Number(baseOffset) + 1;
            }
          }
        }, { idempotent });

        const last = {};
        for (const { message } of await readAll(topic, count)) {
          const i = Number(message.headers.n);
          const sent = messages[i];
          assert.equal(String(message.key), sent.key);
          assert.equal(String(message.value), sent.value);
          assert.equal(message.timestamp, sent.timestamp);
          assert.deepEqual(message.headers.twice.map(String), ['a', 'b']);
          assert.equal(message.headers.empty.length, 0);
          assert.ok(!(last[sent.key] >= i), `order of ${sent.key}: ${last[sent.key]} then ${i}`);
          last[sent.key] = i;
        }
      });
    }
  }

  for (const acks of [0, 1, -1]) {
    it(`stores with acks=${acks}`, async () => {
      const topic = await createTopic('acks', 1);
      await withProducer(async (producer) => {
        for (let i = 0; i < 20; i += 1) await producer.send({ topic, acks, messages: [{ value: String(i) }] });
      });
      const values = (await readAll(topic, 20)).map(({ message }) => String(message.value));
      assert.deepEqual(values, Array.from({ length: 20 }, (_, i) => String(i)));
    });
  }

  it('keeps null and empty keys and values apart', async () => {
    const topic = await createTopic('nulls', 1);
    const parts = [null, '', 'x'];
    const messages = parts.flatMap((key) => parts.map((value) => ({ key, value })));
    await withProducer((producer) => producer.send({ topic, messages }));
    const text = (buffer) => (buffer === null ? null : String(buffer));
    const received = (await readAll(topic, 9)).map(({ message }) => ({ key: text(message.key), value: text(message.value) }));
    assert.deepEqual(received, messages);
  });

  it('accepts messages up to the limit and no further', async () => {
    const limit = 1_048_588;
    // Record batch header (61) and the fields around one record of about 1 MiB without key.
    const overhead = 61 + 3 + 1 + 1 + 1 + 1 + 3 + 1;
    const topic = await createTopic('large', 1);
    await withProducer(async (producer) => {
      await producer.send({ topic, messages: [{ value: Buffer.alloc(limit - overhead, 7) }] });
      await assertRefused(producer.send({ topic, messages: [{ value: Buffer.alloc(limit - overhead + 1) }] }), 'MESSAGE_TOO_LARGE');
      await producer.send({ topic, messages: [{ value: 'after' }] });
    });
    const [large, after] = await readAll(topic, 2);
    assert.equal(large.message.value.length, limit - overhead);
    assert.equal(large.message.value.at(-1), 7);
    assert.equal(String(after.message.value), 'after');
  });

  it('names unknown and invalid topics', async () => {
    await withProducer(async (producer) => {
      await assertRefused(producer.send({ topic: unique('unknown'), messages: [{ value: 'x' }] }), 'UNKNOWN_TOPIC_OR_PARTITION');
      await assertRefused(producer.send({ topic: 'no/slash', messages: [{ value: 'x' }] }), 'INVALID_TOPIC_EXCEPTION');
    }, { allowAutoTopicCreation: false, retry: { retries: 2, initialRetryTime: 50 } });
  });

  it('creates topics on first use', async () => {
    const topic = unique('auto');
    await withProducer((producer) => producer.send({ topic, messages: [{ value: 'x' }] }));
    assert.equal(String((await readAll(topic, 1))[0].message.value), 'x');
  });

  it('sends to several topics in one request', async () => {
    const topics = [await createTopic('several', 2), await createTopic('several', 2)];
    await withProducer((producer) =>
      producer.sendBatch({ topicMessages: topics.map((topic) => ({ topic, messages: [0, 1].map((partition) => ({ partition, value: topic })) })) }));
    for (const topic of topics) {
      assert.deepEqual((await readAll(topic, 2)).map(({ message }) => String(message.value)), [topic, topic]);
    }
  });
});
