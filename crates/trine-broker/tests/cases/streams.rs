//! Append and fetch: order, visibility, limits, waiting.

use std::time::Duration;

use super::support::{START, World, at, batch, produced};
use trine_broker::{AppendError, FetchError, FetchSpec, OffsetQuery, TopicSelector};
use trine_broker::{NewBatch, StreamError};
use trine_types::Timestamp;

#[test]
fn calls_in_a_row_are_appended_in_a_row_whenever_their_futures_are_polled() {
    let mut world = World::new();
    world.topic("t", 1, &[]);
    let partition = world.partition("t", 0);
    let broker = world.broker.clone();
    let (first, second) = world.run(async {
        let (a, b) = (batch(START.0, &["a", "b"]), batch(START.0, &["c"]));
        let permits =
            (broker.streams().permit(a.len()).await.unwrap(), broker.streams().permit(b.len()).await.unwrap());
        let first = broker.streams().append(permits.0, &partition, NewBatch::built(a).unwrap());
        let second = broker.streams().append(permits.1, &partition, NewBatch::built(b).unwrap());
        let second = second.await.unwrap();
        (first.await.unwrap(), second)
    });
    assert_eq!((first.base_offset, second.base_offset), (0, 2));
    let values: Vec<_> = world.records(&partition, 0).into_iter().filter_map(|(_, _, value)| value).collect();
    assert_eq!(values, ["a", "b", "c"]);
}

#[test]
fn nothing_is_seen_or_answered_before_it_is_durable() {
    let mut world = World::new();
    world.topic("t", 1, &[]);
    let partition = world.partition("t", 0);
    let broker = world.broker.clone();
    let bytes = produced(7, 0, 0, "x");
    let permit = world.run(broker.streams().permit(bytes.len())).unwrap();
    let mut appended = Box::pin(broker.streams().append(permit, &partition, NewBatch::built(bytes.clone()).unwrap()));
    world.step();
    assert_eq!(partition.view().end(), 0, "appended and applied, but not durable");
    assert!(futures_poll(&mut appended).is_none());
    // The retry of an idempotent producer is known to the machine, but its answer must not say so yet (decision E5).
    let permit = world.run_without_commit(broker.streams().permit(bytes.len())).unwrap();
    let mut again = Box::pin(broker.streams().append(permit, &partition, NewBatch::built(bytes).unwrap()));
    world.step();
    assert!(futures_poll(&mut again).is_none());
    world.engine.commit();
    world.step();
    assert_eq!(partition.view().end(), 1);
    let (first, second) = (futures_poll(&mut appended).unwrap().unwrap(), futures_poll(&mut again).unwrap().unwrap());
    assert_eq!((first.base_offset, first.duplicate), (0, false));
    assert_eq!((second.base_offset, second.duplicate), (0, true));
}

#[test]
fn what_arrives_together_is_one_batch_of_the_log_and_is_answered_together_in_order() {
    let mut world = World::new();
    world.topic("t", 1, &[]);
    let partition = world.partition("t", 0);
    let broker = world.broker.clone();
    let before = broker.stats().store.batches;
    // The repetition and the gap are decided on what the log does not have yet.
    let sent: Vec<_> = [0, 1, 1, 3, 2].into_iter().map(|sequence| produced(7, 0, sequence, "x")).collect();
    let mut answers = Vec::new();
    for bytes in sent {
        let permit = world.run_without_commit(broker.streams().permit(bytes.len())).unwrap();
        answers.push(Box::pin(broker.streams().append(permit, &partition, NewBatch::built(bytes).unwrap())));
    }
    world.step();
    let stats = broker.stats();
    assert_eq!((stats.store.batches - before, stats.batches_appended, stats.duplicates), (1, 3, 1));
    assert_eq!(partition.view().end(), 0);
    assert!(answers.iter_mut().all(|answer| futures_poll(answer).is_none()), "not even the refusal is answered");
    world.engine.commit();
    world.step();
    assert_eq!(partition.view().end(), 3);
    let answers: Vec<_> = answers.iter_mut().map(|answer| futures_poll(answer).expect("answered")).collect();
    let places: Vec<_> =
        answers.iter().map(|answer| answer.as_ref().ok().map(|done| (done.base_offset, done.duplicate))).collect();
    assert_eq!(places, [Some((0, false)), Some((1, false)), Some((1, true)), None, Some((2, false))]);
    assert_eq!(answers[3], Err(AppendError::OutOfOrder { id: 7, got: 3, expected: 2 }));
    drop(broker);
    let mut world = world.crash();
    let partition = world.partition("t", 0);
    assert_eq!(world.append(&partition, produced(7, 0, 2, "x")).unwrap().base_offset, 2, "the log says the same");
    assert_eq!(world.records(&partition, 0).len(), 3);
}

#[test]
fn a_crash_forgets_exactly_what_was_not_answered() {
    let mut world = World::new();
    world.topic("t", 1, &[]);
    let partition = world.partition("t", 0);
    world.append(&partition, batch(START.0, &["kept"])).unwrap();
    let broker = world.broker.clone();
    let bytes = batch(START.0, &["lost"]);
    let permit = world.run(broker.streams().permit(bytes.len())).unwrap();
    let mut lost = Box::pin(broker.streams().append(permit, &partition, NewBatch::built(bytes).unwrap()));
    world.step();
    assert!(futures_poll(&mut lost).is_none());
    drop(broker);
    let mut world = world.crash();
    assert_eq!(futures_poll(&mut lost), Some(Err(AppendError::Failure(trine_broker::Failure::Unknown))));
    let partition = world.partition("t", 0);
    assert_eq!(partition.view().end(), 1);
    assert_eq!(world.records(&partition, 0).len(), 1);
    assert_eq!(world.append(&partition, batch(START.0, &["next"])).unwrap().base_offset, 1);
}

#[test]
fn sequence_numbers_are_checked_and_survive_a_restart() {
    let mut world = World::new();
    world.topic("t", 1, &[]);
    let partition = world.partition("t", 0);
    assert_eq!(world.append(&partition, produced(1, 0, 0, "a")).unwrap().base_offset, 0);
    assert_eq!(world.append(&partition, produced(1, 0, 1, "b")).unwrap().base_offset, 1);
    let gap = world.append(&partition, produced(1, 0, 5, "c"));
    assert_eq!(gap, Err(AppendError::OutOfOrder { id: 1, got: 5, expected: 2 }));
    for (name, restarted) in [("crash", World::crash as fn(World) -> World), ("restart", World::restart)] {
        world = restarted(world);
        let partition = world.partition("t", 0);
        let again = world.append(&partition, produced(1, 0, 1, "b")).unwrap();
        assert_eq!((again.base_offset, again.duplicate), (1, true), "{name}");
    }
    let partition = world.partition("t", 0);
    world.append(&partition, produced(1, 1, 0, "new epoch")).unwrap();
    let old = world.append(&partition, produced(1, 0, 2, "old epoch"));
    assert_eq!(old, Err(AppendError::OldEpoch { id: 1, got: 0, current: 1 }));
    assert_eq!(world.broker.stats().duplicates, 1, "counters are since start");
}

#[test]
fn the_first_batch_is_returned_whatever_its_size_and_limits_bind_after_it() {
    let mut world = World::new();
    world.topic("t", 2, &[]);
    let (zero, one) = (world.partition("t", 0), world.partition("t", 1));
    let big = "x".repeat(1000);
    for partition in [&zero, &one] {
        for _ in 0..3 {
            world.append(partition, batch(START.0, &[&big])).unwrap();
        }
    }
    let mut small = [at(&zero, 0), at(&one, 0)];
    small.iter_mut().for_each(|one| one.max_bytes = 10);
    let found = world.fetch(small.to_vec());
    let counts: Vec<_> = found.partitions.iter().map(|one| one.as_ref().unwrap().batches.len()).collect();
    assert_eq!(counts, [1, 0], "a too large first batch is only given for the first partition that has data");
    let broker = world.broker.clone();
    let spec = |max_bytes| FetchSpec {
        partitions: vec![at(&zero, 1), at(&one, 0)],
        min_bytes: 1,
        max_bytes,
        max_wait: Duration::ZERO,
    };
    let found = world.run(broker.streams().fetch(spec(3300)));
    let counts: Vec<_> = found.partitions.iter().map(|one| one.as_ref().unwrap().batches.len()).collect();
    assert_eq!(counts, [2, 1]);
}

#[test]
fn an_offset_inside_a_batch_returns_the_batch_and_one_outside_the_log_is_refused() {
    let mut world = World::new();
    world.topic("t", 1, &[]);
    let partition = world.partition("t", 0);
    world.append(&partition, batch(START.0, &["a", "b", "c"])).unwrap();
    let found = world.fetch(vec![at(&partition, 1)]).partitions.remove(0).unwrap();
    assert_eq!((found.batches[0].base, found.end, found.log_start), (0, 3, 0));
    assert!(world.fetch(vec![at(&partition, 3)]).partitions[0].as_ref().unwrap().batches.is_empty());
    let beyond = world.fetch(vec![at(&partition, 4)]).partitions.remove(0);
    assert!(matches!(beyond, Err(FetchError::OutOfRange { from: 4, log_start: 0, end: 3 })));
    let broker = world.broker.clone();
    assert_eq!(world.run(broker.streams().trim(&partition, Some(2))).unwrap(), 2);
    let below = world.fetch(vec![at(&partition, 1)]).partitions.remove(0);
    assert!(matches!(below, Err(FetchError::OutOfRange { from: 1, log_start: 2, end: 3 })));
    let beyond = world.run(broker.streams().trim(&partition, Some(4)));
    assert!(matches!(beyond, Err(StreamError::OutOfRange { asked: 4, .. })));
    assert_eq!(world.run(broker.streams().trim(&partition, None)).unwrap(), 3);
    let world = &mut world;
    let mut epochs = at(&partition, 3);
    epochs.current_leader_epoch = Some(1);
    assert!(matches!(world.fetch(vec![epochs]).partitions.remove(0), Err(FetchError::UnknownEpoch { current: 0 })));
}

#[test]
fn a_parked_fetch_is_woken_by_data_by_time_by_deletion_and_by_the_end() {
    let mut world = World::new();
    world.topic("t", 1, &[]);
    let partition = world.partition("t", 0);
    let broker = world.broker.clone();
    let spec = |min_bytes, max_wait_ms| FetchSpec {
        partitions: vec![at(&partition, 0)],
        min_bytes,
        max_bytes: 1 << 20,
        max_wait: Duration::from_millis(max_wait_ms),
    };
    // Time.
    let before = trine_env::Clock::mono(&world.clock);
    let found = world.run(broker.streams().fetch(spec(1, 50)));
    assert!(found.partitions[0].as_ref().unwrap().batches.is_empty());
    let waited = trine_env::Clock::mono(&world.clock) - before;
    assert!((50..60).contains(&waited.as_millis()), "{waited:?}");
    // Data; not before there is enough of it.
    let mut parked = Box::pin(broker.streams().fetch(spec(150, 3_600_000)));
    assert!(futures_poll(&mut parked).is_none());
    assert_eq!(broker.stats().fetches_parked, 1);
    world.append(&partition, batch(START.0, &["seventy bytes or so"])).unwrap();
    assert!(futures_poll(&mut parked).is_none());
    world.append(&partition, batch(START.0, &["seventy bytes or so again"])).unwrap();
    let found = futures_poll(&mut parked).expect("enough is there");
    assert_eq!(found.partitions[0].as_ref().unwrap().batches.len(), 2);
    drop(parked);
    assert_eq!(broker.stats().fetches_parked, 0);
    // Deletion.
    let mut tail = spec(1, 3_600_000);
    tail.partitions[0].from = 2;
    let mut parked = Box::pin(broker.streams().fetch(tail));
    assert!(futures_poll(&mut parked).is_none());
    world.run(broker.topics().delete(TopicSelector::Id(partition.topic().id))).unwrap();
    let found = futures_poll(&mut parked).expect("answered");
    assert!(matches!(found.partitions[0], Err(FetchError::UnknownPartition)));
    let late = world.append(&partition, batch(START.0, &["late"]));
    assert_eq!(late, Err(AppendError::UnknownPartition));
    // The end.
    world.topic("u", 1, &[]);
    let other = world.partition("u", 0);
    let mut last = spec(1, 3_600_000);
    last.partitions = vec![at(&other, 0)];
    let mut parked = Box::pin(broker.streams().fetch(last));
    assert!(futures_poll(&mut parked).is_none());
    world.run(broker.shutdown(Duration::from_secs(1))).unwrap();
    assert!(futures_poll(&mut parked).is_some());
}

#[test]
fn offsets_are_found_exactly() {
    let mut world = World::new();
    world.topic("t", 1, &[]);
    let partition = world.partition("t", 0);
    let broker = world.broker.clone();
    let find = |world: &mut World, query| world.run(broker.streams().offset_for(&partition, query)).unwrap();
    assert_eq!(find(&mut world, OffsetQuery::At(START)).offset, None);
    assert_eq!(find(&mut world, OffsetQuery::MaxTimestamp).offset, None);
    let mut builder = trine_records::BatchBuilder::new();
    for ts in [10, 30, 20] {
        builder.push(START.0 + ts, None, Some(b"v"), &[]);
    }
    world.append(&partition, builder.build().unwrap()).unwrap();
    world.append(&partition, batch(START.0 + 25, &["last"])).unwrap();
    for (ts, offset, timestamp) in [(0, 0, 10), (10, 0, 10), (11, 1, 30), (30, 1, 30)] {
        let found = find(&mut world, OffsetQuery::At(Timestamp(START.0 + ts)));
        assert_eq!((found.offset, found.timestamp), (Some(offset), Some(START.0 + timestamp)), "{ts}");
    }
    assert_eq!(find(&mut world, OffsetQuery::At(Timestamp(START.0 + 31))).offset, None);
    assert_eq!(find(&mut world, OffsetQuery::MaxTimestamp).offset, Some(1));
    assert_eq!(find(&mut world, OffsetQuery::Earliest).offset, Some(0));
    assert_eq!(find(&mut world, OffsetQuery::Latest).offset, Some(4));
    world.run(broker.streams().trim(&partition, Some(2))).unwrap();
    assert_eq!(find(&mut world, OffsetQuery::At(START)).offset, Some(2));
    assert_eq!(find(&mut world, OffsetQuery::MaxTimestamp).offset, Some(3));
    let stats = broker.streams().partition_stats(&partition);
    assert_eq!((stats.log_start, stats.end, stats.leader_epoch), (2, 4, 0));
    assert!(stats.bytes > 0);
}

#[test]
fn interval_topics_answer_when_written_and_get_a_new_leader_epoch_after_an_unclean_stop() {
    let mut world = World::new();
    world.topic("lazy", 2, &[("trine.durability", "interval:100")]);
    world.topic("strict", 1, &[]);
    let partition = world.partition("lazy", 0);
    world.append(&partition, batch(START.0, &["a"])).unwrap();
    let mut world = world.crash();
    for (topic, index, epoch) in [("lazy", 0, 1), ("lazy", 1, 1), ("strict", 0, 0)] {
        assert_eq!(world.partition(topic, index).view().leader_epoch(), epoch, "{topic}-{index}");
    }
    let partition = world.partition("lazy", 0);
    let broker = world.broker.clone();
    world.append(&partition, batch(START.0, &["b"])).unwrap();
    let end = world.run(broker.streams().epoch_end(&partition, 0)).unwrap().unwrap();
    assert_eq!((end.epoch, end.end), (0, 1));
    let end = world.run(broker.streams().epoch_end(&partition, 1)).unwrap().unwrap();
    assert_eq!((end.epoch, end.end), (1, 2));
    assert_eq!(world.run(broker.streams().epoch_end(&partition, 2)).unwrap(), None);
    // A client that read beyond what survived learns where its log and ours part.
    let mut from = at(&partition, 2);
    from.last_fetched_epoch = Some(0);
    let found = world.fetch(vec![from]).partitions.remove(0).unwrap();
    assert_eq!(found.diverging.map(|end| (end.epoch, end.end)), Some((0, 1)));
    assert!(found.batches.is_empty());
    drop(broker);
    let world = world.restart();
    assert_eq!(world.partition("lazy", 0).view().leader_epoch(), 1, "a clean stop loses nothing");
}

/// Polls once.
fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(done) => Some(done),
        std::task::Poll::Pending => None,
    }
}
