package trine.compat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static trine.compat.Kafka.ADMIN;
import static trine.compat.Kafka.eventually;
import static trine.compat.Kafka.fails;
import static trine.compat.Kafka.get;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.ClassicGroupDescription;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.GroupSubscribedToTopicException;
import org.apache.kafka.common.errors.UnknownMemberIdException;
import org.junit.jupiter.api.Test;

class GroupAdminTest {
    private static ConsumerGroupDescription describe(String group) {
        return get(ADMIN.describeConsumerGroups(List.of(group)).describedGroups().get(group));
    }

    private static Map<TopicPartition, OffsetAndMetadata> offsets(String group) {
        return get(ADMIN.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
    }

    private static boolean listed(String group, ListGroupsOptions options) {
        return get(ADMIN.listGroups(options).all()).stream().anyMatch(g -> g.groupId().equals(group));
    }

    /** A group without members that has commits. */
    private static String commit(Map<TopicPartition, OffsetAndMetadata> offsets) {
        String group = Kafka.unique("committed");
        try (KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(Map.of("group.id", group))) {
            consumer.commitSync(offsets);
        }
        return group;
    }

    @Test
    void aGroupIsListedDescribedAndDeleted() {
        String topic = Kafka.topic("described", 4);
        String group = Kafka.unique("described");
        ListGroupsOptions stable = new ListGroupsOptions().inGroupStates(Set.of(GroupState.STABLE));
        ListGroupsOptions empty = new ListGroupsOptions().inGroupStates(Set.of(GroupState.EMPTY));
        Kafka.fill(topic, 0, 10, Map.of());
        try (Member a = new Member(group, topic, Map.of("client.id", "first"));
                Member b = new Member(group, topic, Map.of("client.id", "second"))) {
            eventually("two share", () -> a.owns(2) && b.owns(2));
            eventually("stable", () -> describe(group).groupState() == GroupState.STABLE);
            ConsumerGroupDescription description = describe(group);
            assertEquals(GroupType.CLASSIC, description.type());
            assertFalse(description.isSimpleConsumerGroup());
            assertEquals("range", description.partitionAssignor());
            assertEquals(Set.of("first", "second"),
                    description.members().stream().map(m -> m.clientId()).collect(Collectors.toSet()));
            description.members().forEach(member -> {
                Member it = member.clientId().equals("first") ? a : b;
                assertEquals(it.memberId, member.consumerId());
                assertEquals(it.assigned, member.assignment().topicPartitions());
                assertFalse(member.host().isEmpty());
            });
            assertTrue(listed(group, new ListGroupsOptions()));
            assertTrue(listed(group, stable));
            assertFalse(listed(group, empty));
            assertTrue(listed(group, new ListGroupsOptions().withTypes(Set.of(GroupType.CLASSIC))));
            assertFalse(listed(group, new ListGroupsOptions().withTypes(Set.of(GroupType.SHARE))));
            fails(GroupNotEmptyException.class, ADMIN.deleteConsumerGroups(List.of(group)).all());
            eventually("a commit", () -> offsets(group).values().stream().mapToLong(OffsetAndMetadata::offset).sum() == 10);
            fails(GroupSubscribedToTopicException.class,
                    ADMIN.deleteConsumerGroupOffsets(group, Set.of(new TopicPartition(topic, 0))).all());
        }
        eventually("empty", () -> describe(group).groupState() == GroupState.EMPTY);
        assertTrue(listed(group, empty));
        assertTrue(describe(group).members().isEmpty());
        get(ADMIN.deleteConsumerGroups(List.of(group)).all());
        assertFalse(listed(group, new ListGroupsOptions()));
        fails(GroupIdNotFoundException.class, ADMIN.deleteConsumerGroups(List.of(group)).all());
        fails(GroupIdNotFoundException.class, ADMIN.describeConsumerGroups(List.of(group)).all());
        assertTrue(offsets(group).isEmpty());
    }

    @Test
    void groupsOfOtherProtocolTypesAreDescribedToo() {
        String topic = Kafka.topic("classic", 1);
        String group = Kafka.unique("classic");
        try (Member member = new Member(group, topic, Map.of())) {
            eventually("active", () -> member.owns(1));
            ClassicGroupDescription description = get(ADMIN.describeClassicGroups(List.of(group)).all()).get(group);
            assertEquals("consumer", description.protocol());
            assertEquals("range", description.protocolData());
            assertEquals(1, description.members().size());
        }
    }

    @Test
    void lagIsEndMinusCommit() {
        String topic = Kafka.topic("lag", 2);
        TopicPartition p0 = new TopicPartition(topic, 0);
        TopicPartition p1 = new TopicPartition(topic, 1);
        Kafka.fill(topic, 0, 30, Map.of());
        Kafka.fill(topic, 1, 7, Map.of());
        String group = commit(Map.of(p0, new OffsetAndMetadata(12, "note")));
        assertEquals(Map.of(p0, new OffsetAndMetadata(12, "note")), offsets(group));
        var ends = get(ADMIN.listOffsets(Map.of(p0, OffsetSpec.latest(), p1, OffsetSpec.latest())).all());
        assertEquals(18, ends.get(p0).offset() - offsets(group).get(p0).offset());
        assertEquals(7, ends.get(p1).offset());

        // Asked for one partition without a commit, the answer has it without an offset.
        var asked = get(ADMIN.listConsumerGroupOffsets(Map.of(group,
                new ListConsumerGroupOffsetsSpec().topicPartitions(List.of(p0, p1)))).all()).get(group);
        assertEquals(12, asked.get(p0).offset());
        assertEquals(null, asked.get(p1));
    }

    @Test
    void offsetsOfSeveralGroupsInOneRequest() {
        TopicPartition partition = new TopicPartition(Kafka.topic("several", 1), 0);
        String one = commit(Map.of(partition, new OffsetAndMetadata(1)));
        String two = commit(Map.of(partition, new OffsetAndMetadata(2)));
        String none = Kafka.unique("none");
        ListConsumerGroupOffsetsSpec all = new ListConsumerGroupOffsetsSpec();
        var answer = get(ADMIN.listConsumerGroupOffsets(Map.of(one, all, two, all, none, all)).all());
        assertEquals(1, answer.get(one).get(partition).offset());
        assertEquals(2, answer.get(two).get(partition).offset());
        assertTrue(answer.get(none).isEmpty());
    }

    @Test
    void offsetsAreAlteredAndDeletedByTheAdmin() {
        String topic = Kafka.topic("alter", 2);
        TopicPartition p0 = new TopicPartition(topic, 0);
        TopicPartition p1 = new TopicPartition(topic, 1);
        Kafka.fill(topic, 0, 10, Map.of());
        String group = commit(Map.of(p0, new OffsetAndMetadata(3), p1, new OffsetAndMetadata(0)));
        get(ADMIN.alterConsumerGroupOffsets(group, Map.of(p0, new OffsetAndMetadata(8))).all());
        assertEquals(8, offsets(group).get(p0).offset());

        get(ADMIN.deleteConsumerGroupOffsets(group, Set.of(p1)).all());
        assertEquals(Set.of(p0), offsets(group).keySet());
        fails(GroupIdNotFoundException.class,
                ADMIN.deleteConsumerGroupOffsets(Kafka.unique("none"), Set.of(p0)).all());

        try (Member member = new Member(group, topic, Map.of())) {
            eventually("it starts at the altered offset", () -> member.healthy() && member.received.size() == 2);
            assertEquals(8, member.received.peek().offset());
            fails(UnknownMemberIdException.class,
                    ADMIN.alterConsumerGroupOffsets(group, Map.of(p0, new OffsetAndMetadata(0))).all());
        }
    }

    @Test
    void deletingATopicDropsItsCommits() {
        String topic = Kafka.topic("dropped", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        String group = commit(Map.of(partition, new OffsetAndMetadata(5)));
        get(ADMIN.deleteTopics(List.of(topic)).all());
        eventually("the commit is gone", () -> !offsets(group).containsKey(partition));
    }

    @Test
    void staticMembersAreRemovedByTheAdmin() {
        String topic = Kafka.topic("evict", 2);
        String group = Kafka.unique("evict");
        Map<String, Object> config = Map.of("group.instance.id", "evicted", "session.timeout.ms", 60_000);
        try (Member stays = new Member(group, topic, Map.of())) {
            Member gone = new Member(group, topic, config);
            eventually("two share", () -> stays.owns(1) && gone.owns(1));
            gone.close();
            assertEquals(2, describe(group).members().size());
            get(ADMIN.removeMembersFromConsumerGroup(group,
                    new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("evicted")))).all());
            eventually("the other owns all", () -> stays.owns(2));
            fails(UnknownMemberIdException.class, ADMIN.removeMembersFromConsumerGroup(group,
                    new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("evicted"))))
                    .memberResult(new MemberToRemove("evicted")));
        }
    }
}
