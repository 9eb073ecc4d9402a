package trine.compat;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static trine.compat.Kafka.bytes;
import static trine.compat.Kafka.fails;
import static trine.compat.Kafka.get;
import static trine.compat.Kafka.text;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProduceTest {
    /** Record batch header (61) and the fields around one uncompressed record of about 1 MiB without key. */
    private static final int OVERHEAD = 61 + 3 + 1 + 1 + 1 + 1 + 3 + 1;
    /** Kafka's default max.message.bytes. */
    private static final int MAX_MESSAGE = 1_048_588;

    @ParameterizedTest
    @CsvSource({
        "none,true", "gzip,true", "snappy,true", "lz4,true", "zstd,true",
        "none,false", "gzip,false", "snappy,false", "lz4,false", "zstd,false",
    })
    void everyCodecKeepsKeysHeadersAndOrder(String codec, boolean idempotent) {
        int count = 600;
        String topic = Kafka.topic("codec-" + codec, 3);
        long base = System.currentTimeMillis() - 10_000;
        Map<TopicPartition, Long> last = new HashMap<>();
        try (KafkaProducer<byte[], byte[]> producer = Kafka.producer(Map.of(
                "compression.type", codec, "enable.idempotence", idempotent, "acks", "all", "linger.ms", 5,
                // Without idempotence a retry may overtake: then only one request at a time keeps the order.
                "max.in.flight.requests.per.connection", idempotent ? 5 : 1))) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(
                        topic, null, base + i, bytes("key-" + i % 17), bytes("value " + i + " " + "x".repeat(i % 200)));
                record.headers().add("n", bytes(Integer.toString(i))).add("twice", bytes("a"))
                        .add("twice", bytes("b")).add(new RecordHeader("null", (byte[]) null)).add("empty", new byte[0]);
                sent.add(producer.send(record));
            }
            for (Future<RecordMetadata> one : sent) {
                RecordMetadata answer = get(one);
                TopicPartition partition = new TopicPartition(answer.topic(), answer.partition());
                assertEquals(last.getOrDefault(partition, -1L) + 1, answer.offset());
                last.put(partition, answer.offset());
            }
        }

        Map<String, Integer> perKey = new HashMap<>();
        Map<TopicPartition, Long> next = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : Kafka.readAll(topic, count, Map.of())) {
            List<Header> headers = List.of(record.headers().toArray());
            int i = Integer.parseInt(text(headers.get(0).value()));
            assertEquals("key-" + i % 17, text(record.key()));
            assertEquals("value " + i + " " + "x".repeat(i % 200), text(record.value()));
            assertEquals(List.of("n", "twice", "twice", "null", "empty"), headers.stream().map(Header::key).toList());
            assertEquals("a", text(headers.get(1).value()));
            assertEquals("b", text(headers.get(2).value()));
            assertNull(headers.get(3).value());
            assertEquals(0, headers.get(4).value().length);
            assertEquals(base + i, record.timestamp());
            assertEquals(TimestampType.CREATE_TIME, record.timestampType());
            TopicPartition partition = new TopicPartition(record.topic(), record.partition());
            assertEquals(next.getOrDefault(partition, 0L), record.offset());
            next.put(partition, record.offset() + 1);
            Integer before = perKey.put(text(record.key()), i);
            assertTrue(before == null || before < i, "order of " + text(record.key()) + ": " + before + " then " + i);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "1", "all"})
    void everyAcksLevelIsStored(String acks) {
        String topic = Kafka.topic("acks-" + acks, 1);
        List<RecordMetadata> answers = Kafka.fill(topic, 0, 50, Map.of("acks", acks, "enable.idempotence", false));
        if (!acks.equals("0")) {
            assertEquals(49, answers.get(49).offset());
        }
        assertEquals("v49", text(Kafka.readAll(topic, 50, Map.of()).get(49).value()));
    }

    @Test
    void nullAndEmptyKeysAndValues() {
        String topic = Kafka.topic("nulls", 1);
        byte[][] parts = {null, new byte[0], bytes("x")};
        try (KafkaProducer<byte[], byte[]> producer = Kafka.producer(Map.of())) {
            for (byte[] key : parts) {
                for (byte[] value : parts) {
                    get(producer.send(new ProducerRecord<>(topic, 0, key, value)));
                }
            }
        }
        List<ConsumerRecord<byte[], byte[]>> records = Kafka.readAll(topic, 9, Map.of());
        for (int i = 0; i < 9; i++) {
            assertArrayEquals(parts[i / 3], records.get(i).key());
            assertArrayEquals(parts[i % 3], records.get(i).value());
        }
    }

    @Test
    void manySmallBatchesInFlightStayInOrder() {
        int count = 5000;
        String topic = Kafka.topic("inflight", 2);
        try (KafkaProducer<byte[], byte[]> producer = Kafka.producer(Map.of(
                "batch.size", 300, "linger.ms", 0, "max.in.flight.requests.per.connection", 5))) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                sent.add(producer.send(new ProducerRecord<>(topic, i % 2, null, bytes(Integer.toString(i)))));
            }
            sent.forEach(Kafka::get);
        }
        int[] next = {0, 1};
        for (ConsumerRecord<byte[], byte[]> record : Kafka.readAll(topic, count, Map.of())) {
            assertEquals(next[record.partition()], Integer.parseInt(text(record.value())));
            next[record.partition()] += 2;
        }
    }

    @Test
    void messagesUpToTheLimitAndNoFurther() {
        String topic = Kafka.topic("large", 1);
        try (KafkaProducer<byte[], byte[]> producer = Kafka.producer(Map.of("max.request.size", 4 << 20))) {
            byte[] largest = new byte[MAX_MESSAGE - OVERHEAD];
            largest[largest.length - 1] = 7;
            get(producer.send(new ProducerRecord<>(topic, 0, 1L, null, largest)));
            fails(RecordTooLargeException.class,
                    producer.send(new ProducerRecord<>(topic, 0, 1L, null, new byte[largest.length + 1])));
            // The producer goes on after the refusal.
            assertEquals(1, get(producer.send(new ProducerRecord<>(topic, 0, 1L, null, bytes("after")))).offset());
        }
        List<ConsumerRecord<byte[], byte[]>> records = Kafka.readAll(topic, 2, Map.of());
        assertEquals(MAX_MESSAGE - OVERHEAD, records.get(0).value().length);
        assertEquals(7, records.get(0).value()[MAX_MESSAGE - OVERHEAD - 1]);
    }

    @Test
    void topicLimitAppliesAndLargeBatchesAreSplitByTheClient() {
        String topic = Kafka.topic("split", 1, Map.of("max.message.bytes", "10000"));
        int count = 60;
        try (KafkaProducer<byte[], byte[]> producer = Kafka.producer(Map.of("batch.size", 65536, "linger.ms", 300))) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                byte[] value = new byte[1000];
                value[0] = (byte) i;
                sent.add(producer.send(new ProducerRecord<>(topic, 0, null, value)));
            }
            sent.forEach(Kafka::get);
            fails(RecordTooLargeException.class, producer.send(new ProducerRecord<>(topic, 0, null, new byte[10_000])));
        }
        List<ConsumerRecord<byte[], byte[]>> records = Kafka.readAll(topic, count, Map.of());
        for (int i = 0; i < count; i++) {
            assertEquals((byte) i, records.get(i).value()[0]);
        }
    }

    @Test
    void logAppendTimeReplacesTheClientsTimestamp() {
        String topic = Kafka.topic("append-time", 1, Map.of("message.timestamp.type", "LogAppendTime"));
        long before = System.currentTimeMillis();
        try (KafkaProducer<byte[], byte[]> producer = Kafka.producer(Map.of("compression.type", "lz4"))) {
            RecordMetadata answer = get(producer.send(new ProducerRecord<>(topic, 0, 1000L, null, bytes("x"))));
            assertTrue(answer.timestamp() >= before, "answered timestamp " + answer.timestamp());
        }
        ConsumerRecord<byte[], byte[]> record = Kafka.readAll(topic, 1, Map.of()).get(0);
        assertEquals(TimestampType.LOG_APPEND_TIME, record.timestampType());
        assertTrue(record.timestamp() >= before);
    }

    @Test
    void timestampsFarInTheFutureAreRefused() {
        String topic = Kafka.topic("future", 1);
        long inTwoHours = System.currentTimeMillis() + 2 * 3600 * 1000L;
        try (KafkaProducer<byte[], byte[]> producer = Kafka.producer(Map.of())) {
            fails(InvalidTimestampException.class,
                    producer.send(new ProducerRecord<>(topic, 0, inTwoHours, null, bytes("x"))));
        }
    }

    @Test
    void compactedTopicsNeedKeys() {
        String topic = Kafka.topic("compact", 1, Map.of("cleanup.policy", "compact"));
        try (KafkaProducer<byte[], byte[]> producer = Kafka.producer(Map.of())) {
            fails(InvalidRecordException.class, producer.send(new ProducerRecord<>(topic, 0, null, bytes("x"))));
            get(producer.send(new ProducerRecord<>(topic, 0, bytes("k"), bytes("x"))));
        }
    }

    @Test
    void firstProduceCreatesTheTopic() {
        String topic = Kafka.unique("auto");
        try (KafkaProducer<byte[], byte[]> producer = Kafka.producer(Map.of())) {
            assertEquals(0, get(producer.send(new ProducerRecord<>(topic, bytes("x")))).offset());
        }
        assertEquals("x", text(Kafka.readAll(topic, 1, Map.of()).get(0).value()));
    }

    @Test
    void invalidTopicNameIsSaidSo() throws InterruptedException {
        try (KafkaProducer<byte[], byte[]> producer = Kafka.producer(Map.of("max.block.ms", 10_000))) {
            try {
                producer.send(new ProducerRecord<>("no/slash allowed", bytes("x"))).get();
            } catch (ExecutionException e) {
                assertEquals(InvalidTopicException.class, e.getCause().getClass());
                return;
            }
            throw new AssertionError("an invalid name was accepted");
        }
    }

    @Test
    void twoIdempotentProducersShareAPartition() {
        String topic = Kafka.topic("two-producers", 1);
        try (KafkaProducer<byte[], byte[]> a = Kafka.producer(Map.of());
                KafkaProducer<byte[], byte[]> b = Kafka.producer(Map.of())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                sent.add(a.send(new ProducerRecord<>(topic, 0, bytes("a"), bytes(Integer.toString(i)))));
                sent.add(b.send(new ProducerRecord<>(topic, 0, bytes("b"), bytes(Integer.toString(i)))));
            }
            sent.forEach(Kafka::get);
        }
        Map<String, Integer> next = new HashMap<>(Map.of("a", 0, "b", 0));
        for (ConsumerRecord<byte[], byte[]> record : Kafka.readAll(topic, 400, Map.of())) {
            int expected = next.merge(text(record.key()), 1, Integer::sum) - 1;
            assertEquals(expected, Integer.parseInt(text(record.value())));
        }
    }
}
