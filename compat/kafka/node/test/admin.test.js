import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import kafkajs from 'kafkajs';
import { assertRefused, createTopic, eventually, fill, readAll, unique, withAdmin } from '../helpers.js';

const { ConfigResourceTypes } = kafkajs;

describe('admin', { concurrency: 8 }, () => {
  it('describes the cluster', async () => {
    const { brokers, controller, clusterId } = await withAdmin((admin) => admin.describeCluster());
    assert.equal(brokers.length, 1);
    assert.equal(controller, brokers[0].nodeId);
    assert.ok(clusterId);
  });

  it('creates, lists, describes and deletes topics', async () => {
    const topic = await createTopic('life', 3);
    await withAdmin(async (admin) => {
      assert.ok((await admin.listTopics()).includes(topic));
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      assert.deepEqual(topics[0].partitions.map((p) => p.partitionId).sort(), [0, 1, 2]);
      for (const { leader, replicas, isr } of topics[0].partitions) {
        assert.deepEqual(replicas, [leader]);
        assert.deepEqual(isr, replicas);
      }
      assert.equal(await admin.createTopics({ topics: [{ topic }] }), false, 'it exists already');
      await admin.deleteTopics({ topics: [topic] });
      await eventually('it is gone', async () => !(await admin.listTopics()).includes(topic));
      await assertRefused(admin.deleteTopics({ topics: [topic] }), 'UNKNOWN_TOPIC_OR_PARTITION');
      await assertRefused(admin.fetchTopicMetadata({ topics: [topic] }), 'UNKNOWN_TOPIC_OR_PARTITION');
    });
  });

  it('refuses invalid topics', async () => {
    await withAdmin(async (admin) => {
      for (const topic of ['sp ace', 'sla/sh', '.', 'n'.repeat(250)]) {
        await assertRefused(admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] }), 'INVALID_TOPIC_EXCEPTION');
      }
      const topic = unique('bad');
      await assertRefused(admin.createTopics({ topics: [{ topic, numPartitions: 0, replicationFactor: 1 }] }), 'INVALID_PARTITIONS');
      await assertRefused(
        admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1, configEntries: [{ name: 'retention.ms', value: 'soon' }] }] }),
        'INVALID_CONFIG');
      await admin.createTopics({ validateOnly: true, waitForLeaders: false, topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] });
      assert.ok(!(await admin.listTopics()).includes(topic));
    });
  });

  it('adds partitions', async () => {
    const topic = await createTopic('grow', 1);
    await withAdmin(async (admin) => {
      await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] });
      await eventually('four partitions', async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length === 4);
      await assertRefused(admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] }), 'INVALID_PARTITIONS');
    });
    await fill(topic, 3, 1);
  });

  it('describes and alters configs', async () => {
    const topic = await createTopic('configs', 1, { 'retention.ms': '1000000' });
    await withAdmin(async (admin) => {
      const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
      const value = async (name) => {
        const { resources } = await admin.describeConfigs({ includeSynonyms: true, resources: [resource] });
        return resources[0].configEntries.find(({ configName }) => configName === name).configValue;
      };
      assert.equal(await value('retention.ms'), '1000000');
      await admin.alterConfigs({ validateOnly: true, resources: [{ ...resource, configEntries: [{ name: 'max.message.bytes', value: '7000' }] }] });
      assert.equal(await value('max.message.bytes'), '1048588');
      await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: [{ name: 'max.message.bytes', value: '50000' }] }] });
      await eventually('it is set', async () => (await value('max.message.bytes')) === '50000');
      // AlterConfigs replaces: what was not named is back at its default.
      assert.notEqual(await value('retention.ms'), '1000000');
      await assertRefused(
        admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: [{ name: 'cleanup.policy', value: 'shred' }] }] }),
        'INVALID_CONFIG');
      const { brokers } = await admin.describeCluster();
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false, resources: [{ type: ConfigResourceTypes.BROKER, name: String(brokers[0].nodeId) }],
      });
      assert.ok(resources[0].configEntries.length > 0);
    });
  });

  it('deletes records', async () => {
    const topic = await createTopic('trim', 1);
    await fill(topic, 0, 50);
    await withAdmin(async (admin) => {
      // KafkaJS looks for the leader in metadata it has, and asks for none itself.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '20' }] });
      const [{ low, high }] = await admin.fetchTopicOffsets(topic);
      assert.deepEqual([low, high], ['20', '50']);
    });
    assert.equal((await readAll(topic, 30))[0].message.offset, '20');
    await withAdmin(async (admin) => {
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '-1' }] });
      assert.equal((await admin.fetchTopicOffsets(topic))[0].low, '50');
    });
  });

  it('lists no reassignments', async () => {
    const topic = await createTopic('moving', 1);
    const { topics } = await withAdmin((admin) => admin.listPartitionReassignments({ topics: [{ topic, partitions: [0] }] }));
    assert.deepEqual(topics, []);
  });
});
