//! What is bounded, and what happens at the bound.

use tokio::io::AsyncReadExt;
use trine_broker::{
    BrokerConfig,
    pubsub::{CutOff, OutboxLimits},
};
use trine_net::Phase;
use trine_redis::RedisConfig;

use super::common::{Server, encode, eventually};

const NO_LIMITS: OutboxLimits = OutboxLimits { hard_bytes: 0, soft_bytes: 0, soft_seconds: 0 };

fn config(workers: usize, outbox: OutboxLimits) -> RedisConfig {
    RedisConfig { workers, outbox, ..RedisConfig::default() }
}

/// Publishes to a subscriber that does not read until it is counted no more; returns how much was published.
async fn publish_until_alone(server: &Server, others: u64) -> usize {
    let mut publisher = server.client().await;
    let message = encode(&[b"PUBLISH", b"ch", &vec![b'x'; 64 << 10]]);
    let gone = format!(":{others}\r\n").into_bytes();
    let mut published = 0;
    loop {
        publisher.send(&message).await;
        let reply = publisher.read_until(b"\r\n").await;
        if reply == gone {
            return published;
        }
        assert_eq!(reply, format!(":{}\r\n", others + 1).into_bytes());
        published += 64 << 10;
        assert!(published < 64 << 20, "it is never cut off");
    }
}

#[tokio::test]
async fn a_slow_subscriber_is_cut_off_at_the_hard_limit_and_others_go_on() {
    let limits = OutboxLimits { hard_bytes: 1 << 20, soft_bytes: 0, soft_seconds: 0 };
    let server = Server::with(config(2, limits), BrokerConfig::default(), 100).await;
    let mut fast = server.client3().await;
    fast.exchange("SUBSCRIBE ch\r\n", ">3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n").await;
    let reading = tokio::spawn(async move {
        let mut received = 0;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match fast.stream.read(&mut buffer).await {
                Ok(n) if n > 0 => received += n,
                _ => return received,
            }
        }
    });
    let mut slow = server.client().await;
    slow.exchange("SUBSCRIBE ch\r\n", "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n").await;
    let published = publish_until_alone(&server, 1).await;
    let stats = server.broker.pubsub().stats();
    assert_eq!(stats.cut_offs[CutOff::Hard as usize], 1);
    assert_eq!(server.redis.stats().cut_offs, 1);
    assert_eq!(stats.subscribers, 1);
    let rest = slow.rest().await;
    assert!(rest.len() < published, "what was not written is discarded");
    server.drain.advance(Phase::Draining);
    let received = reading.await.unwrap();
    assert!(received > published, "the other one got everything: {received} of {published}");
    eventually(|| server.broker.pubsub().stats().outbox_bytes == 0).await;
}

#[tokio::test]
async fn beyond_the_common_bound_the_largest_outbox_goes_first() {
    let broker = BrokerConfig { outbox_total: 2 << 20, ..BrokerConfig::default() };
    let server = Server::with(config(2, NO_LIMITS), broker, 100).await;
    let mut slow = server.client().await;
    slow.exchange("SUBSCRIBE ch\r\n", "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n").await;
    publish_until_alone(&server, 0).await;
    let stats = server.broker.pubsub().stats();
    assert_eq!(stats.cut_offs[CutOff::Total as usize], 1);
    slow.rest().await;
    eventually(|| server.broker.pubsub().stats().outbox_bytes == 0).await;
}

#[tokio::test]
async fn a_soft_limit_needs_its_time() {
    let limits = OutboxLimits { hard_bytes: 0, soft_bytes: 1 << 20, soft_seconds: 0 };
    let server = Server::with(config(1, limits), BrokerConfig::default(), 100).await;
    let mut slow = server.client().await;
    slow.exchange("SUBSCRIBE ch\r\n", "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n").await;
    publish_until_alone(&server, 0).await;
    assert_eq!(server.broker.pubsub().stats().cut_offs[CutOff::Soft as usize], 1);
}

#[tokio::test]
async fn a_client_too_many_is_told_so() {
    let server = Server::with(RedisConfig::default(), BrokerConfig::default(), 1).await;
    let mut first = server.client().await;
    first.exchange("PING\r\n", "+PONG\r\n").await;
    let mut second = server.client().await;
    assert_eq!(second.rest().await, b"-ERR max number of clients reached\r\n");
    drop(first);
    server.limit.idle().await;
    let mut third = server.client().await;
    third.exchange("PING\r\n", "+PONG\r\n").await;
    assert_eq!((server.redis.stats().refused, server.redis.stats().clients), (1, 1));
}

#[tokio::test]
async fn input_that_cannot_be_understood_ends_the_connection_after_what_came_before() {
    let server = Server::start(1).await;
    for (input, error) in [
        ("*1\r\n$x\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        ("*1\r\nPING\r\n", "-ERR Protocol error: expected '$', got 'P'\r\n"),
        ("*99999999999\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        ("GET 'a\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
    ] {
        let mut client = server.client().await;
        client.send(format!("PING\r\n{input}PING\r\n")).await;
        assert_eq!(String::from_utf8(client.rest().await).unwrap(), format!("+PONG\r\n{error}"));
    }
    assert_eq!(server.redis.stats().malformed, 4);
}

#[tokio::test]
async fn a_large_request_in_small_pieces() {
    let server = Server::start(1).await;
    let mut client = server.client().await;
    let message = encode(&[b"PUBLISH", b"ch", &vec![b'x'; 300_000]]);
    for piece in message.chunks(7_001) {
        client.send(piece).await;
        tokio::task::yield_now().await;
    }
    client.expect(":0\r\n").await;
    // A length that is only announced costs nothing, and the connection goes on waiting.
    client.send("*3\r\n$7\r\nPUBLISH\r\n$2\r\nch\r\n$500000000\r\nabc").await;
    let mut other = server.client().await;
    other.exchange("PING\r\n", "+PONG\r\n").await;
}

#[tokio::test]
async fn a_flood_does_not_starve_others() {
    let server = Server::start(1).await;
    let mut sub = server.client3().await;
    sub.exchange("SUBSCRIBE ch\r\n", ">3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n").await;
    let flood = encode(&[b"PUBLISH", b"ch", &[b'x'; 1000]]).repeat(5_000);
    let mut publisher = server.client().await;
    let publishing = tokio::spawn(async move {
        publisher.send(flood).await;
        publisher.expect(":1\r\n".repeat(5_000)).await;
    });
    let mut other = server.client().await;
    let frame = [b">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1000\r\n", &[b'x'; 1000][..], b"\r\n"].concat();
    for _ in 0..50 {
        other.exchange("PING\r\n", "+PONG\r\n").await;
        sub.expect(frame.repeat(100)).await;
    }
    publishing.await.unwrap();
}

#[tokio::test]
async fn a_drain_finishes_replies_and_closes_everything() {
    let server = Server::start(2).await;
    let (mut idle, mut sub) = (server.client().await, server.client().await);
    idle.exchange("PING\r\n", "+PONG\r\n").await;
    sub.exchange("SUBSCRIBE ch\r\n", "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n").await;
    server.drain.advance(Phase::Draining);
    assert_eq!(idle.rest().await, b"");
    assert_eq!(sub.rest().await, b"");
    server.limit.idle().await;
    assert_eq!(server.broker.pubsub().stats().channels, 0);
    assert_eq!(server.redis.stats().clients, 0);
}
