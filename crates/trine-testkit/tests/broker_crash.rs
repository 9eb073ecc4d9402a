//! Crash simulation of the whole broker: `TRINE_SIM_CYCLES` crash/recover cycles (default 1000), seeds from `TRINE_SIM_SEED` (default 1) up, on all cores.

use std::{ops::Range, sync::Arc, time::Instant};

use trine_storage::{
    AppendError, CheckpointWriter, OpBatch, Opened, ReadError, Request, Run, ShardStore, StoreError, StoreStats,
    StoredBatch,
};
use trine_testkit::{
    broker_sim::{Scope, Tally, Violation, run},
    seeds,
};
use trine_types::{EntityId, Lsn, Offset, ShardId};

/// Cycles unless `TRINE_SIM_CYCLES` says otherwise.
const CYCLES: u64 = 1_000;
/// Seeds within which a planted bug must be found.
const BUG_SEEDS_MAX: u64 = 100;

#[test]
fn the_broker_keeps_its_promises() {
    let trace = seeds::number("TRINE_SIM_TRACE").is_some_and(|n| n > 0);
    let (mut tally, start, scope) = (Tally::default(), Instant::now(), Scope { trace, ..Scope::default() });
    let (seeds, _) = seeds::wanted(CYCLES, scope.lives);
    let failed = seeds::run_all(seeds, |seed| run(&|opened| opened, seed, scope), |more| tally.add(&more));
    if let Err(failed) = failed {
        panic!("{}", failed.what);
    }
    println!("{:.0} cycles/s: {tally:#?}", tally.cycles as f64 / start.elapsed().as_secs_f64());
    if tally.cycles >= CYCLES {
        assert!(tally.duplicates > 0 && tally.full > 0 && tally.failures > 0 && tally.stops > 0, "{tally:?}");
        assert!(tally.sent > 0 && tally.deliveries > 0 && tally.acks > 0 && tally.peeked > 0, "{tally:?}");
        assert!(tally.deleted > 0 && tally.trims > 0 && tally.lost_by_interval > 0 && tally.compacted > 0, "{tally:?}");
        let queues =
            [tally.purges, tally.altered, tally.queues_deleted, tally.moves, tally.stale_refused, tally.refused];
        assert!(queues.iter().all(|&count| count > 0), "{tally:?}");
        assert!(tally.taken_away > 0 && tally.forgotten > 0, "{tally:?}");
    }
}

#[test]
fn a_seed_repeats() {
    let once = run(&|opened| opened, 7, Scope::default()).unwrap_or_else(|violation| panic!("{violation}"));
    let again = run(&|opened| opened, 7, Scope::default()).unwrap_or_else(|violation| panic!("{violation}"));
    assert_eq!(once, again);
}

#[test]
fn a_store_that_answers_before_the_disk_does_is_caught() {
    let lying = |opened: Opened| {
        let stores = opened.stores.into_iter().zip(&opened.last);
        let stores = stores.map(|(store, last)| Arc::new(Lying::new(store, *last)) as Arc<dyn ShardStore>).collect();
        Opened { stores, ..opened }
    };
    let caught: Option<(u64, Violation)> = (seeds::FIRST..seeds::FIRST + BUG_SEEDS_MAX)
        .find_map(|seed| run(&lying, seed, Scope::default()).err().map(|violation| (seed, violation)));
    let (seed, violation) = caught.expect("the planted bug is caught");
    println!("caught after {} seeds: {violation}", seed + 1 - seeds::FIRST);
}

/// A store with the bug that the whole engine exists to avoid: what was appended counts as durable.
struct Lying {
    store: Arc<dyn ShardStore>,
    last: std::sync::atomic::AtomicU64,
}

impl Lying {
    fn new(store: Arc<dyn ShardStore>, last: Lsn) -> Self {
        Self { store, last: last.0.into() }
    }

    fn last(&self) -> Lsn {
        Lsn(self.last.load(std::sync::atomic::Ordering::SeqCst))
    }
}

impl ShardStore for Lying {
    fn shard(&self) -> ShardId {
        self.store.shard()
    }

    fn append(&self, batch: OpBatch) -> Result<Lsn, AppendError> {
        let lsn = self.store.append(batch)?;
        self.last.store(lsn.0, std::sync::atomic::Ordering::SeqCst);
        Ok(lsn)
    }

    fn admit(&self) -> Result<(), AppendError> {
        self.store.admit()
    }

    fn written(&self) -> Lsn {
        self.last()
    }

    fn durable(&self) -> Lsn {
        self.last()
    }

    fn failure(&self) -> Option<Arc<str>> {
        self.store.failure()
    }

    fn read(
        &self,
        entity: EntityId,
        from: Offset,
        below: Offset,
        max_bytes: usize,
        may_block: bool,
    ) -> Result<Vec<StoredBatch>, ReadError> {
        self.store.read(entity, from, below, max_bytes, may_block)
    }

    fn find_time(&self, entity: EntityId, ts: i64) -> Option<Offset> {
        self.store.find_time(entity, ts)
    }

    fn bytes_in(&self, entity: EntityId, range: Range<Offset>) -> u64 {
        self.store.bytes_in(entity, range)
    }

    fn trim(&self, entity: EntityId, below: Offset) {
        self.store.trim(entity, below);
    }

    fn drop_entity(&self, entity: EntityId) {
        self.store.drop_entity(entity);
    }

    fn rewrite(&self, entity: EntityId, range: Range<Offset>, batches: Vec<Run>) -> Result<(), StoreError> {
        self.store.rewrite(entity, range, batches)
    }

    fn request(&self) -> Option<Request> {
        self.store.request()
    }

    fn live(&self, entity: EntityId, range: Range<Offset>, live: Vec<Range<Offset>>, applied: Lsn) {
        self.store.live(entity, range, live, applied);
    }

    fn checkpoint(&self, start: Lsn) -> Box<dyn CheckpointWriter> {
        self.store.checkpoint(start)
    }

    fn stats(&self) -> StoreStats {
        self.store.stats()
    }
}
