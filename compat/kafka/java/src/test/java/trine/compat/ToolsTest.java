package trine.compat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static trine.compat.Kafka.ADMIN;
import static trine.compat.Kafka.get;

import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Apache's console tools, each as the process its shell script would start. */
class ToolsTest {
    private static final String GROUPS = "consumer.group.ConsumerGroupCommand";

    @Test
    void kafkaTopics() {
        String topic = Kafka.unique("tool-topics");
        Tool.run("TopicCommand", "--create", "--topic", topic, "--partitions", "2", "--replication-factor", "1",
                "--config", "retention.ms=3600000").ok().says("Created topic " + topic);
        Tool.run("TopicCommand", "--list").ok().says(topic);
        Tool.run("TopicCommand", "--describe", "--topic", topic).ok()
                .matches("PartitionCount: 2\\s+ReplicationFactor: 1").says("retention.ms=3600000")
                .matches("Topic: " + topic + "\\s+Partition: 1\\s+Leader: \\d+\\s+Replicas: \\d+\\s+Isr: \\d+");
        Tool.run("TopicCommand", "--alter", "--topic", topic, "--partitions", "5").ok();
        Tool.run("TopicCommand", "--describe", "--topic", topic).ok().says("PartitionCount: 5");
        Tool.run("TopicCommand", "--delete", "--topic", topic).ok();
        Tool gone = Tool.run("TopicCommand", "--describe", "--topic", topic);
        assertEquals(1, gone.code());
        gone.says("does not exist as expected");
    }

    @Test
    void kafkaConfigs() {
        String topic = Kafka.topic("tool-configs", 1);
        Tool.run("ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name", topic,
                "--add-config", "retention.ms=7200000,cleanup.policy=[compact,delete]").ok().says("Completed updating config");
        Tool.run("ConfigCommand", "--describe", "--entity-type", "topics", "--entity-name", topic).ok()
                .says("retention.ms=7200000").says("cleanup.policy=compact,delete");
        Tool.run("ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name", topic,
                "--delete-config", "retention.ms").ok();
        Tool described = Tool.run("ConfigCommand", "--describe", "--entity-type", "topics", "--entity-name", topic).ok();
        assertFalse(described.output().contains("retention.ms=7200000"), described.output());
        Tool.run("ConfigCommand", "--describe", "--all", "--entity-type", "topics", "--entity-name", topic).ok()
                .says("max.message.bytes=1048588");
        int node = get(ADMIN.describeCluster().nodes()).iterator().next().id();
        Tool.run("ConfigCommand", "--describe", "--all", "--entity-type", "brokers", "--entity-name",
                Integer.toString(node)).ok().says("sensitive=false");
    }

    @Test
    void kafkaConsumerGroups() {
        String topic = Kafka.topic("tool-groups", 2);
        String group = Kafka.unique("tool-groups");
        Kafka.fill(topic, 0, 30, Map.of());
        Kafka.fill(topic, 1, 30, Map.of());
        try (KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(Map.of("group.id", group))) {
            consumer.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(10)));
        }
        Tool.run(GROUPS, "--list").ok().says(group);
        Tool.run(GROUPS, "--describe", "--group", group).ok()
                .matches(group + "\\s+" + topic + "\\s+0\\s+\\S*\\s*10\\s+30\\s+20");
        Tool.run(GROUPS, "--describe", "--group", group, "--state").ok().matches(group + ".*\\bEmpty\\b");
        Tool.run(GROUPS, "--reset-offsets", "--group", group, "--topic", topic, "--to-earliest", "--execute").ok()
                .matches(topic + "\\s+1\\s+0");
        Tool.run(GROUPS, "--reset-offsets", "--group", group, "--topic", topic + ":0", "--shift-by", "7", "--execute").ok()
                .matches(topic + "\\s+0\\s+7");
        Tool.run(GROUPS, "--delete-offsets", "--group", group, "--topic", topic + ":1").ok().says("Successful");
        Tool.run(GROUPS, "--delete", "--group", group).ok().says("was successful");
        Tool.run(GROUPS, "--describe", "--group", group).matches("not found|does not exist");
    }

    @Test
    void kafkaConsumerGroupsShowsMembers() {
        String topic = Kafka.topic("tool-members", 2);
        String group = Kafka.unique("tool-members");
        try (Member member = new Member(group, topic, Map.of("client.id", "shown"))) {
            Kafka.eventually("active", () -> member.owns(2));
            Tool.run(GROUPS, "--describe", "--group", group, "--members", "--verbose").ok()
                    .matches(group + "\\s+shown-\\S+\\s+\\S+\\s+shown\\s+2").says(topic);
            Tool.run(GROUPS, "--describe", "--group", group, "--state").ok().matches(group + ".*range\\s+Stable");
        }
    }

    @Test
    void perfTests() {
        String topic = Kafka.topic("tool-perf", 3);
        Tool.run("ProducerPerformance", "--topic", topic, "--num-records", "20000", "--record-size", "100",
                "--throughput", "-1", "--command-property", "compression.type=lz4").ok()
                .says("20000 records sent").matches("99\\.9th");
        String line = Tool.run("ConsumerPerformance", "--topic", topic, "--num-records", "20000", "--hide-header",
                "--timeout", "20000", "--group", Kafka.unique("tool-perf")).ok().find("^(\\d{4}-.*)$");
        assertEquals("20000", line.split(", *")[4], line);
        Tool.run("EndToEndLatency", "--topic", topic, "--num-records", "100", "--producer-acks", "all",
                "--record-size", "100").ok().matches("Avg latency: \\d");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "-1"})
    void verifiableProducerAndConsumer(String acks) {
        String topic = Kafka.topic("tool-verifiable", 1);
        Tool.run("VerifiableProducer", "--topic", topic, "--max-messages", "500", "--throughput", "-1",
                "--acks", acks, "--value-prefix", "7", "--repeating-keys", "5").ok()
                .says("\"acked\":500").matches("\"sent\":500");
        Tool consumed = Tool.run("VerifiableConsumer", "--topic", topic, "--group-id", Kafka.unique("tool-verifiable"),
                "--max-messages", "500", "--session-timeout", "10000", "--reset-policy", "earliest", "--verbose").ok();
        consumed.says("\"name\":\"partitions_assigned\"").says("\"name\":\"offsets_committed\"")
                .says("\"name\":\"shutdown_complete\"");
        assertEquals(500, consumed.output().lines().filter(l -> l.contains("\"name\":\"record_data\"")).count());
    }

    @Test
    void consoleProducerAndConsumer() {
        String topic = Kafka.topic("tool-console", 1);
        Tool.runWithInput("h1:v1\tkey one\tvalue one\nh1:v2\tkey two\tvalue two\n", "ConsoleProducer", "--topic", topic,
                "--reader-property", "parse.key=true", "--reader-property", "parse.headers=true",
                "--compression-codec", "zstd").ok();
        Tool.run("consumer.ConsoleConsumer", "--topic", topic, "--from-beginning", "--max-messages", "2",
                "--formatter-property", "print.key=true", "--formatter-property", "print.headers=true",
                "--formatter-property", "print.offset=true", "--timeout-ms", "20000").ok()
                .says("Offset:0\th1:v1\tkey one\tvalue one").says("Offset:1\th1:v2\tkey two\tvalue two");
    }

    @Test
    void offsetsAndRecords() {
        String topic = Kafka.topic("tool-offsets", 2);
        Kafka.fill(topic, 1, 25, Map.of());
        Tool.run("GetOffsetShell", "--topic", topic).ok().says(topic + ":0:0").says(topic + ":1:25");
        String json = Tool.file("{\"version\":1,\"partitions\":[{\"topic\":\"" + topic + "\",\"partition\":1,\"offset\":5}]}");
        Tool.run("DeleteRecordsCommand", "--offset-json-file", json).ok().says("low_watermark: 5");
        Tool.run("GetOffsetShell", "--topic", topic, "--time", "earliest").ok().says(topic + ":1:5");
        Tool.run("LogDirsCommand", "--describe", "--topic-list", topic).ok()
                .says("\"partition\":\"" + topic + "-1\"").matches("\"error\":null");
    }

    @Test
    void leaderElectionIsNotNeeded() {
        String topic = Kafka.topic("tool-elect", 1);
        Tool.run("LeaderElectionCommand", "--election-type", "preferred", "--topic", topic, "--partition", "0").ok()
                .says("Valid replica already elected for partitions " + topic + "-0");
    }

    @Test
    void apiVersionsAreUsable() {
        Tool versions = Tool.run("BrokerApiVersionsCommand").ok();
        for (String api : List.of("Produce(0)", "Fetch(1)", "JoinGroup(11)", "InitProducerId(22)", "DescribeCluster(60)")) {
            versions.matches("\\b" + api.replace("(", "\\(").replace(")", "\\)") + ": .*\\[usable: \\d+\\]");
        }
        int produce = Integer.parseInt(versions.find("\\bProduce\\(0\\): .*\\[usable: (\\d+)\\]"));
        assertNotEquals(0, produce);
    }
}
