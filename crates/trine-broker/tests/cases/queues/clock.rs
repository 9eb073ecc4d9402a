use std::time::Duration;

use trine_broker::{ClockError, NewMessage, QueueSettings};
use trine_env::Clock;

use super::{super::support::World, *};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn one_jump_does_everything_that_was_due() {
    let mut world = World::new();
    // Two dead-letter queues in a row, in whatever shards: what falls out of the first may fall out of the second in a later round.
    let jobs = world.queue("jobs", QueueSettings { visibility_ms: 30_000, ..dead_letters_to("dead", 1) });
    let dead = world.queue("dead", QueueSettings::default());
    let slow = world.queue("slow", QueueSettings::default());
    let short = world.queue("short", QueueSettings { retention_ms: 60_000, ..QueueSettings::default() });
    world.send(&jobs, &["job"]);
    world.receive(&jobs, 1);
    world.send_all(&slow, vec![NewMessage { delay_ms: Some(30_000), ..message("delayed") }]);
    world.send(&short, &["gone"]);
    // Somebody waits everywhere.
    let host = world.host.clone();
    let results = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
    for queue in [&jobs, &dead, &slow] {
        let (broker, queue, results) = (world.broker.clone(), queue.clone(), std::sync::Arc::clone(&results));
        trine_broker::Host::spawn(
            &host,
            Box::pin(async move {
                let got = broker.queues().receive(&queue, waiting(1, 3600)).await.expect("answered");
                results.lock().push((queue.name().to_string(), bodies(&got)));
            }),
        );
    }
    world.step();
    let broker = world.broker.clone();
    let before = world.clock.now();
    let moved = world.run(broker.advance_clock(MINUTE)).unwrap();
    assert!(moved.due >= 3, "{moved:?}");
    assert!(moved.now.ms_since(before) >= 60_000);
    let mut got = results.lock().clone();
    got.sort();
    let answer = |queue: &str, body: &str| (queue.to_owned(), vec![body.to_owned()]);
    assert_eq!(
        got,
        [answer("dead", "job"), answer("slow", "delayed")],
        "what was due has arrived when the jump is over"
    );
    assert_eq!(world.counts(&short), (0, 0, 0, 0));
    assert_eq!(world.queue_stats(&jobs).waiters, 1);
    // A wait of an hour ends by message time alone.
    world.run(broker.advance_clock(Duration::from_secs(3600))).unwrap();
    assert!(results.lock().contains(&("jobs".to_owned(), Vec::new())));
}

#[test]
fn a_jump_to_the_past_changes_nothing() {
    let mut world = World::new();
    let broker = world.broker.clone();
    let now = world.clock.now();
    let moved = world.run(broker.set_clock(trine_types::Timestamp(5))).unwrap();
    assert!(moved.now >= now && !broker.clock_is_frozen());
}

#[test]
fn real_time_cannot_be_moved() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let parts = trine_broker::BrokerParts {
            config: trine_broker::BrokerConfig::default(),
            access: trine_broker::Access::allow_all(),
            clock: std::sync::Arc::new(trine_env::SystemClock::new(trine_types::Timestamp::ZERO)),
            rng: std::sync::Arc::new(trine_env::SimRng::new(1)),
            host: std::sync::Arc::new(trine_broker::TokioHost::current()),
        };
        let broker = trine_broker::Broker::open(parts, |waker, replay| {
            trine_storage::MemoryStore::open_on(
                trine_storage::MemoryOptions::default(),
                &trine_storage::MemoryDisk::new(),
                waker,
                replay,
            )
        });
        let broker = broker.await.unwrap();
        assert_eq!(broker.advance_clock(MINUTE).await, Err(ClockError::NotFrozen));
        broker.shutdown(MINUTE).await.unwrap();
    });
}
