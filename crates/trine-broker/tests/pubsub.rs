//! Pub-sub as edges without a fan-out of their own use it.

use std::sync::Arc;

use bytes::Bytes;
use trine_broker::pubsub::{CutOff, Message, OUTBOX_TOTAL_DEFAULT, OutboxLimits, PubSub, Slow, Space};
use trine_core::pubsub::{Glob, Kind};
use trine_env::SimClock;
use trine_types::Timestamp;

fn hub(outbox_total: usize) -> (PubSub, SimClock) {
    let clock = SimClock::new(Timestamp::ZERO);
    (PubSub::new(outbox_total, Arc::new(clock.clone())), clock)
}

fn message(kind: Kind, channel: &str, pattern: Option<&str>, payload: &str) -> Message {
    Message {
        kind,
        channel: channel.as_bytes().into(),
        pattern: pattern.map(|p| p.as_bytes().into()),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    }
}

async fn publish(hub: &PubSub, channel: &str, payload: &str) -> u64 {
    hub.publish(Space::Global, channel.as_bytes(), &Bytes::copy_from_slice(payload.as_bytes())).await
}

#[tokio::test]
async fn a_subscriber_gets_one_copy_for_each_subscription() {
    let (hub, _) = hub(OUTBOX_TOTAL_DEFAULT);
    let mut subscriber = hub.subscriber(OutboxLimits::default());
    assert_eq!(publish(&hub, "news.a", "nobody").await, 0);
    assert!(subscriber.subscribe(Kind::Channel, b"news.a"));
    assert!(!subscriber.subscribe(Kind::Channel, b"news.a"), "it is subscribed already");
    assert!(subscriber.subscribe(Kind::Pattern, b"news.*"));
    assert!(subscriber.subscribe(Kind::Shard, b"news.a"));
    assert_eq!(publish(&hub, "news.a", "one").await, 2);
    assert_eq!(publish(&hub, "news.b", "two").await, 1);
    assert_eq!(hub.publish(Space::Shard, b"news.a", &Bytes::from_static(b"three")).await, 1);
    let got = subscriber.receive().await.unwrap();
    assert_eq!(
        got,
        [
            message(Kind::Channel, "news.a", None, "one"),
            message(Kind::Pattern, "news.a", Some("news.*"), "one"),
            message(Kind::Pattern, "news.b", Some("news.*"), "two"),
            message(Kind::Shard, "news.a", None, "three"),
        ]
    );
    assert_eq!(publish(&hub, "news.a", "before").await, 2);
    assert!(subscriber.unsubscribe(Kind::Channel, b"news.a"));
    assert!(!subscriber.unsubscribe(Kind::Channel, b"news.a"));
    assert_eq!(publish(&hub, "news.a", "after").await, 1);
    let got = subscriber.receive().await.unwrap();
    let texts: Vec<_> = got.iter().map(|m| (m.kind, &m.payload[..])).collect();
    assert_eq!(texts, [(Kind::Channel, &b"before"[..]), (Kind::Pattern, b"before"), (Kind::Pattern, b"after")]);
    assert_eq!(subscriber.try_receive(), Ok(None));
    drop(subscriber);
    let stats = hub.stats();
    assert_eq!((stats.channels, stats.shard_channels, stats.patterns, stats.subscribers), (0, 0, 0, 0));
    assert_eq!((stats.messages_in, stats.messages_out, stats.outbox_bytes), (6, 7, 0));
}

#[tokio::test]
async fn receive_waits_for_the_next_message() {
    let (hub, _) = hub(OUTBOX_TOTAL_DEFAULT);
    let mut subscriber = hub.subscriber(OutboxLimits::default());
    subscriber.subscribe(Kind::Channel, b"a");
    let (got, count) = tokio::join!(subscriber.receive(), publish(&hub, "a", "x"));
    assert_eq!((got.unwrap(), count), (vec![message(Kind::Channel, "a", None, "x")], 1));
}

#[tokio::test]
async fn who_does_not_read_is_cut_off() {
    let (hub, clock) = hub(OUTBOX_TOTAL_DEFAULT);
    let limits = OutboxLimits { hard_bytes: 10_000, soft_bytes: 1_000, soft_seconds: 5 };
    let mut hard = hub.subscriber(limits);
    hard.subscribe(Kind::Channel, b"hard");
    assert_eq!(publish(&hub, "hard", &"x".repeat(10_000)).await, 1, "who is cut off by it is counted");
    assert_eq!(hard.receive().await, Err(Slow(CutOff::Hard)));

    let mut soft = hub.subscriber(limits);
    soft.subscribe(Kind::Channel, b"soft");
    publish(&hub, "soft", &"x".repeat(1_000)).await;
    clock.advance(std::time::Duration::from_secs(5));
    publish(&hub, "soft", "x").await;
    assert_eq!(soft.receive().await.map(|m| m.len()), Ok(2), "not for longer than five seconds");
    publish(&hub, "soft", &"x".repeat(1_000)).await;
    clock.advance(std::time::Duration::from_millis(5_001));
    publish(&hub, "soft", "x").await;
    assert_eq!(soft.receive().await, Err(Slow(CutOff::Soft)));
    assert_eq!(hub.stats().cut_offs, [1, 1, 0]);
    assert_eq!(hub.stats().outbox_bytes, 0);
}

#[tokio::test]
async fn together_they_are_bounded_and_the_largest_goes_first() {
    let (hub, _) = hub(10_000);
    let limits = OutboxLimits { hard_bytes: 0, soft_bytes: 0, soft_seconds: 0 };
    let (mut small, mut large) = (hub.subscriber(limits), hub.subscriber(limits));
    small.subscribe(Kind::Channel, b"small");
    large.subscribe(Kind::Channel, b"large");
    publish(&hub, "large", &"x".repeat(6_000)).await;
    publish(&hub, "small", &"x".repeat(3_000)).await;
    publish(&hub, "small", &"x".repeat(2_000)).await;
    assert_eq!(large.receive().await, Err(Slow(CutOff::Total)));
    assert_eq!(small.receive().await.map(|m| m.len()), Ok(2));
    assert_eq!(hub.stats().cut_offs, [0, 0, 1]);
}

#[tokio::test]
async fn listing_and_counting() {
    let (hub, _) = hub(OUTBOX_TOTAL_DEFAULT);
    let mut one = hub.subscriber(OutboxLimits::default());
    let mut two = hub.subscriber(OutboxLimits::default());
    for name in ["c", "a", "b", "x"] {
        one.subscribe(Kind::Channel, name.as_bytes());
    }
    two.subscribe(Kind::Channel, b"b");
    two.subscribe(Kind::Pattern, b"*");
    one.subscribe(Kind::Pattern, b"*");
    let names = |glob: Option<&str>, after: Option<&str>, limit| -> Vec<(String, u64)> {
        let glob = glob.map(|g| Glob::new(g.as_bytes()));
        hub.channels(Space::Global, glob.as_ref(), after.map(str::as_bytes), limit)
            .into_iter()
            .map(|c| (String::from_utf8_lossy(&c.name).into_owned(), c.subscriptions))
            .collect()
    };
    assert_eq!(names(None, None, 2), [("a".to_owned(), 1), ("b".to_owned(), 2)]);
    assert_eq!(names(None, Some("b"), 9), [("c".to_owned(), 1), ("x".to_owned(), 1)]);
    assert_eq!(names(Some("[ax]"), None, 9), [("a".to_owned(), 1), ("x".to_owned(), 1)]);
    assert_eq!(hub.subscriptions(Space::Global, b"b"), 2);
    assert_eq!(hub.subscriptions(Space::Shard, b"b"), 0);
    assert_eq!(hub.patterns_len(), 1);
    assert_eq!(hub.patterns()[0].subscriptions, 2);
    assert_eq!(hub.stats().subscribers, 2);
}

#[tokio::test]
async fn a_publisher_waits_while_a_thread_has_too_much() {
    let (hub, _) = hub(OUTBOX_TOTAL_DEFAULT);
    let mut port = hub.port_bounded(1_000, || {});
    let hash = port.hash(b"a");
    port.subscribe(Kind::Channel, hash, b"a");
    let long = "x".repeat(2_000);
    let publishing = async { (publish(&hub, "a", &long).await, publish(&hub, "a", "y").await) };
    let draining = async {
        while port.pop().is_none() {
            tokio::task::yield_now().await;
            port.take();
        }
    };
    let (counts, ()) = tokio::join!(publishing, draining);
    assert_eq!(counts, (1, 1));
    assert_eq!(hub.stats().stalls, 1);
    port.unsubscribe(Kind::Channel, hash, b"a");
}
