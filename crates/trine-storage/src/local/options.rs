//! Sizes and rates of the local store. Every one is a field, so that a simulation can run on files of 64 KiB (decision E13).

use std::time::Duration;

use trine_types::limits::SHARDS_DEFAULT;

use super::frame::PAGE_U64;

/// Most shard groups of a directory: their entries fit the control block.
pub const SHARDS_MAX: u16 = 48;

/// Sizes and rates of a [`super::LocalStore`]. The defaults are what measured best (`docs/internals/wal.md`).
#[derive(Clone, Debug, PartialEq)]
pub struct LocalOptions {
    /// Shard groups of a directory that is created now; an existing one keeps its own. At most [`SHARDS_MAX`].
    pub shards: u16,
    /// Length of the first log file in bytes; a multiple of 4096. Small, so that a first start does not wait for zeros.
    pub wal_file_min: u64,
    /// Length log files grow to under load, in bytes; a multiple of 4096. Less on a small disk.
    pub wal_file_max: u64,
    /// A log file that fills within this time makes the next one twice as long.
    pub wal_grow_within: Duration,
    /// Size of the log at which its oldest files are reclaimed, in bytes. Less on a small disk.
    pub wal_budget: u64,
    /// New log files are filled with zeros ahead while frames have fewer bytes than this on average. The sync of a frame takes longer in blocks that were never
    /// written, but with large frames by less than the disk needs for as many zeros.
    pub zeroed_frame_bytes: u64,
    /// A frame takes no more batches once it has this many bytes (decision E15).
    pub frame_bytes: usize,
    /// Bytes appended since the last checkpoint that ask for the next (or twice that checkpoint's size, if more).
    pub checkpoint_bytes: u64,
    /// Memory of the run index of the log, in bytes, at which reclaim starts early.
    pub index_bytes: u64,
    /// Memory of the tail cache in bytes.
    pub cache_bytes: u64,
    /// How long after the last read near the tail the cache is emptied.
    pub cache_idle: Duration,
    /// A segment file takes no more data once it has this many bytes.
    pub segment_bytes: u64,
    /// An entity with at least this many bytes in a reclaimed file gets (or keeps) a segment of its own; smaller ones share.
    pub segment_own_bytes: u64,
    /// Most bytes of a segment that one index entry stands for.
    pub extent_bytes: u32,
    /// A segment block takes no more batches once it has this many bytes.
    pub block_bytes: u32,
    /// More extents than this of one entity in shared segments are merged.
    pub shared_extents_max: usize,
    /// Background writes (zeros, segments, checkpoints) per second in bytes while the log is within its budget; 0: as fast as the disk.
    pub background_rate: u64,
    /// Bytes one step of background work writes at most: so much a sync of the log may have to wait for.
    pub slice_bytes: usize,
    /// Spare log files prepared ahead. More are kept when they become free and fit into `wal_budget` with the log; none with 0.
    pub spares: usize,
    /// Disk-full reserve: kept free are `reserve_share` of the disk, at most `reserve_max`, and at least two log files and `reserve_min` (decision
    /// E17).
    pub reserve_share: f64,
    /// See `reserve_share`; bytes.
    pub reserve_max: u64,
    /// See `reserve_share`; bytes.
    pub reserve_min: u64,
    /// How often the free space is looked at.
    pub space_interval: Duration,
    /// Open segment files.
    pub open_segments: usize,
    /// A bug for the crash simulation to find: batches are called durable before they are synced.
    #[cfg(any(test, feature = "planted-bugs"))]
    pub ack_before_sync: bool,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            shards: SHARDS_DEFAULT,
            wal_file_min: 8 << 20,
            wal_file_max: 128 << 20,
            wal_grow_within: Duration::from_secs(60),
            wal_budget: 1 << 30,
            zeroed_frame_bytes: 128 << 10,
            frame_bytes: 4 << 20,
            checkpoint_bytes: 256 << 20,
            index_bytes: 32 << 20,
            cache_bytes: 32 << 20,
            cache_idle: Duration::from_secs(2),
            segment_bytes: 128 << 20,
            segment_own_bytes: 64 << 10,
            extent_bytes: 1 << 20,
            block_bytes: 64 << 10,
            shared_extents_max: 16,
            background_rate: 100_000_000,
            slice_bytes: 256 << 10,
            spares: 2,
            reserve_share: 0.05,
            reserve_max: 2 << 30,
            reserve_min: 64 << 20,
            space_interval: Duration::from_secs(1),
            open_segments: 4096,
            #[cfg(any(test, feature = "planted-bugs"))]
            ack_before_sync: false,
        }
    }
}

/// The log takes at most this part of a small disk before it is reclaimed, and one of its files this part.
const DISK_PER_LOG: u64 = 8;
const DISK_PER_LOG_FILE: u64 = 32;

impl LocalOptions {
    /// These, for a disk of `total` bytes. On a small one a log within its usual budget would fill it with data that is dead already, and two spares of
    /// the usual length would be more than there is, so that it could never count as having space again.
    pub(crate) fn fit(mut self, total: u64) -> Self {
        let file = (total / DISK_PER_LOG_FILE).next_multiple_of(PAGE_U64);
        self.wal_file_max = self.wal_file_max.min(file.max(self.wal_file_min));
        self.wal_budget = self.wal_budget.min((total / DISK_PER_LOG).max(4 * self.wal_file_max));
        self
    }

    /// Everything small and unpaced: 64 KiB log files, a budget of four of them. For simulation and tests.
    #[must_use]
    pub fn small() -> Self {
        Self {
            shards: 2,
            wal_file_min: 64 << 10,
            wal_file_max: 64 << 10,
            wal_budget: 256 << 10,
            zeroed_frame_bytes: 8 << 10,
            frame_bytes: 16 << 10,
            checkpoint_bytes: 96 << 10,
            index_bytes: 64 << 10,
            cache_bytes: 64 << 10,
            segment_bytes: 128 << 10,
            segment_own_bytes: 8 << 10,
            extent_bytes: 16 << 10,
            block_bytes: 4 << 10,
            shared_extents_max: 4,
            background_rate: 0,
            slice_bytes: 16 << 10,
            reserve_max: 256 << 10,
            reserve_min: 64 << 10,
            open_segments: 8,
            ..Self::default()
        }
    }
}
