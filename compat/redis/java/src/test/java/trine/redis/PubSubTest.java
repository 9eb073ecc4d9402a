package trine.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.JedisShardedPubSub;
import redis.clients.jedis.RedisClusterClient;
import redis.clients.jedis.RedisProtocol;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisException;

/** Jedis in both protocols: channels, patterns, reconnecting, transactions, sharded channels of a cluster. */
@Timeout(60)
class PubSubTest {
    private static final long PATIENCE_MS = 10_000;

    private static HostAndPort address(String variable) {
        return HostAndPort.from(System.getenv(variable));
    }

    private static Jedis connect(RedisProtocol protocol, String name) {
        return new Jedis(address("TRINE_REDIS"), DefaultJedisClientConfig.builder().protocol(protocol).clientName(name).build());
    }

    private static Jedis connect(RedisProtocol protocol) {
        return connect(protocol, null);
    }

    private static String unique(String kind) {
        return kind + "-" + UUID.randomUUID();
    }

    private static void eventually(String what, BooleanSupplier check) throws InterruptedException {
        long end = System.currentTimeMillis() + PATIENCE_MS;
        while (!check.getAsBoolean()) {
            assertTrue(System.currentTimeMillis() < end, "not in time: " + what);
            TimeUnit.MILLISECONDS.sleep(5);
        }
    }

    /** Keeps what a subscriber is told, in order. */
    private static final class Listener extends JedisPubSub {
        final List<String> seen = Collections.synchronizedList(new ArrayList<>());

        @Override
        public void onMessage(String channel, String message) {
            seen.add("message " + channel + " " + message);
        }

        @Override
        public void onPMessage(String pattern, String channel, String message) {
            seen.add("pmessage " + pattern + " " + channel + " " + message);
        }

        @Override
        public void onPong(String pattern) {
            seen.add("pong " + pattern);
        }
    }

    private static Thread inBackground(Runnable work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (JedisException expected) {
                // The connection was killed, as some tests do.
            }
        });
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    @ParameterizedTest
    @EnumSource(value = RedisProtocol.class, names = {"RESP2", "RESP3"})
    void channelsAndPatterns(RedisProtocol protocol) throws Exception {
        String base = unique("c");
        Listener listener = new Listener();
        try (Jedis client = connect(protocol); Jedis subscriber = connect(protocol)) {
            Thread thread = inBackground(() -> subscriber.subscribe(listener, base + ".a", base + ".b"));
            eventually("both are subscribed", () -> listener.getSubscribedChannels() == 2);
            listener.psubscribe(base + ".*");
            eventually("and the pattern", () -> listener.getSubscribedChannels() == 3);
            assertEquals(2, client.publish(base + ".a", "x"));
            assertEquals(1, client.publish(base + ".c", "y"));
            assertEquals(0, client.publish(base, "z"));
            eventually("everything", () -> listener.seen.size() == 3);
            assertEquals(
                    List.of(
                            "message " + base + ".a x",
                            "pmessage " + base + ".* " + base + ".a x",
                            "pmessage " + base + ".* " + base + ".c y"),
                    listener.seen);
            if (protocol == RedisProtocol.RESP2) {
                listener.ping("marco");
                eventually("a pong", () -> listener.seen.contains("pong marco"));
            }
            assertEquals(Map.of(base + ".a", 1L, base + ".z", 0L), client.pubsubNumSub(base + ".a", base + ".z"));
            listener.unsubscribe();
            listener.punsubscribe();
            thread.join(PATIENCE_MS);
            assertEquals(0, client.publish(base + ".a", "gone"));
            assertEquals("PONG", subscriber.ping());
        }
    }

    @ParameterizedTest
    @EnumSource(value = RedisProtocol.class, names = {"RESP2", "RESP3"})
    void orderOfAPipeline(RedisProtocol protocol) throws Exception {
        String channel = unique("c");
        Listener listener = new Listener();
        try (Jedis client = connect(protocol); Jedis subscriber = connect(protocol)) {
            inBackground(() -> subscriber.subscribe(listener, channel));
            eventually("it is subscribed", listener::isSubscribed);
            List<String> expected = new ArrayList<>();
            var pipeline = client.pipelined();
            for (int number = 0; number < 5_000; number++) {
                pipeline.publish(channel, Integer.toString(number));
                expected.add("message " + channel + " " + number);
            }
            for (Object count : pipeline.syncAndReturnAll()) {
                assertEquals(1L, count);
            }
            eventually("all of it", () -> listener.seen.size() == expected.size());
            assertEquals(expected, listener.seen);
            listener.unsubscribe();
        }
    }

    @ParameterizedTest
    @EnumSource(value = RedisProtocol.class, names = {"RESP2", "RESP3"})
    void missesOnlyWhatWasPublishedWhileAway(RedisProtocol protocol) throws Exception {
        String channel = unique("c");
        List<String> expected = new ArrayList<>();
        List<String> seen = new ArrayList<>();
        try (Jedis client = connect(protocol)) {
            for (int round = 0; round < 3; round++) {
                Listener listener = new Listener();
                Jedis subscriber = connect(protocol, "away-" + round);
                long id = subscriber.clientId();
                Thread thread = inBackground(() -> subscriber.subscribe(listener, channel));
                eventually("it is subscribed", listener::isSubscribed);
                for (int number = 0; number < 50; number++) {
                    String text = round + "." + number;
                    assertEquals(1, client.publish(channel, text));
                    expected.add("message " + channel + " " + text);
                }
                eventually("all of it", () -> listener.seen.size() == 50);
                assertEquals("1", client.sendCommand(() -> "CLIENT".getBytes(), "KILL", "ID", Long.toString(id)).toString());
                thread.join(PATIENCE_MS);
                for (int number = 0; number < 10; number++) {
                    assertEquals(0, client.publish(channel, "missed " + round + "." + number));
                }
                seen.addAll(listener.seen);
                subscriber.close();
            }
        }
        assertEquals(expected, seen);
    }

    @ParameterizedTest
    @EnumSource(value = RedisProtocol.class, names = {"RESP2", "RESP3"})
    void transactionsAndErrors(RedisProtocol protocol) {
        try (Jedis client = connect(protocol)) {
            var transaction = client.multi();
            transaction.publish(unique("c"), "x");
            transaction.publish(unique("c"), "y");
            assertEquals(List.of(0L, 0L), transaction.exec());
            var unknown = assertThrows(JedisDataException.class, () -> client.sendCommand(() -> "NOSUCH".getBytes(), "x"));
            assertTrue(unknown.getMessage().contains("unknown command"), unknown.getMessage());
            assertTrue(client.info("server").contains("redis_version:"));
        }
    }

    @ParameterizedTest
    @EnumSource(value = RedisProtocol.class, names = {"RESP2", "RESP3"})
    void shardedChannelsOfACluster(RedisProtocol protocol) throws Exception {
        String channel = unique("c");
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        JedisShardedPubSub listener = new JedisShardedPubSub() {
            @Override
            public void onSMessage(String on, String message) {
                seen.add(on + " " + message);
            }
        };
        try (RedisClusterClient cluster = RedisClusterClient.builder()
                .nodes(java.util.Set.of(address("TRINE_REDIS_CLUSTER")))
                .clientConfig(DefaultJedisClientConfig.builder().protocol(protocol).build())
                .build()) {
            Thread thread = inBackground(() -> cluster.ssubscribe(listener, channel));
            eventually("it is subscribed", listener::isSubscribed);
            List<String> expected = new ArrayList<>();
            for (int number = 0; number < 100; number++) {
                assertEquals(1, cluster.spublish(channel, Integer.toString(number)));
                expected.add(channel + " " + number);
            }
            eventually("all of it", () -> seen.size() == expected.size());
            assertEquals(expected, seen);
            listener.sunsubscribe();
            thread.join(PATIENCE_MS);
            assertEquals(0, cluster.spublish(channel, "nobody"));
        }
    }
}
