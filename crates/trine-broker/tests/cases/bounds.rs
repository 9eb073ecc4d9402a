//! Everything that waits is bounded, and says so.

use std::time::Duration;

use super::support::{START, World, at, batch};
use trine_broker::{BrokerConfig, Failure, FetchSpec, NewBatch, StreamError};

fn poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(done) => Some(done),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn produced_bytes_wait_for_room_outside_of_the_shard() {
    let mut world = World::with(BrokerConfig { append_bytes_max: 4096, ..BrokerConfig::default() });
    world.topic("t", 1, &[]);
    let partition = world.partition("t", 0);
    let broker = world.broker.clone();
    let bytes = batch(START.0, &["x".repeat(2000).as_str()]);
    let first = world.run(broker.streams().permit(bytes.len())).unwrap();
    let mut second = Box::pin(broker.streams().permit(bytes.len()));
    assert!(poll(&mut second).is_none(), "two of them are more than there is room for");
    let mut appended = Box::pin(broker.streams().append(first, &partition, NewBatch::built(bytes.clone()).unwrap()));
    world.step();
    assert!(poll(&mut second).is_none(), "room comes back when the append is answered, not before");
    world.engine.commit();
    world.step();
    assert!(poll(&mut appended).unwrap().is_ok());
    assert!(poll(&mut second).unwrap().is_ok());
    // One that is larger than all the room gets all of it.
    assert!(world.run(broker.streams().permit(1 << 20)).is_ok());
}

#[test]
fn other_operations_are_refused_beyond_their_limit() {
    let mut world = World::with(BrokerConfig { control_waiting_max: 2, ..BrokerConfig::default() });
    world.topic("t", 1, &[]);
    let partition = world.partition("t", 0);
    world.append(&partition, batch(START.0, &["a", "b"])).unwrap();
    let broker = world.broker.clone();
    let mut waiting: Vec<_> = (0..2).map(|_| Box::pin(broker.streams().trim(&partition, Some(1)))).collect();
    assert!(waiting.iter_mut().all(|trim| poll(trim).is_none()));
    let busy = poll(&mut Box::pin(broker.streams().trim(&partition, Some(1)))).expect("refused at once");
    let limit = Failure::Busy { limit: "control_waiting_max", value: 2 };
    assert!(matches!(busy, Err(StreamError::Failure(failure)) if failure == limit));
    for trim in waiting {
        assert_eq!(world.run(trim).unwrap(), 1);
    }
    assert_eq!(world.run(broker.streams().trim(&partition, Some(2))).unwrap(), 2);
}

#[test]
fn a_fetch_that_may_not_park_answers_at_once() {
    let mut world = World::with(BrokerConfig { fetch_waiters_max: 1, ..BrokerConfig::default() });
    world.topic("t", 1, &[]);
    let partition = world.partition("t", 0);
    let broker = world.broker.clone();
    let spec = || FetchSpec {
        partitions: vec![at(&partition, 0)],
        min_bytes: 1,
        max_bytes: 1000,
        max_wait: Duration::from_secs(3600),
    };
    let mut first = Box::pin(broker.streams().fetch(spec()));
    assert!(poll(&mut first).is_none());
    assert!(poll(&mut Box::pin(broker.streams().fetch(spec()))).is_some());
    drop(first);
    assert!(poll(&mut Box::pin(broker.streams().fetch(spec()))).is_none(), "a fetch that was given up makes room");
}
