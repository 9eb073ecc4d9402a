import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { createTopic, eventually, fill, Member, readAll, unique, withAdmin, withProducer } from '../helpers.js';

describe('consume', { concurrency: 8 }, () => {
  it('a seek into a batch starts at that offset', async () => {
    const topic = await createTopic('mid-batch', 1);
    await fill(topic, 0, 100);
    const received = await readAll(topic, 43, { onRunning: (consumer) => consumer.seek({ topic, partition: 0, offset: '57' }) });
    assert.equal(received[0].message.offset, '57');
    assert.equal(String(received[0].message.value), 'v57');
  });

  it('seeks by timestamp', async () => {
    const topic = await createTopic('times', 2);
    const base = Date.now() - 3_600_000;
    await withProducer(async (producer) => {
      for (let i = 0; i < 100; i += 10) {
        await producer.send({
          topic,
          messages: Array.from({ length: 10 }, (_, j) => ({ partition: 0, value: String(i + j), timestamp: String(base + (i + j) * 1000) })),
        });
      }
    });
    await withAdmin(async (admin) => {
      const at = async (timestamp) =>
        (await admin.fetchTopicOffsetsByTimestamp(topic, timestamp)).find(({ partition }) => partition === 0).offset;
      assert.equal(await at(0), '0');
      assert.equal(await at(base + 9_000), '9');
      assert.equal(await at(base + 42_001), '43');
      assert.equal(await at(base + 100_000), '100');
      const offsets = (await admin.fetchTopicOffsets(topic)).sort((a, b) => a.partition - b.partition);
      assert.deepEqual(offsets.map(({ low, high }) => [low, high]), [['0', '100'], ['0', '0']]);
    });
    const received = await readAll(topic, 58, { onRunning: (consumer) => consumer.seek({ topic, partition: 0, offset: '42' }) });
    assert.equal(String(received[0].message.value), '42');
  });

  it('byte limits below one batch still make progress', async () => {
    const topic = await createTopic('tiny-fetch', 2);
    for (let i = 0; i < 3; i += 1) {
        await fill(topic, 0, 20);
        await fill(topic, 1, 20);
      }
    await readAll(topic, 120, { maxBytesPerPartition: 100, maxBytes: 100, minBytes: 1 });
  });

  it('wakes a waiting fetch', async () => {
    const topic = await createTopic('wake', 1);
    const member = await Member.join(unique('wake'), topic, { maxWaitTimeInMs: 8_000 });
    try {
      await eventually('joined', () => member.joins === 1);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await fill(topic, 0, 1);
      const acknowledged = Date.now();
      await eventually('the record', () => member.received.length === 1);
      assert.ok(Date.now() - acknowledged < 3_000, `came ${Date.now() - acknowledged} ms after its acknowledgement`);
    } finally {
      await member.leave();
    }
  });
});
