package trine.compat;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;

/** A consumer of a group on a thread of its own: it polls, keeps what it got, and commits after every poll. */
final class Member implements AutoCloseable {
    final Queue received;
    volatile Set<TopicPartition> assigned = Set.of();
    volatile int generation = -1;
    volatile String memberId = "";
    volatile Throwable failure;
    final AtomicInteger rebalances = new AtomicInteger();

    private final Thread thread;
    private volatile boolean running = true;
    private volatile CloseOptions.GroupMembershipOperation farewell = CloseOptions.GroupMembershipOperation.DEFAULT;

    /** What one or more members received, in order of arrival. */
    static final class Queue extends ConcurrentLinkedQueue<ConsumerRecord<byte[], byte[]>> {}

    Member(String group, String topic, Map<String, ?> more) {
        this(group, topic, more, new Queue());
    }

    Member(String group, String topic, Map<String, ?> more, Queue received) {
        this.received = received;
        thread = new Thread(() -> run(group, topic, more), group);
        thread.start();
    }

    private void run(String group, String topic, Map<String, ?> more) {
        Map<String, Object> all = Kafka.config(Map.of("group.id", group, "session.timeout.ms", 10_000,
                "heartbeat.interval.ms", 300, "fetch.max.wait.ms", 100));
        all.putAll(more);
        KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(all);
        try {
            consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
                @Override
                public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                    note();
                }

                @Override
                public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                    rebalances.incrementAndGet();
                    note();
                }

                private void note() {
                    assigned = Set.copyOf(consumer.assignment());
                }
            });
            boolean uncommitted = false;
            while (running) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(100));
                assigned = Set.copyOf(consumer.assignment());
                generation = consumer.groupMetadata().generationId();
                memberId = consumer.groupMetadata().memberId();
                records.forEach(received::add);
                uncommitted |= !records.isEmpty();
                if (uncommitted && commit(consumer)) {
                    uncommitted = false;
                }
            }
        } catch (Throwable e) {
            failure = e;
        } finally {
            consumer.close(CloseOptions.timeout(Duration.ofSeconds(5)).withGroupMembershipOperation(farewell));
        }
    }

    /** False when a rebalance is going on: a cooperative member must poll on and commit later. */
    private static boolean commit(KafkaConsumer<byte[], byte[]> consumer) {
        try {
            consumer.commitSync();
            return true;
        } catch (RebalanceInProgressException e) {
            return false;
        }
    }

    boolean healthy() {
        if (failure != null) {
            throw new AssertionError("member failed: " + failure, failure);
        }
        return true;
    }

    boolean owns(int partitions) {
        return healthy() && assigned.size() == partitions;
    }

    /** Stops without a LeaveGroup request: the server has to find out. */
    void vanish() {
        farewell = CloseOptions.GroupMembershipOperation.REMAIN_IN_GROUP;
        close();
    }

    @Override
    public void close() {
        running = false;
        try {
            thread.join(15_000);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        if (thread.isAlive()) {
            throw new AssertionError("the member did not stop");
        }
    }
}
