//! redis-rs in both protocols, blocking and asynchronous, and its cluster client.

use futures_util::StreamExt as _;
use redis::{AsyncTypedCommands as _, TypedCommands as _, aio::PubSub};
use trine_compat_redis::{PATIENCE, client, eventually, unique, url};

async fn next(pubsub: &mut PubSub) -> redis::Msg {
    tokio::time::timeout(PATIENCE, pubsub.on_message().next()).await.expect("a message in time").expect("no end")
}

/// Channel, pattern and payload of a message.
fn told(message: &redis::Msg) -> (String, Option<String>, String) {
    let pattern = message.from_pattern().then(|| message.get_pattern().expect("text"));
    (message.get_channel_name().to_owned(), pattern, message.get_payload().expect("text"))
}

async fn channels_and_patterns(resp3: bool) {
    let base = unique("c");
    let (a, c, pattern) = (format!("{base}.a"), format!("{base}.c"), format!("{base}.*"));
    let mut pubsub = client(resp3).get_async_pubsub().await.expect("a connection");
    pubsub.subscribe(&a).await.expect("a confirmation");
    pubsub.psubscribe(&pattern).await.expect("a confirmation");
    let mut publisher = client(resp3).get_multiplexed_async_connection().await.expect("a connection");
    assert_eq!(publisher.publish(&a, "x").await.expect("a count"), 2);
    assert_eq!(publisher.publish(&c, "y").await.expect("a count"), 1);
    assert_eq!(publisher.publish(&base, "z").await.expect("a count"), 0);
    assert_eq!(told(&next(&mut pubsub).await), (a.clone(), None, "x".into()));
    assert_eq!(told(&next(&mut pubsub).await), (a.clone(), Some(pattern.clone()), "x".into()));
    assert_eq!(told(&next(&mut pubsub).await), (c, Some(pattern.clone()), "y".into()));
    pubsub.unsubscribe(&a).await.expect("a confirmation");
    pubsub.punsubscribe(&pattern).await.expect("a confirmation");
    assert_eq!(publisher.publish(&a, "gone").await.expect("a count"), 0);
}

#[tokio::test]
async fn channels_and_patterns_in_resp2() {
    channels_and_patterns(false).await;
}

#[tokio::test]
async fn channels_and_patterns_in_resp3() {
    channels_and_patterns(true).await;
}

async fn order_of_a_pipeline(resp3: bool) {
    let channel = unique("c");
    let mut pubsub = client(resp3).get_async_pubsub().await.expect("a connection");
    pubsub.subscribe(&channel).await.expect("a confirmation");
    let mut publisher = client(resp3).get_multiplexed_async_connection().await.expect("a connection");
    let mut pipeline = redis::pipe();
    for number in 0..5_000 {
        pipeline.publish(&channel, number);
    }
    let counts: Vec<u32> = pipeline.query_async(&mut publisher).await.expect("counts");
    assert!(counts.len() == 5_000 && counts.iter().all(|&count| count == 1));
    for number in 0..5_000 {
        assert_eq!(next(&mut pubsub).await.get_payload::<u32>().expect("a number"), number);
    }
}

#[tokio::test]
async fn order_of_a_pipeline_in_resp2() {
    order_of_a_pipeline(false).await;
}

#[tokio::test]
async fn order_of_a_pipeline_in_resp3() {
    order_of_a_pipeline(true).await;
}

/// Leaving pub-sub sends UNSUBSCRIBE and PUNSUBSCRIBE and waits until both counts are none.
#[test]
fn a_blocking_connection_leaves_pubsub_and_goes_on() {
    for resp3 in [false, true] {
        let channel = unique("c");
        let mut subscriber = client(resp3).get_connection().expect("a connection");
        let mut publisher = client(resp3).get_connection().expect("a connection");
        for round in 0..3 {
            let mut pubsub = subscriber.as_pubsub();
            pubsub.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            pubsub.subscribe(&channel).expect("a confirmation");
            pubsub.psubscribe(format!("{channel}*")).expect("a confirmation");
            assert_eq!(publisher.publish(&channel, round).expect("a count"), 2);
            for _ in 0..2 {
                assert_eq!(pubsub.get_message().expect("a message").get_payload::<u32>().expect("a number"), round);
            }
            drop(pubsub);
            assert_eq!(subscriber.ping().expect("a pong"), "PONG");
            assert_eq!(publisher.publish(&channel, "gone").expect("a count"), 0);
        }
    }
}

/// The connection manager subscribes again after its connection was killed.
#[tokio::test]
async fn misses_only_what_was_published_while_away() {
    let (channel, mut expected, mut seen) = (unique("c"), Vec::new(), Vec::new());
    let (sender, mut pushes) = tokio::sync::mpsc::unbounded_channel();
    let config = redis::aio::ConnectionManagerConfig::new().set_push_sender(sender).set_automatic_resubscription();
    let mut subscriber = client(true).get_connection_manager_with_config(config).await.expect("a connection");
    subscriber.subscribe(&channel).await.expect("a confirmation");
    let mut publisher = client(true).get_multiplexed_async_connection().await.expect("a connection");
    let mut receive = async |seen: &mut Vec<String>, until: usize| {
        while seen.len() < until {
            let push = tokio::time::timeout(PATIENCE, pushes.recv()).await.expect("in time").expect("no end");
            if let Some(message) = redis::Msg::from_push_info(push) {
                seen.push(message.get_payload().expect("text"));
            }
        }
    };
    for round in 0..3 {
        let id: u64 = redis::cmd("CLIENT").arg("ID").query_async(&mut subscriber).await.expect("an id");
        for number in 0..20 {
            let text = format!("{round}.{number}");
            assert_eq!(publisher.publish(&channel, &text).await.expect("a count"), 1);
            expected.push(text);
        }
        receive(&mut seen, expected.len()).await;
        let killed: u32 = redis::cmd("CLIENT").arg("KILL").arg("ID").arg(id).query_async(&mut publisher).await.expect("a count");
        assert_eq!(killed, 1);
        let mut number = 0;
        eventually("it subscribes again", async || {
            number += 1;
            let text = format!("{round}.away.{number}");
            let back = publisher.publish(&channel, &text).await.expect("a count") == 1;
            if back {
                expected.push(text);
            }
            back
        })
        .await;
    }
    receive(&mut seen, expected.len()).await;
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn transactions_and_errors() {
    let mut connection = client(true).get_multiplexed_async_connection().await.expect("a connection");
    let counts: (u32, u32) =
        redis::pipe().atomic().publish(unique("c"), "x").publish(unique("c"), "y").query_async(&mut connection).await.expect("two counts");
    assert_eq!(counts, (0, 0));
    let unknown = redis::cmd("NOSUCH").arg("x").exec_async(&mut connection).await.expect_err("there is no such command");
    assert!(unknown.to_string().contains("unknown command"), "{unknown}");
    let info: redis::InfoDict = redis::cmd("INFO").query_async(&mut connection).await.expect("a text");
    assert!(info.get::<String>("redis_version").is_some());
}

#[tokio::test]
async fn sharded_channels_of_a_cluster() {
    let channel = unique("c");
    let (sender, mut pushes) = tokio::sync::mpsc::unbounded_channel();
    let cluster = redis::cluster::ClusterClientBuilder::new([url("TRINE_REDIS_CLUSTER", true)])
        .use_protocol(redis::ProtocolVersion::RESP3)
        .push_sender(sender)
        .build()
        .expect("an address");
    let mut connection = cluster.get_async_connection().await.expect("a connection");
    connection.ssubscribe(&channel).await.expect("a confirmation");
    for number in 0..100 {
        let count: u32 = redis::cmd("SPUBLISH").arg(&channel).arg(number).query_async(&mut connection).await.expect("a count");
        assert_eq!(count, 1);
    }
    let mut seen = Vec::new();
    while seen.len() < 100 {
        let push = tokio::time::timeout(PATIENCE, pushes.recv()).await.expect("in time").expect("no end");
        if let Some(message) = redis::Msg::from_push_info(push) {
            seen.push(message.get_payload::<u32>().expect("a number"));
        }
    }
    assert!(seen.iter().copied().eq(0..100));
}
