//! What the handles, the commit loop and the background work of a local store share.
//!
//! Locks, in the order they may be taken: a shard's `log`, its `index`, the file table. None of them is held during I/O. `spares` alone is held while a
//! spare gets its name (a few milliseconds), because the commit loop must not choose the same number.

use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::{Condvar, Mutex, RwLock};
use trine_env::{Clock, Fs, Rng};
use trine_types::{EntityId, Lsn, Offset, ShardId, Timestamp};

use super::{
    cache::TailCache, checkpoint::OpenCheckpoint, files::Files, frame::WalPos, index::Index, options::LocalOptions,
    spare::Spares,
};
use crate::{Durability, Op, Request, Waker};

/// A batch between `append` and its frame.
pub(crate) struct Queued {
    pub(crate) lsn: Lsn,
    pub(crate) at: Timestamp,
    pub(crate) durability: Durability,
    pub(crate) ops: Vec<Op>,
    pub(crate) size: usize,
}

/// The appending end of a shard group.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) last: Lsn,
    pub(crate) queue: VecDeque<Queued>,
}

/// One shard group.
pub(crate) struct Shard {
    pub(crate) id: ShardId,
    pub(crate) log: Mutex<Log>,
    pub(crate) index: RwLock<Index>,
    pub(crate) written: AtomicU64,
    pub(crate) durable: AtomicU64,
    pub(crate) requests: Mutex<VecDeque<Request>>,
    pub(crate) batches: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) queued_bytes: AtomicU64,
}

impl Shard {
    pub(crate) fn new(id: ShardId, last: Lsn, index: Index) -> Self {
        Self {
            id,
            log: Mutex::new(Log { last, queue: VecDeque::new() }),
            index: RwLock::new(index),
            written: AtomicU64::new(last.0),
            durable: AtomicU64::new(last.0),
            requests: Mutex::default(),
            batches: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            queued_bytes: AtomicU64::new(0),
        }
    }

    pub(crate) fn durable(&self) -> Lsn {
        Lsn(self.durable.load(Ordering::Acquire))
    }

    pub(crate) fn written(&self) -> Lsn {
        Lsn(self.written.load(Ordering::Acquire))
    }

    /// All up to `to` is durable; whether that is news.
    pub(crate) fn raise_durable(&self, to: Lsn) -> bool {
        self.durable.fetch_max(to.0, Ordering::AcqRel) < to.0
    }
}

/// Places in the log that others need to know.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Heads {
    /// End of the last written frame: every batch not written yet will lie at or after it.
    pub(crate) written: WalPos,
    /// End of the last frame whose batches the run indexes know as stored.
    pub(crate) indexed: WalPos,
    /// All before it is durable.
    pub(crate) synced: WalPos,
}

/// What the handles tell the background work.
pub(crate) enum Message {
    /// A checkpoint was begun.
    Checkpoint(Arc<OpenCheckpoint>),
    /// An answer to [`Request::Live`].
    Live { entity: EntityId, range: std::ops::Range<Offset>, live: Vec<std::ops::Range<Offset>>, applied: Lsn },
}

/// Wakes a thread that waits; remembers a wake-up that comes first.
#[derive(Default)]
pub(crate) struct Signal {
    set: AtomicBool,
    lock: Mutex<()>,
    cond: Condvar,
}

impl Signal {
    pub(crate) fn notify(&self) {
        if !self.set.swap(true, Ordering::AcqRel) {
            drop(self.lock.lock());
            self.cond.notify_one();
        }
    }

    /// Waits until notified or the time is over.
    pub(crate) fn wait(&self, at_most: Duration) {
        let mut guard = self.lock.lock();
        if !self.set.load(Ordering::Acquire) {
            self.cond.wait_for(&mut guard, at_most);
        }
        self.set.store(false, Ordering::Release);
    }
}

/// Free space, as last seen.
#[derive(Default)]
pub(crate) struct SpaceState {
    pub(crate) full: AtomicBool,
    pub(crate) free: AtomicU64,
    pub(crate) needed: AtomicU64,
}

/// Counters since start.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) syncs: AtomicU64,
    pub(crate) sync_us: AtomicU64,
    /// Bytes of batches written to the log.
    pub(crate) logged: AtomicU64,
    /// Bytes of numbered log files.
    pub(crate) wal: AtomicU64,
    /// Bytes of segments.
    pub(crate) segments: AtomicU64,
}

/// See the module.
pub(crate) struct Shared {
    pub(crate) fs: Arc<dyn Fs>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) dir: PathBuf,
    pub(crate) uuid: [u8; 16],
    pub(crate) options: LocalOptions,
    pub(crate) waker: Waker,
    pub(crate) shards: Vec<Shard>,
    pub(crate) files: Files,
    pub(crate) cache: TailCache,
    pub(crate) heads: Mutex<Heads>,
    pub(crate) spares: Mutex<Spares>,
    pub(crate) inbox: Mutex<Vec<Message>>,
    pub(crate) space: SpaceState,
    pub(crate) counters: Counters,
    /// Next number of a segment; they are never reused within the life of the process, and after it only if nothing durable named them.
    pub(crate) next_segment: AtomicU64,
    /// Next number of a checkpoint or index file.
    pub(crate) next_id: AtomicU64,
    /// A checkpoint waits for a batch that was only written: sync soon.
    pub(crate) force_sync: AtomicBool,
    /// Set by `close`: nothing more is appended.
    pub(crate) closed: AtomicBool,
    pub(crate) commit_signal: Signal,
    pub(crate) maintain_signal: Signal,
    failure: OnceLock<Arc<str>>,
}

/// The parts of [`Shared`] that recovery finds out.
pub(crate) struct Recovered {
    pub(crate) shards: Vec<Shard>,
    pub(crate) files: Files,
    pub(crate) heads: Heads,
    pub(crate) spares: Spares,
    pub(crate) next_segment: u64,
    pub(crate) next_id: u64,
}

/// The seams and settings of a store.
pub(crate) struct Seams {
    pub(crate) fs: Arc<dyn Fs>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) dir: PathBuf,
    pub(crate) options: LocalOptions,
    pub(crate) waker: Waker,
}

impl Shared {
    pub(crate) fn new(seams: Seams, uuid: [u8; 16], recovered: Recovered) -> Self {
        let Seams { fs, clock, rng, dir, options, waker } = seams;
        Self {
            fs,
            clock,
            rng,
            dir,
            uuid,
            waker,
            shards: recovered.shards,
            files: recovered.files,
            cache: TailCache::new(options.cache_bytes, options.cache_idle),
            options,
            heads: Mutex::new(recovered.heads),
            spares: Mutex::new(recovered.spares),
            inbox: Mutex::default(),
            space: SpaceState::default(),
            counters: Counters::default(),
            next_segment: AtomicU64::new(recovered.next_segment),
            next_id: AtomicU64::new(recovered.next_id),
            force_sync: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            commit_signal: Signal::default(),
            maintain_signal: Signal::default(),
            failure: OnceLock::new(),
        }
    }

    /// The error that stopped the store.
    pub(crate) fn failure(&self) -> Option<Arc<str>> {
        self.failure.get().cloned()
    }

    /// Stops the store for good (G7) and tells the owners.
    pub(crate) fn fail(&self, what: &str, error: &io::Error) {
        if self.failure.set(format!("{what}: {error}").into()).is_ok() {
            for shard in &self.shards {
                (self.waker)(shard.id);
            }
            self.commit_signal.notify();
            self.maintain_signal.notify();
        }
    }

    pub(crate) fn failed(&self) -> bool {
        self.failure.get().is_some()
    }

    /// Puts a request to a shard's owner and tells it.
    pub(crate) fn ask(&self, shard: &Shard, request: Request) {
        let mut requests = shard.requests.lock();
        if !requests.contains(&request) {
            requests.push_back(request);
        }
        drop(requests);
        (self.waker)(shard.id);
    }

    /// The shard of an entity; `None` for an id of no shard here (an owner's bug or a damaged file).
    pub(crate) fn shard_of(&self, entity: EntityId) -> Option<&Shard> {
        self.shards.get(usize::from(entity.shard(self.shards.len() as u16).0))
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Tells the background work.
    pub(crate) fn send(&self, message: Message) {
        self.inbox.lock().push(message);
        self.maintain_signal.notify();
    }
}
