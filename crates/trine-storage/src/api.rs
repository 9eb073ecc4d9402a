//! The contract every store implements (guarantees G1–G8 of the conformance suite):
//! G1 a batch is atomic · G2 batches of a shard group are totally ordered · G3 `durable() >= n` means all LSNs ≤ n survive any crash ·
//! G4 one writer (LOCK, later an epoch) · G5 no lies: an error other than Full before submission means *unknown* ·
//! G6 reads return the bytes appended or `Corrupt` · G7 failure is sticky · G8 trims and checkpoints never lose data above the trim point, and
//! repeating them is harmless.

use std::{fmt, ops::Range, sync::Arc};

use bytes::Bytes;
use trine_types::{EntityId, Lsn, Offset, ShardId, Timestamp};

/// Type of an operation. The store gives no meaning to it; `trine-core` owns the numbers, which are permanent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OpKind(pub u16);

/// One operation on exactly one entity (decision E6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// What it is.
    pub kind: OpKind,
    /// Whose state it changes.
    pub entity: EntityId,
    /// The operation's own fields, opaque to the store.
    pub meta: Bytes,
    /// Message bytes that the store must be able to read back by offset.
    pub run: Option<Run>,
}

/// A record batch v2 of consecutive offsets of one entity, as a producer sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Offset of the first record. The store writes it into the batch (bytes 0..8, big endian) when it copies the batch into a frame.
    pub base: Offset,
    /// Number of offsets it covers (last_offset_delta + 1), at least 1.
    pub count: u32,
    /// Largest record timestamp, for [`ShardStore::find_time`].
    pub max_ts: i64,
    /// Leader epoch, written into the batch (bytes 12..16, big endian).
    pub leader_epoch: i32,
    /// The batch, at least 61 bytes. Its base offset and leader epoch are whatever the producer sent.
    pub batch: Bytes,
}

/// When a batch must reach the disk (decision E7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// Before it is answered: the next fdatasync is at once.
    Sync,
    /// Answered once written; synced at most this many milliseconds later. Any sync covers all.
    Interval(u32),
}

/// Operations that become durable together or not at all (G1).
#[derive(Clone, Debug)]
pub struct OpBatch {
    /// Message time of the decision: the only time apply may read (decision E2). Never falls within a shard group.
    pub at: Timestamp,
    /// When to sync.
    pub durability: Durability,
    /// Whether it may use the disk-full reserve: commits, trims, deletes and group changes may; produced data may not.
    pub reserve: bool,
    /// The operations, at least one.
    pub ops: Vec<Op>,
}

/// A batch read back: whole, with base offset and leader epoch patched, its CRC verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBatch {
    /// Offset of its first record.
    pub base: Offset,
    /// Offsets it covers.
    pub count: u32,
    /// The bytes to send.
    pub bytes: Bytes,
}

impl StoredBatch {
    /// The first offset after this batch.
    #[must_use]
    pub const fn end(&self) -> Offset {
        self.base + self.count as u64
    }
}

/// Where corruption was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Where {
    /// Path of the file, relative to the data directory.
    pub file: String,
    /// Byte position in it.
    pub pos: u64,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.file, self.pos, self.what)
    }
}

/// Why an append was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk is (nearly) full; known not to be written; retriable.
    #[error("the disk is full: {free} bytes are free, {needed} are kept in reserve")]
    Full { free: u64, needed: u64 },
    /// The store has failed or is closed; it never works again (G7).
    #[error("the store has stopped: {0}")]
    Stopped(Arc<str>),
}

/// Why a read failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes are not what was appended.
    #[error("corrupt data in {0}")]
    Corrupt(Where),
    /// The disk did not give them.
    #[error("cannot read {0}")]
    Io(Arc<str>),
    /// The data is not in memory and the caller said not to wait for the disk: ask again from a thread that may block.
    #[error("the data is on disk")]
    WouldBlock,
}

/// Why a store could not be opened or closed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process uses the directory.
    #[error("the data directory {0} is in use by another process")]
    Locked(String),
    /// Acknowledged data is damaged.
    #[error("corrupt data in {0}")]
    Corrupt(Where),
    /// The directory was written by an unknown format.
    #[error("{0}")]
    Format(String),
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        what: String,
        #[source]
        source: std::io::Error,
    },
}

/// Called, from any thread, when a shard group's watermarks moved or [`ShardStore::request`] has something. Must not block.
pub type Waker = Arc<dyn Fn(ShardId) + Send + Sync>;

/// What the store asks of the owner of a shard group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Write a checkpoint soon ([`ShardStore::checkpoint`]).
    Checkpoint,
    /// Say which offsets of these ranges are still live ([`ShardStore::live`]); the files that hold the rest are wanted back.
    Live(Vec<(EntityId, Range<Offset>)>),
}

/// State of one entity in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Whose state.
    pub entity: EntityId,
    /// The last LSN it contains; replay skips the entity's operations up to it (decision E6).
    pub as_of: Lsn,
    /// The state, opaque to the store.
    pub bytes: Bytes,
}

/// Receives what recovery finds, in order: all sections of a shard group before its batches.
pub trait Replay {
    /// The state of one entity in the newest checkpoint.
    fn section(&mut self, shard: ShardId, section: Section);
    /// One batch of the log after the checkpoint's start. It may contain operations that a section already has (their LSN is ≤ the section's `as_of`).
    /// `run.batch` is the whole stored batch; `apply` must not need more than its 61-byte header.
    fn batch(&mut self, shard: ShardId, lsn: Lsn, at: Timestamp, ops: Vec<Op>);
}

/// An opened data directory (or memory).
pub struct Opened {
    /// One handle per shard group, in order.
    pub stores: Vec<Arc<dyn ShardStore>>,
    /// The last LSN of each; the next append gets the one after it.
    pub last: Vec<Lsn>,
    /// Whether the previous process ended without closing the store.
    pub unclean: bool,
    /// What makes it move.
    pub engine: Box<dyn Engine>,
}

/// The moving parts of a store: threads in production, steps in simulation.
pub trait Engine: Send {
    /// One commit round: takes what is queued, writes it, syncs if due, publishes the watermarks, calls the waker. False when nothing was to be done.
    fn commit(&mut self) -> bool;
    /// One bounded slice of background work: zeroing spares, publishing checkpoints, reclaiming. False when nothing was to be done.
    fn maintain(&mut self) -> bool;
    /// Hands both to threads of their own.
    fn start(self: Box<Self>) -> Box<dyn Running>;
    /// Ends without threads: what [`Running::close`] does.
    fn close(self: Box<Self>) -> Result<(), StoreError>;
}

/// A started store.
pub trait Running: Send {
    /// Clean stop: commits what is queued, publishes finished checkpoints, records the clean end, ends the threads. The owner has written its last
    /// checkpoint before and appends nothing more.
    fn close(self: Box<Self>) -> Result<(), StoreError>;
}

/// Receives the sections of one checkpoint. Dropping it without `finish` abandons the checkpoint.
pub trait CheckpointWriter: Send {
    /// Adds the state of one entity; `as_of` is the last LSN applied to the shard when it was encoded.
    fn section(&mut self, section: Section);
    /// All entities were written. Publishing happens in the background once every `as_of` is durable.
    fn finish(self: Box<Self>);
}

/// One shard group's store. Single writer; reads from any thread.
pub trait ShardStore: Send + Sync + 'static {
    /// Which group this is.
    fn shard(&self) -> ShardId;

    /// Queues one atomic batch; the order of calls is the order of LSNs. Does not wait for the disk. The bytes can be read at once, by the owner only
    /// above the durable end.
    fn append(&self, batch: OpBatch) -> Result<Lsn, AppendError>;

    /// Whether a batch without `reserve` would be taken now. An owner that applies many decisions before it appends them asks first and then appends with
    /// `reserve`: what was admitted is never refused for want of space. How much it decides in between is its to bound.
    fn admit(&self) -> Result<(), AppendError>;

    /// All LSNs up to this one were written (they survive the process, not the power).
    fn written(&self) -> Lsn;

    /// All LSNs up to this one survive any crash.
    fn durable(&self) -> Lsn;

    /// The error that stopped the store, if any (G7). The process must report it and end (law 7).
    fn failure(&self) -> Option<Arc<str>>;

    /// Batches of `entity` from the one that contains `from` (or, after a gap, the next one), whole, in order, until `max_bytes` is reached or a batch
    /// starts at or after `below`; the first is returned whatever its size. With `may_block` false, data that is not in memory gives `WouldBlock`.
    fn read(
        &self,
        entity: EntityId,
        from: Offset,
        below: Offset,
        max_bytes: usize,
        may_block: bool,
    ) -> Result<Vec<StoredBatch>, ReadError>;

    /// Base offset of the first run whose largest timestamp is ≥ `ts`. A run is at least one batch; data that was moved out of the log forms runs of
    /// many batches, so the caller reads on from there until it meets the record.
    fn find_time(&self, entity: EntityId, ts: i64) -> Option<Offset>;

    /// Bytes of `entity` held for offsets in the range, approximately (whole runs).
    fn bytes_in(&self, entity: EntityId, range: Range<Offset>) -> u64;

    /// Data below `below` is dead. Called only after the trim's record is durable. Idempotent, lazy.
    fn trim(&self, entity: EntityId, below: Offset);

    /// The entity is gone. Called only after its record is durable. Idempotent, lazy.
    fn drop_entity(&self, entity: EntityId);

    /// Replaces the batches in `range` by `batches` (log compaction): the new copy is synced before it is used, the old one kept until the flip after
    /// next. Blocks on disk writes: call it from a thread that may block.
    fn rewrite(&self, entity: EntityId, range: Range<Offset>, batches: Vec<Run>) -> Result<(), StoreError>;

    /// What the store wants from the owner, if anything.
    fn request(&self) -> Option<Request>;

    /// Answers [`Request::Live`]: of `range`, only `live` is needed as of `applied`.
    fn live(&self, entity: EntityId, range: Range<Offset>, live: Vec<Range<Offset>>, applied: Lsn);

    /// Starts a checkpoint whose replay starts after `start` (the last LSN applied now).
    fn checkpoint(&self, start: Lsn) -> Box<dyn CheckpointWriter>;

    /// Figures for metrics and `status`.
    fn stats(&self) -> StoreStats;
}

/// Figures of a store; counters are since start. `batches`, `bytes`, `queued_bytes` and `index_bytes` are the shard group's own, the rest is of the whole
/// directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Batches appended.
    pub batches: u64,
    /// Bytes of batches appended.
    pub bytes: u64,
    /// Bytes appended and not yet written: what a permit of the caller should bound.
    pub queued_bytes: u64,
    /// fdatasync calls of the log (shared by all shard groups locally).
    pub syncs: u64,
    /// Sum of their durations in microseconds.
    pub sync_us: u64,
    /// Bytes of write-ahead log in use.
    pub wal_bytes: u64,
    /// The size the log is meant to stay within; above twice this the caller should slow appends down (decision E15). 0: no such limit.
    pub wal_budget: u64,
    /// Bytes of segments in use.
    pub segment_bytes: u64,
    /// Memory of the run index, bytes.
    pub index_bytes: u64,
    /// Memory of the tail cache, bytes.
    pub cache_bytes: u64,
    /// Whether appends without `reserve` are refused because the disk is full.
    pub full: bool,
}
