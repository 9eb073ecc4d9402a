package trine.compat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static trine.compat.Kafka.ADMIN;
import static trine.compat.Kafka.eventually;
import static trine.compat.Kafka.get;
import static trine.compat.Kafka.text;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.InconsistentGroupProtocolException;
import org.apache.kafka.common.errors.InvalidSessionTimeoutException;
import org.apache.kafka.common.errors.OffsetMetadataTooLarge;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GroupTest {
    private static void fill(String topic, int partitions, int perPartition) {
        for (int p = 0; p < partitions; p++) {
            Kafka.fill(topic, p, perPartition, Map.of());
        }
    }

    /** Every offset of every partition came; `exactly` once each, else at least once; ascending per member and partition. */
    private static void complete(Member.Queue received, int partitions, int perPartition, boolean exactly) {
        Map<Integer, List<Long>> offsets = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : received) {
            offsets.computeIfAbsent(record.partition(), p -> new ArrayList<>()).add(record.offset());
            assertEquals("v" + record.offset() % 100, text(record.value()));
        }
        assertEquals(partitions, offsets.size());
        offsets.forEach((partition, list) -> {
            assertEquals(perPartition, new HashSet<>(list).size(), "distinct offsets of partition " + partition);
            if (exactly) {
                assertEquals(perPartition, list.size(), "deliveries of partition " + partition);
                assertEquals(list.stream().sorted().toList(), list, "order of partition " + partition);
            }
        });
    }

    private static Map<TopicPartition, OffsetAndMetadata> committed(String group) {
        return get(ADMIN.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
    }

    private static long committedSum(String group) {
        return committed(group).values().stream().mapToLong(OffsetAndMetadata::offset).sum();
    }

    @ParameterizedTest
    @ValueSource(classes = {RangeAssignor.class, RoundRobinAssignor.class, StickyAssignor.class, CooperativeStickyAssignor.class})
    void membersJoinLeaveAndEveryRecordArrives(Class<?> assignor) {
        int partitions = 6;
        String topic = Kafka.topic("members", partitions);
        String group = Kafka.unique("members");
        Member.Queue received = new Member.Queue();
        Map<String, Object> config = Map.of("partition.assignment.strategy", assignor.getName());
        fill(topic, partitions, 100);
        try (Member a = new Member(group, topic, config, received)) {
            eventually("one member owns all", () -> a.owns(6));
            eventually("first records", () -> received.size() == 600);
            try (Member b = new Member(group, topic, config, received)) {
                eventually("two share", () -> a.owns(3) && b.owns(3));
                Set<TopicPartition> union = new HashSet<>(a.assigned);
                union.addAll(b.assigned);
                assertEquals(partitions, union.size());
                assertNotEquals(a.memberId, b.memberId);
                fill(topic, partitions, 100);
                eventually("second records", () -> received.size() == 1200);
                try (Member c = new Member(group, topic, config, received)) {
                    eventually("three share", () -> a.owns(2) && b.owns(2) && c.owns(2));
                    eventually("one generation", () -> a.generation > 0 && a.generation == b.generation
                            && a.generation == c.generation);
                }
                eventually("two share again", () -> a.owns(3) && b.owns(3));
                fill(topic, partitions, 100);
                eventually("third records", () -> received.size() == 1800);
            }
            eventually("one owns all again", () -> a.owns(6));
            fill(topic, partitions, 100);
            eventually("last records", () -> received.size() == 2400);
            eventually("all is committed", () -> committedSum(group) == 2400);
            a.healthy();
        }
        complete(received, partitions, 400, true);
    }

    @Test
    void aRestartedGroupGoesOnFromItsCommit() {
        String topic = Kafka.topic("restart", 3);
        String group = Kafka.unique("restart");
        Member.Queue received = new Member.Queue();
        fill(topic, 3, 100);
        try (Member first = new Member(group, topic, Map.of(), received)) {
            eventually("first run", () -> first.healthy() && received.size() == 300 && committedSum(group) == 300);
        }
        fill(topic, 3, 100);
        try (Member second = new Member(group, topic, Map.of(), received)) {
            eventually("second run", () -> second.healthy() && received.size() == 600 && committedSum(group) == 600);
        }
        complete(received, 3, 200, true);
    }

    @Test
    void aVanishedMemberIsReplacedAfterItsSession() {
        String topic = Kafka.topic("vanish", 4);
        String group = Kafka.unique("vanish");
        Map<String, Object> config = Map.of("session.timeout.ms", 6_000);
        try (Member stays = new Member(group, topic, config)) {
            Member vanishes = new Member(group, topic, config);
            eventually("two share", () -> stays.owns(2) && vanishes.owns(2));
            vanishes.vanish();
            assertTrue(stays.owns(2));
            eventually("the other takes over", () -> stays.owns(4));
        }
    }

    @Test
    void staticMembersComeBackWithoutARebalance() {
        String topic = Kafka.topic("static", 4);
        String group = Kafka.unique("static");
        Map<String, Object> one = Map.of("group.instance.id", "one", "session.timeout.ms", 30_000);
        Map<String, Object> two = Map.of("group.instance.id", "two", "session.timeout.ms", 30_000);
        try (Member stays = new Member(group, topic, one)) {
            Member before = new Member(group, topic, two);
            eventually("two share", () -> stays.owns(2) && before.owns(2)
                    && stays.generation > 0 && stays.generation == before.generation);
            Set<TopicPartition> owned = before.assigned;
            int generation = before.generation;
            int rebalances = stays.rebalances.get();
            before.close();
            try (Member after = new Member(group, topic, two)) {
                eventually("the same partitions again", () -> after.healthy() && after.assigned.equals(owned)
                        && after.generation > 0);
                assertEquals(generation, after.generation);
                assertNotEquals(before.memberId, after.memberId);
                fill(topic, 4, 100);
                eventually("both get records", () -> stays.received.size() == 200 && after.received.size() == 200);
                assertEquals(rebalances, stays.rebalances.get());
                stays.healthy();

                var members = get(ADMIN.describeConsumerGroups(List.of(group)).all()).get(group).members();
                assertEquals(Set.of("one", "two"), new HashSet<>(members.stream().map(m -> m.groupInstanceId().orElse("")).toList()));
            }
        }
    }

    @Test
    void theOlderOfTwoEqualInstancesIsFenced() {
        String topic = Kafka.topic("fenced", 1);
        String group = Kafka.unique("fenced");
        Map<String, Object> config = Map.of("group.instance.id", "same", "session.timeout.ms", 30_000);
        try (Member older = new Member(group, topic, config)) {
            eventually("the first owns it", () -> older.owns(1));
            try (Member newer = new Member(group, topic, config)) {
                eventually("the newer took over", () -> newer.owns(1));
                eventually("the older is told", () -> older.failure != null);
                assertInstanceOf(FencedInstanceIdException.class, older.failure);
                newer.healthy();
            }
        }
    }

    @Test
    void commitsCarryMetadataAndLeaderEpoch() {
        String topic = Kafka.topic("metadata", 2);
        String group = Kafka.unique("metadata");
        TopicPartition p0 = new TopicPartition(topic, 0);
        TopicPartition p1 = new TopicPartition(topic, 1);
        fill(topic, 1, 100);
        try (KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(Map.of("group.id", group))) {
            consumer.assign(List.of(p0, p1));
            assertTrue(consumer.committed(Set.of(p0, p1)).values().stream().allMatch(v -> v == null));
            consumer.commitSync(Map.of(p0, new OffsetAndMetadata(42, "naïve 元"), p1, new OffsetAndMetadata(0, "")));
            Map<TopicPartition, OffsetAndMetadata> back = consumer.committed(Set.of(p0, p1));
            assertEquals("naïve 元", back.get(p0).metadata());
            assertEquals(42, back.get(p0).offset());
            assertEquals("", back.get(p1).metadata());

            ConsumerRecord<byte[], byte[]> first = Kafka.take(consumer, 58).get(0);
            assertEquals(42, first.offset());
            consumer.commitSync();
            assertEquals(first.leaderEpoch(), committed(group).get(p0).leaderEpoch());
            assertEquals(100, committed(group).get(p0).offset());

            String tooLong = "x".repeat(4097);
            assertThrows(OffsetMetadataTooLarge.class, () -> consumer.commitSync(Map.of(p0, new OffsetAndMetadata(50, tooLong))));
            consumer.commitSync(Map.of(p0, new OffsetAndMetadata(50, "y".repeat(4096))));
            assertEquals(4096, committed(group).get(p0).metadata().length());
        }
    }

    @Test
    void aConsumerOutsideAnActiveGroupCannotCommit() {
        String topic = Kafka.topic("outsider", 1);
        String group = Kafka.unique("outsider");
        try (Member member = new Member(group, topic, Map.of());
                KafkaConsumer<byte[], byte[]> outsider = Kafka.consumer(Map.of("group.id", group))) {
            eventually("the group is active", () -> member.owns(1));
            TopicPartition partition = new TopicPartition(topic, 0);
            outsider.assign(List.of(partition));
            assertThrows(CommitFailedException.class, () ->
                    outsider.commitSync(Map.of(partition, new OffsetAndMetadata(1))));
        }
    }

    @Test
    void sessionTimeoutsOutOfBoundsAreRefused() {
        String topic = Kafka.topic("session-bounds", 1);
        try (Member member = new Member(Kafka.unique("session-bounds"), topic, Map.of("session.timeout.ms", 1_000))) {
            eventually("the member is refused", () -> member.failure != null);
            assertInstanceOf(InvalidSessionTimeoutException.class, member.failure);
        }
    }

    @Test
    void membersWithoutACommonAssignorAreRefused() {
        String topic = Kafka.topic("protocol", 2);
        String group = Kafka.unique("protocol");
        try (Member range = new Member(group, topic, Map.of("partition.assignment.strategy", RangeAssignor.class.getName()))) {
            eventually("the group is active", () -> range.owns(2));
            try (Member other = new Member(group, topic,
                    Map.of("partition.assignment.strategy", RoundRobinAssignor.class.getName()))) {
                eventually("the other is refused", () -> other.failure != null);
                assertInstanceOf(InconsistentGroupProtocolException.class, other.failure);
                assertTrue(range.owns(2));
            }
        }
    }

    @Test
    void groupsOfAutoCommittingPatternSubscribersFindNewTopics() {
        String prefix = Kafka.unique("pattern");
        String group = Kafka.unique("pattern");
        try (KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(Map.of("group.id", group,
                "enable.auto.commit", true, "auto.commit.interval.ms", 200, "metadata.max.age.ms", 500))) {
            consumer.subscribe(Pattern.compile(Pattern.quote(prefix) + "-.*"));
            for (String name : List.of(prefix + "-one", prefix + "-two")) {
                Kafka.fill(name, 0, 100, Map.of());
                assertEquals(name, Kafka.take(consumer, 100).get(99).topic());
            }
            eventually("automatic commits", () -> {
                consumer.poll(Duration.ofMillis(50));
                return committedSum(group) == 200;
            });
        }
    }

    @Test
    void moreMembersThanPartitionsLeavesSomeIdleAndReady() {
        String topic = Kafka.topic("idle", 1);
        String group = Kafka.unique("idle");
        Member.Queue received = new Member.Queue();
        Member a = new Member(group, topic, Map.of(), received);
        try (Member b = new Member(group, topic, Map.of(), received)) {
            eventually("one of them owns it", () -> a.healthy() && b.healthy() && a.generation > 0
                    && a.generation == b.generation && a.assigned.size() + b.assigned.size() == 1);
            fill(topic, 1, 100);
            eventually("its records", () -> received.size() == 100 && committedSum(group) == 100);
            a.close();
            eventually("the other owns it", () -> b.owns(1));
            fill(topic, 1, 100);
            eventually("more records", () -> received.size() == 200);
        }
        complete(received, 1, 200, true);
    }

    @Test
    void positionsOfAFreshGroupFollowTheResetPolicy() {
        String topic = Kafka.topic("reset", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        fill(topic, 1, 100);
        try (KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(Map.of(
                "group.id", Kafka.unique("reset"), "auto.offset.reset", "latest"))) {
            consumer.assign(List.of(partition));
            assertEquals(100, consumer.position(partition));
            assertNull(consumer.committed(Set.of(partition)).get(partition));
            consumer.commitSync();
            assertNotNull(consumer.committed(Set.of(partition)).get(partition));
        }
    }
}
