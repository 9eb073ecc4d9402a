//! How each kind of store is opened and crashed.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use trine_env::{Clock, Fs, Rng, SimClock, SimFs, SimRng, StdFs};
use trine_storage::{
    LocalOptions, LocalStore, MemoryDisk, MemoryOptions, MemoryStore, Op, Opened, Replay, Section, StoreError, Waker,
};
use trine_types::{Lsn, ShardId, Timestamp};

/// Shard groups of every store in the suite.
pub(crate) const SHARDS: u16 = 2;

/// What recovery handed out.
#[derive(Default, Debug, PartialEq, Eq)]
pub(crate) struct Replayed {
    pub(crate) sections: Vec<(ShardId, Section)>,
    pub(crate) batches: Vec<(ShardId, Lsn, Timestamp, Vec<Op>)>,
}

impl Replay for Replayed {
    fn section(&mut self, shard: ShardId, section: Section) {
        assert!(self.batches.iter().all(|b| b.0 != shard), "sections come before batches");
        self.sections.push((shard, section));
    }

    fn batch(&mut self, shard: ShardId, lsn: Lsn, at: Timestamp, ops: Vec<Op>) {
        self.batches.push((shard, lsn, at, ops));
    }
}

/// An opened store with what recovery said.
pub(crate) struct Store {
    pub(crate) opened: Opened,
    pub(crate) replayed: Replayed,
    pub(crate) woken: Arc<AtomicU64>,
    pub(crate) clock: SimClock,
}

impl Store {
    /// Commits and maintains until nothing is left.
    pub(crate) fn settle(&mut self) {
        for _ in 0..1000 {
            let did = self.opened.engine.commit();
            if !self.opened.engine.maintain() && !did {
                return;
            }
        }
        panic!("the store never comes to rest");
    }

    pub(crate) fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }
}

/// A medium that survives the store on it.
pub(crate) trait Harness {
    fn clock(&self) -> &SimClock;
    fn medium(&mut self, waker: Waker, replay: &mut dyn Replay) -> Result<Opened, StoreError>;
    /// What a crash does to the medium; the store was dropped before.
    fn crash(&mut self);

    fn try_open(&mut self) -> Result<Store, StoreError> {
        let woken = Arc::new(AtomicU64::new(0));
        let waker: Waker = {
            let woken = Arc::clone(&woken);
            Arc::new(move |shard| {
                woken.fetch_or(1 << shard.0, Ordering::Relaxed);
            })
        };
        let mut replayed = Replayed::default();
        let opened = self.medium(waker, &mut replayed)?;
        Ok(Store { opened, replayed, woken, clock: self.clock().clone() })
    }

    fn open(&mut self) -> Store {
        self.try_open().expect("the store opens")
    }

    /// The next life after a crash.
    fn reopen(&mut self, store: Store) -> Store {
        drop(store);
        self.crash();
        self.open()
    }
}

pub(crate) struct Memory {
    disk: MemoryDisk,
    clock: SimClock,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self { disk: MemoryDisk::new(), clock: SimClock::new(Timestamp(0)) }
    }
}

impl Harness for Memory {
    fn clock(&self) -> &SimClock {
        &self.clock
    }

    fn medium(&mut self, waker: Waker, replay: &mut dyn Replay) -> Result<Opened, StoreError> {
        MemoryStore::open_on(MemoryOptions { shards: SHARDS, bytes_max: 1 << 20 }, &self.disk, waker, replay)
    }

    fn crash(&mut self) {
        self.disk.crash();
    }
}

fn open_local(
    fs: Arc<dyn Fs>,
    clock: &SimClock,
    dir: &Path,
    waker: Waker,
    replay: &mut dyn Replay,
) -> Result<Opened, StoreError> {
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    // Every life draws other numbers, as every process does.
    static LIFE: AtomicU64 = AtomicU64::new(1);
    let rng: Arc<dyn Rng> = Arc::new(SimRng::new(LIFE.fetch_add(1, Ordering::Relaxed)));
    let options = LocalOptions { shards: SHARDS, ..LocalOptions::small() };
    LocalStore::open(fs, clock, rng, dir, options, waker, replay, &mut |_, _| {})
}

pub(crate) struct Simulated {
    fs: SimFs,
    clock: SimClock,
}

impl Simulated {
    pub(crate) fn new(seed: u64) -> Self {
        Self { fs: SimFs::new(seed), clock: SimClock::new(Timestamp(0)) }
    }
}

impl Harness for Simulated {
    fn clock(&self) -> &SimClock {
        &self.clock
    }

    fn medium(&mut self, waker: Waker, replay: &mut dyn Replay) -> Result<Opened, StoreError> {
        open_local(Arc::new(self.fs.clone()), &self.clock, Path::new("/data"), waker, replay)
    }

    fn crash(&mut self) {
        self.fs = self.fs.crash();
    }
}

/// A real directory; a crash is that of the process.
pub(crate) struct Directory {
    dir: tempfile::TempDir,
    clock: SimClock,
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory"), clock: SimClock::new(Timestamp(0)) }
    }
}

impl Harness for Directory {
    fn clock(&self) -> &SimClock {
        &self.clock
    }

    fn medium(&mut self, waker: Waker, replay: &mut dyn Replay) -> Result<Opened, StoreError> {
        open_local(Arc::new(StdFs::new()), &self.clock, &self.dir.path().join("data"), waker, replay)
    }

    fn crash(&mut self) {}
}
