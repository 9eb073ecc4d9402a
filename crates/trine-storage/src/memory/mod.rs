//! The store of `trine dev`, and the model that the local store is compared with: everything lives in memory, nothing survives the process.
//!
//! Written and durable are the same here: both move at [`Engine::commit`]. A byte limit stands for the disk's size; trimming frees.

mod disk;
mod engine;
mod runs;

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
};

use parking_lot::{Mutex, RwLock};
use trine_types::{EntityId, Lsn, Offset, ShardId, limits::SHARDS_DEFAULT};

pub use self::disk::MemoryDisk;
use self::{disk::CheckpointDraft, engine::MemoryEngine, runs::Runs};
use crate::{
    AppendError, CheckpointWriter, OpBatch, Opened, ReadError, Replay, Request, Run, ShardStore, StoreError,
    StoreStats, StoredBatch, Waker,
};

/// Sizes of a [`MemoryStore`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryOptions {
    /// Shard groups.
    pub shards: u16,
    /// Most bytes of record batches held; beyond it appends without `reserve` are refused as full.
    pub bytes_max: u64,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { shards: SHARDS_DEFAULT, bytes_max: 512 << 20 }
    }
}

/// Appending is possible again once this share of the limit is free.
const FREE_AGAIN: f64 = 0.9;

/// After so many batches the owner is asked what of its large entities it still needs: what lies between live batches is not below any trim point.
const LOOK_AFTER: u64 = 4096;
/// Entities with fewer batches than this are not asked about: what they waste is bounded by it.
const LARGE_BATCHES: usize = 64;

struct Shard {
    id: ShardId,
    last: Mutex<Lsn>,
    runs: RwLock<Runs>,
    durable: AtomicU64,
    requests: Mutex<std::collections::VecDeque<Request>>,
    batches: AtomicU64,
    bytes: AtomicU64,
}

/// What the handles and the engine share.
struct Shared {
    shards: Vec<Shard>,
    waker: Waker,
    bytes_max: u64,
    held: AtomicU64,
    full: AtomicBool,
    closed: AtomicBool,
    disk: Option<MemoryDisk>,
    signal: engine::Signal,
}

/// Opens stores in memory.
pub struct MemoryStore;

impl MemoryStore {
    /// An empty store.
    ///
    /// # Errors
    /// `Format` when the options have no shard group.
    pub fn open(options: MemoryOptions, waker: Waker) -> Result<Opened, StoreError> {
        Self::assemble(options, None, waker, &mut Nothing)
    }

    /// A store that also keeps its operation log and checkpoints on a [`MemoryDisk`], and begins with what is there: for tests of recovery. A batch is on
    /// the disk once it is durable.
    ///
    /// # Errors
    /// `Format` when the options do not fit the disk.
    pub fn open_on(
        options: MemoryOptions,
        disk: &MemoryDisk,
        waker: Waker,
        replay: &mut dyn Replay,
    ) -> Result<Opened, StoreError> {
        Self::assemble(options, Some(disk.clone()), waker, replay)
    }

    fn assemble(
        options: MemoryOptions,
        disk: Option<MemoryDisk>,
        waker: Waker,
        replay: &mut dyn Replay,
    ) -> Result<Opened, StoreError> {
        if options.shards == 0 {
            return Err(StoreError::Format("a store needs a shard group".into()));
        }
        let found = disk.as_ref().map(|disk| disk.open(options.shards, replay)).transpose()?.unwrap_or_default();
        let unclean = found.unclean;
        let mut shards = Vec::new();
        let mut held = 0;
        for at in 0..options.shards {
            let (last, runs) = found.shards.get(usize::from(at)).cloned().unwrap_or_default();
            held += runs.bytes();
            shards.push(Shard {
                id: ShardId(at),
                last: Mutex::new(last),
                runs: RwLock::new(runs),
                durable: AtomicU64::new(last.0),
                requests: Mutex::default(),
                batches: AtomicU64::new(0),
                bytes: AtomicU64::new(0),
            });
        }
        let last = shards.iter().map(|s| *s.last.lock()).collect();
        let shared = Arc::new(Shared {
            shards,
            waker,
            bytes_max: options.bytes_max,
            held: AtomicU64::new(held),
            full: AtomicBool::new(held >= options.bytes_max),
            closed: AtomicBool::new(false),
            disk,
            signal: engine::Signal::default(),
        });
        let stores = (0..usize::from(options.shards))
            .map(|at| Arc::new(MemoryShard { shared: Arc::clone(&shared), at }) as Arc<dyn ShardStore>)
            .collect();
        Ok(Opened { stores, last, unclean, engine: Box::new(MemoryEngine::new(shared)) })
    }
}

struct Nothing;

impl Replay for Nothing {
    fn section(&mut self, _: ShardId, _: crate::Section) {}
    fn batch(&mut self, _: ShardId, _: Lsn, _: trine_types::Timestamp, _: Vec<crate::Op>) {}
}

impl Shared {
    /// Bytes came or went.
    fn account(&self, added: u64, removed: u64) {
        let held = self.held.fetch_add(added, AcqRel) + added - removed;
        self.held.fetch_sub(removed, AcqRel);
        if held >= self.bytes_max {
            self.full.store(true, Release);
        } else if (held as f64) < self.bytes_max as f64 * FREE_AGAIN && self.full.swap(false, AcqRel) {
            self.shards.iter().for_each(|shard| (self.waker)(shard.id));
        }
    }
}

/// See [`ShardStore`].
struct MemoryShard {
    shared: Arc<Shared>,
    at: usize,
}

impl MemoryShard {
    fn shard(&self) -> &Shard {
        &self.shared.shards[self.at]
    }

    /// Whether a batch is taken now.
    fn check(&self, reserve: bool) -> Result<(), AppendError> {
        let shared = &self.shared;
        if shared.closed.load(Acquire) {
            return Err(AppendError::Stopped("it was closed".into()));
        }
        if !reserve && shared.full.load(Acquire) {
            let free = shared.bytes_max.saturating_sub(shared.held.load(Relaxed));
            let needed = shared.bytes_max - (shared.bytes_max as f64 * FREE_AGAIN) as u64;
            return Err(AppendError::Full { free, needed });
        }
        Ok(())
    }

    fn free(&self, change: impl FnOnce(&mut Runs)) {
        let (before, after) = {
            let mut runs = self.shard().runs.write();
            let before = runs.bytes();
            change(&mut runs);
            (before, runs.bytes())
        };
        self.shared.account(after.saturating_sub(before), before.saturating_sub(after));
    }
}

impl ShardStore for MemoryShard {
    fn shard(&self) -> ShardId {
        self.shard().id
    }

    fn append(&self, batch: OpBatch) -> Result<Lsn, AppendError> {
        let (shared, shard) = (&self.shared, self.shard());
        self.check(batch.reserve)?;
        let mut last = shard.last.lock();
        let lsn = last.next();
        let mut added = 0;
        {
            let mut runs = shard.runs.write();
            for (op, run) in batch.ops.iter().filter_map(|op| Some((op, op.run.as_ref()?))) {
                added += runs.push(op.entity, run);
            }
        }
        if let Some(disk) = &shared.disk {
            disk.append(shard.id, lsn, &batch);
        }
        *last = lsn;
        drop(last);
        shared.account(added, 0);
        if shard.batches.fetch_add(1, Relaxed) % LOOK_AFTER == LOOK_AFTER - 1 {
            let ranges = shard.runs.read().large(LARGE_BATCHES);
            let mut requests = shard.requests.lock();
            if !ranges.is_empty() && requests.is_empty() {
                requests.push_back(Request::Live(ranges));
            }
        }
        shard.bytes.fetch_add(added, Relaxed);
        shared.signal.notify();
        Ok(lsn)
    }

    fn admit(&self) -> Result<(), AppendError> {
        self.check(false)
    }

    fn written(&self) -> Lsn {
        self.durable()
    }

    fn durable(&self) -> Lsn {
        Lsn(self.shard().durable.load(Acquire))
    }

    fn failure(&self) -> Option<Arc<str>> {
        None
    }

    fn read(
        &self,
        entity: EntityId,
        from: Offset,
        below: Offset,
        max_bytes: usize,
        _may_block: bool,
    ) -> Result<Vec<StoredBatch>, ReadError> {
        Ok(self.shard().runs.read().read(entity, from, below, max_bytes))
    }

    fn find_time(&self, entity: EntityId, ts: i64) -> Option<Offset> {
        self.shard().runs.read().find_time(entity, ts)
    }

    fn bytes_in(&self, entity: EntityId, range: Range<Offset>) -> u64 {
        self.shard().runs.read().bytes_in(entity, &range)
    }

    fn trim(&self, entity: EntityId, below: Offset) {
        self.free(|runs| runs.trim(entity, below));
    }

    fn drop_entity(&self, entity: EntityId) {
        self.free(|runs| runs.drop_entity(entity));
    }

    fn rewrite(&self, entity: EntityId, range: Range<Offset>, batches: Vec<Run>) -> Result<(), StoreError> {
        self.free(|runs| runs.rewrite(entity, &range, &batches));
        Ok(())
    }

    fn request(&self) -> Option<Request> {
        self.shard().requests.lock().pop_front()
    }

    fn live(&self, entity: EntityId, range: Range<Offset>, live: Vec<Range<Offset>>, _applied: Lsn) {
        self.free(|runs| runs.keep(entity, &range, &live));
    }

    fn checkpoint(&self, start: Lsn) -> Box<dyn CheckpointWriter> {
        Box::new(CheckpointDraft::new(self.shared.disk.clone(), self.shard().id, start))
    }

    fn stats(&self) -> StoreStats {
        let (shared, shard) = (&self.shared, self.shard());
        StoreStats {
            batches: shard.batches.load(Relaxed),
            bytes: shard.bytes.load(Relaxed),
            index_bytes: shard.runs.read().index_bytes(),
            cache_bytes: shared.held.load(Relaxed),
            full: shared.full.load(Acquire),
            ..StoreStats::default()
        }
    }
}
