package trine.compat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static trine.compat.Kafka.ADMIN;
import static trine.compat.Kafka.bytes;
import static trine.compat.Kafka.get;
import static trine.compat.Kafka.text;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConsumeTest {
    private static final int SECOND = 1000;

    @ParameterizedTest
    @ValueSource(strings = {"none", "zstd"})
    void aSeekIntoABatchStartsAtThatOffset(String codec) {
        String topic = Kafka.topic("mid-batch", 1);
        Kafka.fill(topic, 0, 100, Map.of("linger.ms", 200, "compression.type", codec));
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(Map.of())) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, 57);
            List<ConsumerRecord<byte[], byte[]>> records = Kafka.take(consumer, 43);
            assertEquals(57, records.get(0).offset());
            assertEquals("v57", text(records.get(0).value()));
            assertEquals(100, consumer.position(partition));
        }
    }

    @Test
    void offsetsForTimesStartAndEnd() {
        String topic = Kafka.topic("times", 2);
        long base = System.currentTimeMillis() - 3600 * SECOND;
        try (KafkaProducer<byte[], byte[]> producer = Kafka.producer(Map.of("compression.type", "gzip"))) {
            for (int i = 0; i < 100; i++) {
                producer.send(new ProducerRecord<>(topic, 0, base + i * SECOND, null, bytes("t" + i)));
                if (i % 10 == 9) {
                    producer.flush();
                }
            }
        }
        TopicPartition full = new TopicPartition(topic, 0);
        TopicPartition empty = new TopicPartition(topic, 1);
        try (KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(Map.of())) {
            for (int i : new int[] {0, 1, 9, 10, 55, 99}) {
                OffsetAndTimestamp exact = consumer.offsetsForTimes(Map.of(full, base + i * SECOND)).get(full);
                assertEquals(i, exact.offset());
                assertEquals(base + i * SECOND, exact.timestamp());
            }
            assertEquals(56, consumer.offsetsForTimes(Map.of(full, base + 55 * SECOND + 1)).get(full).offset());
            assertEquals(0, consumer.offsetsForTimes(Map.of(full, 0L)).get(full).offset());
            assertNull(consumer.offsetsForTimes(Map.of(full, base + 100 * SECOND)).get(full));
            assertNull(consumer.offsetsForTimes(Map.of(empty, base)).get(empty));
            assertEquals(Map.of(full, 0L, empty, 0L), consumer.beginningOffsets(List.of(full, empty)));
            assertEquals(Map.of(full, 100L, empty, 0L), consumer.endOffsets(List.of(full, empty)));

            consumer.assign(List.of(full));
            consumer.seek(full, consumer.offsetsForTimes(Map.of(full, base + 42 * SECOND)).get(full).offset());
            assertEquals("t42", text(Kafka.take(consumer, 58).get(0).value()));
        }
    }

    @Test
    void byteLimitsBelowOneBatchStillMakeProgress() {
        String topic = Kafka.topic("tiny-fetch", 2);
        for (int partition = 0; partition < 2; partition++) {
            for (int round = 0; round < 3; round++) {
                Kafka.fill(topic, partition, 20, Map.of("linger.ms", 50));
            }
        }
        assertEquals(120, Kafka.readAll(topic, 120,
                Map.of("max.partition.fetch.bytes", 1, "fetch.max.bytes", 1, "max.poll.records", 7)).size());
    }

    @Test
    void aWaitingFetchIsWokenByARecord() throws Exception {
        String topic = Kafka.topic("wake", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(Map.of(
                        "fetch.max.wait.ms", 8_000));
                KafkaProducer<byte[], byte[]> producer = Kafka.producer(Map.of())) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            assertTrue(consumer.poll(Duration.ofMillis(500)).isEmpty());
            CompletableFuture<Long> sentAt = CompletableFuture.supplyAsync(() -> {
                get(producer.send(new ProducerRecord<>(topic, 0, null, bytes("wake up"))));
                return System.nanoTime();
            }, CompletableFuture.delayedExecutor(500, TimeUnit.MILLISECONDS));
            ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofSeconds(20));
            long waited = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - sentAt.get());
            assertEquals(1, records.count());
            assertTrue(waited < 3_000, "the record came " + waited + " ms after its acknowledgement");
        }
    }

    @Test
    void anEmptyFetchAnswersAfterItsWait() {
        String topic = Kafka.topic("empty", 1);
        try (KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(Map.of("fetch.max.wait.ms", 100))) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            assertTrue(consumer.poll(Duration.ofSeconds(1)).isEmpty());
            assertEquals(0, consumer.position(new TopicPartition(topic, 0)));
        }
    }

    @Test
    void readCommittedSeesPlainRecords() {
        String topic = Kafka.topic("committed", 1);
        Kafka.fill(topic, 0, 30, Map.of());
        assertEquals(30, Kafka.readAll(topic, 30, Map.of("isolation.level", "read_committed")).size());
    }

    @Test
    void offsetsOutsideTheLog() {
        String topic = Kafka.topic("out-of-range", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        Kafka.fill(topic, 0, 20, Map.of());
        get(ADMIN.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(10))).all());
        try (KafkaConsumer<byte[], byte[]> strict = Kafka.consumer(Map.of("auto.offset.reset", "none"))) {
            strict.assign(List.of(partition));
            for (long outside : new long[] {5, 21}) {
                strict.seek(partition, outside);
                assertThrows(OffsetOutOfRangeException.class, () -> {
                    for (int i = 0; i < 50; i++) {
                        strict.poll(Duration.ofMillis(200));
                    }
                });
            }
        }
        try (KafkaConsumer<byte[], byte[]> lenient = Kafka.consumer(Map.of("auto.offset.reset", "earliest"))) {
            lenient.assign(List.of(partition));
            lenient.seek(partition, 5);
            assertEquals(10, Kafka.take(lenient, 10).get(0).offset());
        }
        try (KafkaConsumer<byte[], byte[]> latest = Kafka.consumer(Map.of("auto.offset.reset", "latest"))) {
            latest.assign(List.of(partition));
            assertEquals(20, latest.position(partition));
        }
    }

    @Test
    void unknownAndInvalidTopics() {
        try (KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(Map.of("allow.auto.create.topics", false))) {
            String unknown = Kafka.unique("unknown");
            List<?> partitions = consumer.partitionsFor(unknown, Duration.ofSeconds(5));
            assertTrue(partitions == null || partitions.isEmpty());
            assertThrows(TimeoutException.class, () ->
                    consumer.endOffsets(List.of(new TopicPartition(unknown, 0)), Duration.ofSeconds(2)));
            assertThrows(InvalidTopicException.class, () -> consumer.partitionsFor("not valid!", Duration.ofSeconds(5)));
            assertTrue(consumer.listTopics().keySet().stream().noneMatch(unknown::equals));
        }
    }

    @Test
    void manyPartitionsInOneSessionComeThrough() {
        int partitions = 40;
        String topic = Kafka.topic("session", partitions);
        try (KafkaConsumer<byte[], byte[]> consumer = Kafka.consumer(Map.of("fetch.max.wait.ms", 100));
                KafkaProducer<byte[], byte[]> producer = Kafka.producer(Map.of())) {
            List<TopicPartition> all = consumer.partitionsFor(topic).stream()
                    .map(p -> new TopicPartition(topic, p.partition())).toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            // Rounds that touch a few partitions each: incremental fetch sessions leave the others out.
            for (int round = 0; round < 5; round++) {
                for (int p = round; p < partitions; p += 7) {
                    producer.send(new ProducerRecord<>(topic, p, null, bytes(round + ":" + p)));
                }
                producer.flush();
                int expected = (partitions - round + 6) / 7;
                Kafka.take(consumer, expected).forEach(record ->
                        assertEquals(record.partition(), Integer.parseInt(text(record.value()).split(":")[1])));
            }
            // A pause removes a partition from the session, a resume puts it back.
            consumer.pause(all.subList(1, partitions));
            all.forEach(p -> producer.send(new ProducerRecord<>(topic, p.partition(), null, bytes("9:" + p.partition()))));
            producer.flush();
            assertEquals(0, Kafka.take(consumer, 1).get(0).partition());
            consumer.resume(all);
            Kafka.take(consumer, partitions - 1);
        }
    }
}
