//! Large frames, synced by a thread of their own while the next one is prepared.

use trine_env::Faults;
use trine_types::Lsn;

use super::{
    super::LocalOptions,
    world::{Replayed, Store, World, entity, note, produce, read_all},
};
use crate::{Durability, Running};

const SHARDS: u16 = 4;
const INTERVAL_SHARD: u16 = 2;
/// A third of a frame: frames take several, and some are below the size from which syncs overlap.
const BATCH_BYTES: usize = 500 << 10;

fn options() -> LocalOptions {
    LocalOptions {
        shards: SHARDS,
        wal_file_min: 4 << 20,
        wal_file_max: 4 << 20,
        wal_budget: 128 << 20,
        frame_bytes: 1500 << 10,
        ..LocalOptions::small()
    }
}

/// Starts the engine's threads, and appends so many rounds of a batch to each group; to the third one sometimes with `interval` before.
fn load(world: &mut World, rounds: u64) -> (Store, Box<dyn Running>) {
    let mut store = world.open();
    // In the handle, an engine of nothing takes the place of the one that now moves by itself.
    let idle = World::new(options()).open().engine;
    let running = std::mem::replace(&mut store.engine, idle).start();
    for round in 0..rounds {
        for shard in 0..SHARDS {
            if shard == INTERVAL_SHARD && round % 2 == 0 {
                let note = note(entity(shard, 1), "interval");
                store.append_with(usize::from(shard), vec![note], Durability::Interval(5));
            }
            produce(&mut store, entity(shard, 1), round, 1, BATCH_BYTES);
        }
    }
    (store, running)
}

fn durable(store: &Store) -> Vec<Lsn> {
    store.stores.iter().map(|shard| shard.durable()).collect()
}

#[test]
fn what_was_called_durable_survives_a_crash_at_any_moment() {
    for rounds in 1..12 {
        let mut world = World::new(options());
        let (store, running) = load(&mut world, rounds);
        let acked = durable(&store);
        world.crash();
        drop(running);
        drop(store);
        let found = world.try_open(&mut Replayed::default()).expect("it opens after a crash at any moment");
        for (shard, (acked, last)) in acked.iter().zip(&found.last).enumerate() {
            assert!(acked <= last, "group {shard} after {rounds}: {acked:?} was durable, {last:?} is left");
        }
    }
}

#[test]
fn everything_becomes_durable_and_is_there_after_a_crash() {
    const ROUNDS: u64 = 20;
    let mut world = World::new(options());
    let (store, running) = load(&mut world, ROUNDS);
    let all: Vec<Lsn> = (0..SHARDS).map(|s| Lsn(if s == INTERVAL_SHARD { ROUNDS * 3 / 2 } else { ROUNDS })).collect();
    while durable(&store) != all {
        assert!(store.stores.iter().all(|shard| shard.failure().is_none()), "the store failed");
        std::thread::yield_now();
    }
    world.crash();
    drop(running);
    drop(store);
    let store = world.open();
    assert_eq!(store.last, all);
    for shard in 0..SHARDS {
        assert_eq!(read_all(&store, entity(shard, 1)).len() as u64, ROUNDS, "group {shard}");
    }
}

#[test]
fn a_failed_sync_beside_the_loop_stops_the_store_for_good() {
    let mut world = World::new(options());
    let mut store = world.open();
    world.fs.set_faults(Faults { sync_fails: 1.0, ..Faults::default() });
    for shard in 0..SHARDS {
        produce(&mut store, entity(shard, 1), 0, 1, BATCH_BYTES);
    }
    let idle = World::new(options()).open().engine;
    let running = std::mem::replace(&mut store.engine, idle).start();
    while store.stores[0].failure().is_none() {
        std::thread::yield_now();
    }
    assert!(running.close().is_err());
    assert!(durable(&store).iter().all(|lsn| *lsn == Lsn(0)), "nothing is called durable after a sync that failed");
}
