package trine.compat;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.fail;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The server under test and the few steps every test repeats. */
final class Kafka {
    /** Long enough for a group's initial delay plus a rebalance on a busy machine. */
    static final Duration PATIENCE = Duration.ofSeconds(40);

    static final String BOOTSTRAP = bootstrap();
    static final Admin ADMIN = Admin.create(config(Map.of("client.id", "compat-admin")));

    private Kafka() {}

    private static String bootstrap() {
        String address = System.getenv("TRINE_KAFKA");
        if (address == null || address.isBlank()) {
            throw new IllegalStateException("set TRINE_KAFKA to host:port");
        }
        return address;
    }

    static Map<String, Object> config(Map<String, ?> more) {
        Map<String, Object> all = new HashMap<>();
        all.put("bootstrap.servers", BOOTSTRAP);
        all.putAll(more);
        return all;
    }

    /** A name no other test or suite uses. */
    static String unique(String what) {
        return "java-" + what + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    static String topic(String what, int partitions) {
        return topic(what, partitions, Map.of());
    }

    /** Creates a topic and waits until the server lists it. */
    static String topic(String what, int partitions, Map<String, String> configs) {
        String name = unique(what);
        get(ADMIN.createTopics(List.of(new NewTopic(name, partitions, (short) 1).configs(configs))).all());
        // Describing topics has tests of its own; here it would fail all of them together.
        eventually("topic " + name, () -> ADMIN.listTopics().names().get(10, TimeUnit.SECONDS).contains(name));
        return name;
    }

    static KafkaProducer<byte[], byte[]> producer(Map<String, ?> more) {
        return new KafkaProducer<>(config(more), new ByteArraySerializer(), new ByteArraySerializer());
    }

    static KafkaConsumer<byte[], byte[]> consumer(Map<String, ?> more) {
        Map<String, Object> all = config(Map.of("auto.offset.reset", "earliest", "enable.auto.commit", "false"));
        all.putAll(more);
        return new KafkaConsumer<>(all, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** Sends `count` records `key → value` with the number as both, and returns what the server answered. */
    static List<RecordMetadata> fill(String topic, int partition, int count, Map<String, ?> more) {
        try (KafkaProducer<byte[], byte[]> producer = producer(more)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                sent.add(producer.send(new ProducerRecord<>(topic, partition, bytes("k" + i), bytes("v" + i))));
            }
            List<RecordMetadata> answers = new ArrayList<>();
            for (Future<RecordMetadata> one : sent) {
                answers.add(get(one));
            }
            return answers;
        }
    }

    /** Everything of a topic from its start until `count` records came. */
    static List<ConsumerRecord<byte[], byte[]>> readAll(String topic, int count, Map<String, ?> more) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(more)) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                    .map(p -> new TopicPartition(p.topic(), p.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            return take(consumer, count);
        }
    }

    /** Polls until `count` records came; fails when they do not, or when more come. */
    static List<ConsumerRecord<byte[], byte[]>> take(KafkaConsumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (records.size() < count && System.nanoTime() < end) {
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
        }
        if (records.size() != count) {
            fail("wanted " + count + " records, got " + records.size());
        }
        return records;
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    static <T> T get(KafkaFuture<T> future) {
        return get(future.toCompletionStage().toCompletableFuture());
    }

    static <T> T get(Future<T> future) {
        try {
            return future.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw new AssertionError(e.getCause().toString(), e.getCause());
        } catch (Exception e) {
            throw new AssertionError(e.toString(), e);
        }
    }

    /** The future must fail with exactly this kind of error. */
    static <E extends Throwable> E fails(Class<E> kind, KafkaFuture<?> future) {
        return fails(kind, future.toCompletionStage().toCompletableFuture());
    }

    static <E extends Throwable> E fails(Class<E> kind, Future<?> future) {
        try {
            Object value = future.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            return fail("wanted " + kind.getSimpleName() + ", got the answer " + value);
        } catch (ExecutionException e) {
            return assertInstanceOf(kind, e.getCause());
        } catch (Exception e) {
            return fail("wanted " + kind.getSimpleName() + ", got " + e);
        }
    }

    /** Repeats the check until it holds. */
    static void eventually(String what, Callable<Boolean> check) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        Throwable last = null;
        while (System.nanoTime() < end) {
            try {
                if (check.call()) {
                    return;
                }
                last = null;
            } catch (Exception e) {
                last = e;
            }
            try {
                Thread.sleep(50);
            } catch (InterruptedException e) {
                throw new AssertionError("interrupted while waiting: " + what, e);
            }
        }
        fail("never came true: " + what, last);
    }
}
