//! The promises, one test each.

use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use trine_storage::{AppendError, Durability, Op, OpBatch, OpKind, Run, Section, ShardStore, StoredBatch, test_batch};
use trine_types::{EntityId, Lsn, Offset, ShardId, Timestamp};

use crate::harness::{Harness, SHARDS, Store};

fn entity(slot: u16, number: u64) -> EntityId {
    EntityId::new(slot, number).expect("in range")
}

fn note(entity: EntityId, text: &str) -> Op {
    Op { kind: OpKind(9), entity, meta: Bytes::copy_from_slice(text.as_bytes()), run: None }
}

fn payload(base: Offset) -> Bytes {
    test_batch(3, base as i64 * 10, format!("records from {base}").repeat(20).as_bytes())
}

/// Three records at `base` with timestamps up to 10 × base.
fn produce(entity: EntityId, base: Offset) -> Op {
    let run = Run { base, count: 3, max_ts: base as i64 * 10, leader_epoch: 4, batch: payload(base) };
    Op { kind: OpKind(1), entity, meta: Bytes::from_static(b"meta"), run: Some(run) }
}

fn batch(ops: Vec<Op>) -> OpBatch {
    OpBatch { at: Timestamp(77), durability: Durability::Sync, reserve: false, ops }
}

fn append(store: &Arc<dyn ShardStore>, ops: Vec<Op>) -> Lsn {
    store.append(batch(ops)).expect("the append is accepted")
}

/// Appends batches of three records at 0, 3, 6, … and makes them durable.
fn fill(store: &mut Store, entity: EntityId, range: Range<Offset>) {
    let shard = usize::from(entity.shard(SHARDS).0);
    for base in range.step_by(3) {
        append(&store.opened.stores[shard], vec![produce(entity, base)]);
        while store.opened.engine.commit() {}
    }
}

fn read(store: &Store, entity: EntityId, from: Offset, below: Offset, bytes_max: usize) -> Vec<StoredBatch> {
    let shard = usize::from(entity.shard(SHARDS).0);
    store.opened.stores[shard].read(entity, from, below, bytes_max, true).expect("the data can be read")
}

fn bases(batches: &[StoredBatch]) -> Vec<Offset> {
    batches.iter().map(|b| b.base).collect()
}

/// What a produced batch reads back as.
fn expected(base: Offset) -> Bytes {
    let mut bytes = payload(base).to_vec();
    bytes[..8].copy_from_slice(&base.to_be_bytes());
    bytes[12..16].copy_from_slice(&4_i32.to_be_bytes());
    bytes.into()
}

pub(crate) fn batches_are_whole_or_absent(harness: &mut dyn Harness) {
    let mut store = harness.open();
    let (a, b) = (entity(0, 1), entity(2, 2));
    let ops = vec![note(a, "one"), produce(b, 0), note(b, "two")];
    append(&store.opened.stores[0], ops.clone());
    store.settle();
    append(&store.opened.stores[0], vec![note(a, "lost"), produce(b, 3)]);
    let store = harness.reopen(store);
    let [(shard, lsn, at, mut found)] = <[_; 1]>::try_from(store.replayed.batches).expect("one batch");
    assert_eq!((shard, lsn, at), (ShardId(0), Lsn(1), Timestamp(77)));
    // A run comes back as stored: patched.
    let run = found[1].run.as_mut().expect("a run");
    if run.batch == expected(0) {
        run.batch = payload(0);
    }
    assert_eq!(found, ops);
}

pub(crate) fn lsns_are_dense_and_replay_keeps_their_order(harness: &mut dyn Harness) {
    let mut store = harness.open();
    assert_eq!(store.opened.last, vec![Lsn(0); usize::from(SHARDS)]);
    for round in 1..=20 {
        for shard in 0..SHARDS {
            let lsn =
                append(&store.opened.stores[usize::from(shard)], vec![note(entity(shard, 1), &round.to_string())]);
            assert_eq!(lsn, Lsn(round));
        }
        if round % 3 == 0 {
            store.settle();
        }
    }
    store.settle();
    let store = harness.reopen(store);
    assert_eq!(store.opened.last, vec![Lsn(20); usize::from(SHARDS)]);
    for shard in 0..SHARDS {
        let texts: Vec<_> =
            store.replayed.batches.iter().filter(|b| b.0.0 == shard).map(|b| (b.1.0, b.3[0].meta.clone())).collect();
        assert_eq!(texts, (1..=20).map(|n| (n, Bytes::from(n.to_string()))).collect::<Vec<_>>());
        assert_eq!(append(&store.opened.stores[usize::from(shard)], vec![note(entity(shard, 1), "")]), Lsn(21));
    }
}

pub(crate) fn what_is_durable_survives_a_crash_and_nothing_is_invented(harness: &mut dyn Harness) {
    let mut store = harness.open();
    let mut appended = 0;
    for life in 0..6 {
        let shard = Arc::clone(&store.opened.stores[1]);
        for n in 0..=life {
            append(&shard, vec![note(entity(1, 1), "x")]);
            appended += 1;
            if n % 2 == 0 {
                store.opened.engine.commit();
            }
        }
        let durable = shard.durable();
        assert!(durable <= shard.written() && shard.written() <= Lsn(appended));
        drop(shard);
        store = harness.reopen(store);
        let found = store.opened.last[1];
        assert!(found >= durable && found <= Lsn(appended), "{durable} durable, {found} found, {appended} appended");
        assert_eq!(store.opened.stores[1].durable(), found);
        assert!(store.opened.unclean);
        appended = found.0;
    }
}

pub(crate) fn an_interval_is_kept(harness: &mut dyn Harness) {
    let mut store = harness.open();
    let shard = Arc::clone(&store.opened.stores[0]);
    let lazy = OpBatch { durability: Durability::Interval(50), ..batch(vec![note(entity(0, 1), "lazy")]) };
    let lsn = shard.append(lazy.clone()).expect("accepted");
    while store.opened.engine.commit() {}
    assert_eq!(shard.written(), lsn);
    store.pass(51);
    while store.opened.engine.commit() {}
    assert_eq!(shard.durable(), lsn);
    // Any sync covers all.
    let lsn = shard.append(lazy).expect("accepted");
    append(&store.opened.stores[1], vec![note(entity(1, 1), "sync")]);
    while store.opened.engine.commit() {}
    assert_eq!(shard.durable(), lsn);
}

pub(crate) fn a_clean_stop_keeps_everything_and_says_so(harness: &mut dyn Harness) {
    let mut store = harness.open();
    assert!(!store.opened.unclean);
    let e = entity(0, 3);
    for life in 0..3 {
        fill(&mut store, e, life * 30..life * 30 + 30);
        append(&store.opened.stores[0], vec![note(e, "queued at the end")]);
        let Store { opened, .. } = store;
        opened.engine.close().expect("it closes");
        drop(opened.stores);
        harness.crash();
        store = harness.open();
        assert!(!store.opened.unclean);
        assert_eq!(store.opened.last[0], Lsn((life + 1) * 11));
        assert_eq!(bases(&read(&store, e, 0, u64::MAX, 1 << 20)).len() as u64, (life + 1) * 10);
    }
}

pub(crate) fn reads_give_the_bytes_appended(harness: &mut dyn Harness) {
    let mut store = harness.open();
    let (a, b) = (entity(0, 1), entity(0, 2));
    for base in (0..300).step_by(3) {
        append(&store.opened.stores[0], vec![produce(a, base), produce(b, base)]);
        // At once, before anything was written.
        assert_eq!(read(&store, a, base, base + 1, 1)[0].bytes, expected(base));
        if base % 4 == 0 {
            store.settle();
        }
    }
    store.settle();
    for life in 0..2 {
        for e in [a, b] {
            let all = read(&store, e, 0, 300, usize::MAX);
            assert_eq!(bases(&all), (0..300).step_by(3).collect::<Vec<_>>(), "life {life}");
            for stored in all {
                assert_eq!((stored.count, stored.end()), (3, stored.base + 3));
                assert_eq!(stored.bytes, expected(stored.base));
            }
        }
        store = harness.reopen(store);
    }
}

pub(crate) fn reads_stop_at_their_limits_and_skip_gaps(harness: &mut dyn Harness) {
    let mut store = harness.open();
    let e = entity(1, 1);
    fill(&mut store, e, 0..9);
    fill(&mut store, e, 21..24);
    let one = expected(0).len();
    assert_eq!(bases(&read(&store, e, 4, 100, 1)), [3], "the batch that holds the offset comes whole");
    assert_eq!(bases(&read(&store, e, 0, 100, 2 * one + 40)), [0, 3]);
    assert_eq!(bases(&read(&store, e, 0, 6, 1 << 20)), [0, 3], "a batch at `below` does not come");
    assert_eq!(bases(&read(&store, e, 0, 7, 1 << 20)), [0, 3, 6]);
    assert_eq!(bases(&read(&store, e, 10, 100, 1 << 20)), [21], "after a gap, the next one");
    assert!(read(&store, e, 24, 100, 1 << 20).is_empty());
    assert!(read(&store, e, 10, 21, 1 << 20).is_empty());
    assert!(read(&store, entity(1, 9), 0, 100, 1 << 20).is_empty());
    let shard = &store.opened.stores[1];
    assert_eq!(shard.bytes_in(e, 0..100), (0..9).step_by(3).chain([21]).map(|b| expected(b).len() as u64).sum());
    assert_eq!(shard.bytes_in(e, 24..100), 0);
}

pub(crate) fn times_are_found(harness: &mut dyn Harness) {
    let mut store = harness.open();
    let e = entity(1, 1);
    fill(&mut store, e, 0..30);
    let shard = &store.opened.stores[1];
    assert_eq!(shard.find_time(e, i64::MIN), Some(0));
    assert_eq!(shard.find_time(e, 31), Some(6));
    assert_eq!(shard.find_time(e, 270), Some(27));
    assert_eq!(shard.find_time(e, 271), None);
    assert_eq!(shard.find_time(entity(1, 2), 0), None);
}

pub(crate) fn trims_and_drops_take_only_what_is_below_and_can_be_repeated(harness: &mut dyn Harness) {
    let mut store = harness.open();
    let (a, b) = (entity(0, 1), entity(0, 2));
    fill(&mut store, a, 0..60);
    fill(&mut store, b, 0..60);
    let shard = Arc::clone(&store.opened.stores[0]);
    let before = shard.bytes_in(a, 0..60);
    for _ in 0..2 {
        shard.trim(a, 31);
        shard.drop_entity(b);
        store.settle();
        assert_eq!(bases(&read(&store, a, 31, 100, 1 << 20)), (30..60).step_by(3).collect::<Vec<_>>());
        assert!(read(&store, b, 0, 100, 1 << 20).is_empty());
        assert!(shard.bytes_in(a, 0..60) < before);
    }
    shard.trim(a, 10);
    assert_eq!(read(&store, a, 31, 34, 1 << 20).len(), 2);
    fill(&mut store, a, 60..66);
    drop(shard);
    let store = harness.reopen(store);
    // Trims are the owner's records; the store never loses what lies above.
    assert_eq!(bases(&read(&store, a, 31, 100, 1 << 20)), (30..66).step_by(3).collect::<Vec<_>>());
}

fn checkpoint(store: &mut Store, shard: usize, sections: &[(EntityId, &str)], finish: bool) {
    let start = Lsn(store.opened.stores[shard].stats().batches + store.opened.last[shard].0);
    let mut writer = store.opened.stores[shard].checkpoint(start);
    for (entity, text) in sections {
        writer.section(Section { entity: *entity, as_of: start, bytes: Bytes::copy_from_slice(text.as_bytes()) });
    }
    if finish {
        writer.finish();
    }
}

pub(crate) fn a_checkpoint_and_the_log_after_it_are_the_same_as_the_whole_log(harness: &mut dyn Harness) {
    let mut store = harness.open();
    let (a, b) = (entity(0, 1), entity(1, 2));
    for round in 0..4_u64 {
        fill(&mut store, a, round * 30..round * 30 + 30);
        checkpoint(&mut store, 0, &[(a, &format!("state {round}"))], true);
        append(&store.opened.stores[0], vec![note(a, "after the checkpoint")]);
        append(&store.opened.stores[1], vec![note(b, "never checkpointed")]);
        store.settle();
        store = harness.reopen(store);
        let section = Section { entity: a, as_of: Lsn(round * 11 + 10), bytes: format!("state {round}").into() };
        assert_eq!(store.replayed.sections, [(ShardId(0), section)]);
        let after: Vec<_> = store.replayed.batches.iter().filter(|x| x.0 == ShardId(0)).map(|x| x.1).collect();
        assert_eq!(after, [Lsn(round * 11 + 11)]);
        assert_eq!(store.replayed.batches.iter().filter(|x| x.0 == ShardId(1)).count() as u64, round + 1);
        assert_eq!(bases(&read(&store, a, 0, u64::MAX, 1 << 20)).len() as u64, (round + 1) * 10);
    }
}

pub(crate) fn an_abandoned_checkpoint_changes_nothing(harness: &mut dyn Harness) {
    let mut store = harness.open();
    let a = entity(0, 1);
    append(&store.opened.stores[0], vec![note(a, "one")]);
    checkpoint(&mut store, 0, &[(a, "half")], false);
    store.settle();
    let store = harness.reopen(store);
    assert_eq!((store.replayed.sections.len(), store.replayed.batches.len()), (0, 1));
}

pub(crate) fn a_rewrite_replaces_a_range(harness: &mut dyn Harness) {
    let mut store = harness.open();
    let e = entity(0, 1);
    fill(&mut store, e, 0..30);
    let new = Run { base: 9, count: 3, max_ts: 5, leader_epoch: 1, batch: test_batch(3, 5, b"compacted") };
    store.opened.stores[0].rewrite(e, 6..21, vec![new.clone()]).expect("rewritten");
    let all = read(&store, e, 0, 100, 1 << 20);
    assert_eq!(bases(&all), [0, 3, 9, 21, 24, 27]);
    assert!(all[2].bytes.ends_with(b"compacted"));
    assert_eq!(bases(&read(&store, e, 10, 12, 1)), [9]);
    store.opened.stores[0].rewrite(e, 6..21, Vec::new()).expect("rewritten");
    assert_eq!(bases(&read(&store, e, 0, 100, 1 << 20)), [0, 3, 21, 24, 27]);
    store.settle();
    assert_eq!(bases(&read(&store, e, 0, 100, 1 << 20)), [0, 3, 21, 24, 27]);
}

pub(crate) fn a_closed_store_refuses(harness: &mut dyn Harness) {
    let store = harness.open();
    let shard = Arc::clone(&store.opened.stores[0]);
    store.opened.engine.close().expect("it closes");
    assert!(matches!(shard.append(batch(vec![note(entity(0, 1), "late")])), Err(AppendError::Stopped(_))));
    assert!(matches!(shard.admit(), Err(AppendError::Stopped(_))));
}

pub(crate) fn wakers_are_called_when_watermarks_move(harness: &mut dyn Harness) {
    let mut store = harness.open();
    while store.opened.engine.commit() {}
    for shard in 0..SHARDS {
        store.woken.store(0, Ordering::Relaxed);
        append(&store.opened.stores[usize::from(shard)], vec![note(entity(shard, 1), "x")]);
        while store.opened.engine.commit() {}
        assert_eq!(store.woken.load(Ordering::Relaxed), 1 << shard);
    }
}

pub(crate) fn threads_commit_on_their_own(harness: &mut dyn Harness) {
    let store = harness.open();
    let stores = store.opened.stores;
    let running = store.opened.engine.start();
    let e = entity(0, 1);
    for base in (0..90).step_by(3) {
        let lsn = append(&stores[0], vec![produce(e, base)]);
        while stores[0].durable() < lsn {
            std::thread::yield_now();
        }
    }
    running.close().expect("it closes");
    assert_eq!(stores[0].read(e, 0, 90, 1 << 20, true).expect("readable").len(), 30);
}
