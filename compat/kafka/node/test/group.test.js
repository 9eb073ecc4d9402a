import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { assertComplete, createTopic, eventually, fill, Member, unique, withAdmin } from '../helpers.js';

const committedSum = (groupId) =>
  withAdmin(async (admin) => {
    const topics = await admin.fetchOffsets({ groupId });
    return topics.flatMap(({ partitions }) => partitions).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  });

const fillAll = async (topic, partitions, count) => {
  for (let p = 0; p < partitions; p += 1) await fill(topic, p, count);
};

describe('group', { concurrency: 8 }, () => {
  it('members join and leave, and every record arrives', async () => {
    const topic = await createTopic('members', 6);
    const group = unique('members');
    const received = [];
    await fillAll(topic, 6, 50);
    const a = await Member.join(group, topic, { received });
    let b;
    let c;
    try {
      await eventually('one member owns all', () => a.assigned.length === 6 && received.length === 300);
      b = await Member.join(group, topic, { received });
      await eventually('two share', () => a.assigned.length === 3 && b.assigned.length === 3);
      assert.deepEqual([...a.assigned, ...b.assigned].sort(), [0, 1, 2, 3, 4, 5]);
      await fillAll(topic, 6, 50);
      await eventually('second records', () => received.length === 600);
      c = await Member.join(group, topic, { received });
      await eventually('three share', () => [a, b, c].every((m) => m.assigned.length === 2));
      await b.leave();
      await eventually('two share again', () => a.assigned.length === 3 && c.assigned.length === 3);
      await fillAll(topic, 6, 50);
      await eventually('third records', () => received.length === 900);
      await c.leave();
      await eventually('one owns all again', () => a.assigned.length === 6);
      await fillAll(topic, 6, 50);
      await eventually('last records', () => received.length === 1200);
      await eventually('all is committed', async () => (await committedSum(group)) === 1200);
      assertComplete(received, 6, 200);
    } finally {
      await Promise.all([a, b, c].filter(Boolean).map((member) => member.leave()));
    }
  });

  it('a restarted group goes on from its commit', async () => {
    const topic = await createTopic('restart', 3);
    const group = unique('restart');
    const received = [];
    for (let run = 1; run <= 2; run += 1) {
      await fillAll(topic, 3, 100);
      const member = await Member.join(group, topic, { received });
      await eventually('its records', () => received.length === run * 300);
      await eventually('its commits', async () => (await committedSum(group)) === run * 300);
      await member.leave();
    }
    assertComplete(received, 3, 200);
  });

  it('is listed, described and deleted', async () => {
    const topic = await createTopic('described', 4);
    const group = unique('described');
    const a = await Member.join(group, topic);
    const b = await Member.join(group, topic);
    await withAdmin(async (admin) => {
      const describe = async () => (await admin.describeGroups([group])).groups[0];
      try {
        await eventually('two share', () => a.assigned.length === 2 && b.assigned.length === 2);
        const { groups } = await admin.listGroups();
        assert.deepEqual(groups.find(({ groupId }) => groupId === group), { groupId: group, protocolType: 'consumer' });
        const description = await eventually('stable', async () => {
          const d = await describe();
          return d.state === 'Stable' && d;
        });
        assert.equal(description.errorCode, 0);
        assert.equal(description.protocol, 'RoundRobinAssigner');
        assert.deepEqual(description.members.map((m) => m.memberId).sort(), [a.memberId, b.memberId].sort());
        assert.ok(description.members.every((m) => m.clientId === 'compat-node' && m.memberAssignment.length > 0));
        await assertRefusedGroup(admin, group, 'NON_EMPTY_GROUP');
      } finally {
        await Promise.all([a.leave(), b.leave()]);
      }
      await eventually('empty', async () => (await describe()).state === 'Empty');
      const [deleted] = await admin.deleteGroups([group]);
      assert.equal(deleted.errorCode ?? 0, 0);
      const { groups } = await admin.listGroups();
      assert.ok(!groups.some(({ groupId }) => groupId === group));
    });
  });

  it('has offsets that the admin sets and resets', async () => {
    const topic = await createTopic('offsets', 1);
    const group = unique('offsets');
    await fill(topic, 0, 30);
    await withAdmin(async (admin) => {
      const at = async (resolve) => (await admin.fetchOffsets({ groupId: group, topics: [topic], resolveOffsets: resolve }))[0].partitions[0];
      assert.equal((await at(false)).offset, '-1');
      await admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '12' }] });
      assert.equal((await at(false)).offset, '12');
      const [{ high }] = await admin.fetchTopicOffsets(topic);
      assert.equal(Number(high) - Number((await at(false)).offset), 18);
      await admin.resetOffsets({ groupId: group, topic, earliest: true });
      assert.equal((await at(true)).offset, '0');
    });
    const member = await Member.join(group, topic);
    await eventually('from the reset offset', () => member.received.length === 30);
    await member.leave();
  });

  it('commits carry metadata', async () => {
    const topic = await createTopic('metadata', 1);
    const group = unique('metadata');
    await fill(topic, 0, 5);
    const member = await Member.join(group, topic);
    try {
      await eventually('joined', () => member.received.length === 5);
      await member.consumer.commitOffsets([{ topic, partition: 0, offset: '3', metadata: 'naïve 元' }]);
    } finally {
      await member.leave();
    }
    const [{ partitions }] = await withAdmin((admin) => admin.fetchOffsets({ groupId: group, topics: [topic] }));
    assert.equal(partitions[0].metadata, 'naïve 元');
    assert.equal(partitions[0].offset, '3');
  });
});

async function assertRefusedGroup(admin, group, type) {
  await assert.rejects(admin.deleteGroups([group]), (error) => {
    assert.equal(error.groups[0].error.type, type);
    return true;
  });
}
