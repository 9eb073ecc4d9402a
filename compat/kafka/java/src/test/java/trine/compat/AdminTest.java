package trine.compat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static trine.compat.Kafka.ADMIN;
import static trine.compat.Kafka.eventually;
import static trine.compat.Kafka.fails;
import static trine.compat.Kafka.get;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ElectionNotNeededException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AdminTest {
    private static TopicDescription describe(String topic) {
        return get(ADMIN.describeTopics(List.of(topic)).topicNameValues().get(topic));
    }

    private static boolean listed(String topic) {
        return get(ADMIN.listTopics().names()).contains(topic);
    }

    private static ConfigResource resource(String topic) {
        return new ConfigResource(ConfigResource.Type.TOPIC, topic);
    }

    private static Config configs(ConfigResource resource) {
        return get(ADMIN.describeConfigs(List.of(resource)).values().get(resource));
    }

    private static AlterConfigOp op(String key, String value, AlterConfigOp.OpType type) {
        return new AlterConfigOp(new ConfigEntry(key, value), type);
    }

    private static void alter(String topic, AlterConfigOp... ops) {
        Map<ConfigResource, Collection<AlterConfigOp>> request = Map.of(resource(topic), List.of(ops));
        get(ADMIN.incrementalAlterConfigs(request).all());
    }

    private static ListOffsetsResultInfo offset(TopicPartition partition, OffsetSpec spec) {
        return get(ADMIN.listOffsets(Map.of(partition, spec)).partitionResult(partition));
    }

    @Test
    void theClusterIsOneReachableNode() {
        var cluster = ADMIN.describeCluster();
        Collection<Node> nodes = get(cluster.nodes());
        assertEquals(1, nodes.size());
        Node node = nodes.iterator().next();
        assertTrue(node.port() > 0 && !node.host().isEmpty());
        assertFalse(get(cluster.clusterId()).isEmpty());
        assertNotNull(get(cluster.controller()));
    }

    @Test
    void topicsAreCreatedListedDescribedAndDeleted() {
        String topic = Kafka.unique("life");
        var created = ADMIN.createTopics(List.of(new NewTopic(topic, 3, (short) 1)
                .configs(Map.of("retention.ms", "123456789"))));
        Uuid id = get(created.topicId(topic));
        assertNotEquals(Uuid.ZERO_UUID, id);
        assertEquals(3, get(created.numPartitions(topic)));
        assertEquals("123456789", get(created.config(topic)).get("retention.ms").value());
        eventually("it is listed", () -> listed(topic));

        TopicDescription description = describe(topic);
        assertEquals(id, description.topicId());
        assertFalse(description.isInternal());
        assertEquals(List.of(0, 1, 2), description.partitions().stream().map(TopicPartitionInfo::partition).toList());
        for (TopicPartitionInfo partition : description.partitions()) {
            assertEquals(List.of(partition.leader()), partition.replicas());
            assertEquals(partition.replicas(), partition.isr());
        }
        assertEquals(topic, get(ADMIN.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds()).get(id).name());

        fails(TopicExistsException.class, ADMIN.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all());
        get(ADMIN.deleteTopics(List.of(topic)).all());
        eventually("it is gone", () -> !listed(topic));
        fails(UnknownTopicOrPartitionException.class, ADMIN.deleteTopics(List.of(topic)).all());
        fails(UnknownTopicOrPartitionException.class, ADMIN.describeTopics(List.of(topic)).allTopicNames());
    }

    @Test
    void aRecreatedTopicIsEmptyAndHasAnotherId() {
        String topic = Kafka.topic("again", 1);
        Uuid before = describe(topic).topicId();
        Kafka.fill(topic, 0, 10, Map.of());
        get(ADMIN.deleteTopics(TopicCollection.ofTopicIds(List.of(before))).all());
        eventually("it is gone", () -> !listed(topic));
        get(ADMIN.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all());
        eventually("it is back", () -> listed(topic));
        assertNotEquals(before, describe(topic).topicId());
        eventually("it is empty", () -> offset(new TopicPartition(topic, 0), OffsetSpec.latest()).offset() == 0);
        Kafka.fill(topic, 0, 5, Map.of());
        assertEquals(5, Kafka.readAll(topic, 5, Map.of()).size());
    }

    @Test
    void defaultsApplyWhenNothingIsGiven() {
        String topic = Kafka.unique("defaults");
        get(ADMIN.createTopics(List.of(new NewTopic(topic, Optional.empty(), Optional.empty()))).all());
        eventually("it is listed", () -> listed(topic));
        assertTrue(describe(topic).partitions().size() >= 1);
    }

    @Test
    void validateOnlyCreatesNothing() {
        String topic = Kafka.unique("validate");
        CreateTopicsOptions validate = new CreateTopicsOptions().validateOnly(true);
        get(ADMIN.createTopics(List.of(new NewTopic(topic, 2, (short) 1)), validate).all());
        assertFalse(listed(topic));
        fails(InvalidPartitionsException.class,
                ADMIN.createTopics(List.of(new NewTopic(topic, 0, (short) 1)), validate).all());
    }

    @ParameterizedTest
    @ValueSource(strings = {"sp ace", "sla/sh", ".", "..", "ünicode", "colon:"})
    void invalidTopicNames(String name) {
        fails(InvalidTopicException.class, ADMIN.createTopics(List.of(new NewTopic(name, 1, (short) 1))).all());
    }

    @Test
    void topicNamesHaveALongestLength() {
        String prefix = Kafka.unique("long") + "-";
        String longest = prefix + "n".repeat(249 - prefix.length());
        get(ADMIN.createTopics(List.of(new NewTopic(longest, 1, (short) 1))).all());
        fails(InvalidTopicException.class, ADMIN.createTopics(List.of(new NewTopic(longest + "n", 1, (short) 1))).all());
        get(ADMIN.deleteTopics(List.of(longest)).all());
    }

    @Test
    void partitionsAreAdded() {
        String topic = Kafka.topic("grow", 1);
        get(ADMIN.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all());
        eventually("four partitions", () -> describe(topic).partitions().size() == 4);
        assertEquals(0, Kafka.fill(topic, 3, 1, Map.of()).get(0).offset());
        fails(InvalidPartitionsException.class, ADMIN.createPartitions(Map.of(topic, NewPartitions.increaseTo(2))).all());
        fails(InvalidPartitionsException.class, ADMIN.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all());
        fails(UnknownTopicOrPartitionException.class,
                ADMIN.createPartitions(Map.of(Kafka.unique("none"), NewPartitions.increaseTo(4))).all());
    }

    @Test
    void topicConfigsAreDescribedAndAlteredIncrementally() {
        String topic = Kafka.topic("configs", 1, Map.of("retention.ms", "1000000"));
        ConfigEntry retention = configs(resource(topic)).get("retention.ms");
        assertEquals("1000000", retention.value());
        assertEquals(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, retention.source());
        assertTrue(configs(resource(topic)).get("max.message.bytes").isDefault());

        alter(topic, op("retention.ms", "2000000", AlterConfigOp.OpType.SET),
                op("max.message.bytes", "50000", AlterConfigOp.OpType.SET));
        eventually("both are set", () -> configs(resource(topic)).get("retention.ms").value().equals("2000000")
                && configs(resource(topic)).get("max.message.bytes").value().equals("50000"));

        alter(topic, op("retention.ms", null, AlterConfigOp.OpType.DELETE));
        eventually("one is back at its default", () -> configs(resource(topic)).get("retention.ms").isDefault());
        assertEquals("50000", configs(resource(topic)).get("max.message.bytes").value());

        alter(topic, op("cleanup.policy", "compact", AlterConfigOp.OpType.APPEND));
        eventually("appended", () -> configs(resource(topic)).get("cleanup.policy").value().equals("delete,compact"));
        alter(topic, op("cleanup.policy", "delete", AlterConfigOp.OpType.SUBTRACT));
        eventually("subtracted", () -> configs(resource(topic)).get("cleanup.policy").value().equals("compact"));
    }

    @Test
    void badConfigsAreRefusedAndChangeNothing() {
        String topic = Kafka.topic("bad-configs", 1);
        for (String[] bad : new String[][] {
            {"retention.ms", "soon"}, {"max.message.bytes", "-7"}, {"cleanup.policy", "shred"},
            {"no.such.config", "1"}, {"segment.bytes", "999999999999"},
        }) {
            fails(InvalidConfigurationException.class, ADMIN.incrementalAlterConfigs(Map.of(resource(topic),
                    List.of(op(bad[0], bad[1], AlterConfigOp.OpType.SET)))).all());
            fails(InvalidConfigurationException.class, ADMIN.createTopics(List.of(
                    new NewTopic(Kafka.unique("bad"), 1, (short) 1).configs(Map.of(bad[0], bad[1])))).all());
        }
        assertTrue(configs(resource(topic)).entries().stream()
                .noneMatch(entry -> entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG));
        fails(UnknownTopicOrPartitionException.class,
                ADMIN.describeConfigs(List.of(resource(Kafka.unique("none")))).all());
    }

    @Test
    void configsCanBeAskedWithSynonymsAndDocumentation() {
        String topic = Kafka.topic("synonyms", 1);
        DescribeConfigsOptions all = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true);
        Config config = get(ADMIN.describeConfigs(List.of(resource(topic)), all).all()).get(resource(topic));
        ConfigEntry entry = config.get("max.message.bytes");
        assertEquals("1048588", entry.value());
        assertEquals(ConfigEntry.ConfigType.INT, entry.type());
        assertFalse(entry.isSensitive());
    }

    @Test
    void theBrokersConfigsAreDescribed() {
        Node node = get(ADMIN.describeCluster().nodes()).iterator().next();
        Config config = configs(new ConfigResource(ConfigResource.Type.BROKER, node.idString()));
        assertFalse(config.entries().isEmpty());
        config.entries().forEach(entry -> assertFalse(entry.name().isEmpty()));
    }

    @Test
    void recordsAreDeletedUpToAnOffset() {
        String topic = Kafka.topic("trim", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        Kafka.fill(topic, 0, 50, Map.of());
        assertEquals(20, get(ADMIN.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(20)))
                .lowWatermarks().get(partition)).lowWatermark());
        assertEquals(20, offset(partition, OffsetSpec.earliest()).offset());
        assertEquals(20, Kafka.readAll(topic, 30, Map.of()).get(0).offset());
        fails(OffsetOutOfRangeException.class,
                ADMIN.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(51))).all());
        // -1 means up to the high watermark.
        assertEquals(50, get(ADMIN.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(-1)))
                .lowWatermarks().get(partition)).lowWatermark());
        assertEquals(50, offset(partition, OffsetSpec.latest()).offset());
    }

    @Test
    void offsetsAreListedBySpec() {
        String topic = Kafka.topic("specs", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        assertEquals(-1, offset(partition, OffsetSpec.maxTimestamp()).offset());
        long base = System.currentTimeMillis() - 100_000;
        try (var producer = Kafka.producer(Map.of())) {
            for (int i : new int[] {0, 5, 90, 10, 20}) {
                get(producer.send(new org.apache.kafka.clients.producer.ProducerRecord<>(
                        topic, 0, base + i * 1000, null, Kafka.bytes("x"))));
            }
        }
        assertEquals(0, offset(partition, OffsetSpec.earliest()).offset());
        assertEquals(5, offset(partition, OffsetSpec.latest()).offset());
        ListOffsetsResultInfo max = offset(partition, OffsetSpec.maxTimestamp());
        assertEquals(2, max.offset());
        assertEquals(base + 90_000, max.timestamp());
        assertEquals(1, offset(partition, OffsetSpec.forTimestamp(base + 1)).offset());
        assertEquals(-1, offset(partition, OffsetSpec.forTimestamp(base + 90_001)).offset());
    }

    @Test
    void logDirectoriesShowTheTopicsSize() {
        String topic = Kafka.topic("dirs", 2);
        Kafka.fill(topic, 0, 500, Map.of());
        int node = get(ADMIN.describeCluster().nodes()).iterator().next().id();
        Map<String, LogDirDescription> dirs = get(ADMIN.describeLogDirs(List.of(node)).descriptions().get(node));
        assertFalse(dirs.isEmpty());
        long size = 0;
        List<TopicPartition> seen = new ArrayList<>();
        for (LogDirDescription dir : dirs.values()) {
            assertEquals(null, dir.error());
            for (var replica : dir.replicaInfos().entrySet()) {
                if (replica.getKey().topic().equals(topic)) {
                    seen.add(replica.getKey());
                    size += replica.getValue().size();
                }
            }
        }
        assertEquals(Set.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1)), Set.copyOf(seen));
        assertTrue(size > 500, "size " + size);
    }

    @Test
    void electionsAreNotNeeded() {
        String topic = Kafka.topic("elect", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        TopicPartition unknown = new TopicPartition(topic, 9);
        var answer = get(ADMIN.electLeaders(ElectionType.PREFERRED, Set.of(partition, unknown)).partitions());
        assertInstanceOf(ElectionNotNeededException.class, answer.get(partition).orElseThrow());
        assertInstanceOf(UnknownTopicOrPartitionException.class, answer.get(unknown).orElseThrow());
    }

    @Test
    void noReassignmentsAreGoingOn() {
        assertTrue(get(ADMIN.listPartitionReassignments().reassignments()).isEmpty());
    }

    @Test
    void manyTopicsInOneRequestAnswerOneByOne() {
        List<NewTopic> wanted = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            wanted.add(new NewTopic(Kafka.unique("bulk"), 2, (short) 1));
        }
        wanted.add(new NewTopic("not/valid", 1, (short) 1));
        var values = ADMIN.createTopics(wanted).values();
        for (int i = 0; i < 30; i++) {
            get(values.get(wanted.get(i).name()));
        }
        fails(InvalidTopicException.class, values.get("not/valid"));
        List<String> names = wanted.subList(0, 30).stream().map(NewTopic::name).toList();
        eventually("all are described", () -> ADMIN.describeTopics(names).allTopicNames().get().size() == 30);
        get(ADMIN.deleteTopics(names).all());
    }
}
