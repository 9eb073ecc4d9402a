//! Looking up offsets and figures.

use trine_storage::Where;
use trine_types::{Offset, Timestamp};

use crate::Failure;

/// Which offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetQuery {
    /// The first that exists.
    Earliest,
    /// The high watermark.
    Latest,
    /// The record with the largest timestamp.
    MaxTimestamp,
    /// The first record whose timestamp is at least this.
    At(Timestamp),
}

/// Answer to an [`OffsetQuery`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundOffset {
    /// The offset; `None` when no record fits.
    pub offset: Option<Offset>,
    /// Timestamp of the record, for queries by time.
    pub timestamp: Option<i64>,
    /// Leader epoch of the offset, or of the partition.
    pub leader_epoch: i32,
}

/// Figures of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionStats {
    /// Where the log begins.
    pub log_start: Offset,
    /// The high watermark.
    pub end: Offset,
    /// Bytes of its batches, approximately.
    pub bytes: u64,
    /// The leader epoch.
    pub leader_epoch: i32,
}

/// Why looking up or trimming failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StreamError {
    /// The topic was deleted.
    #[error("the topic was deleted")]
    UnknownPartition,
    /// The offset is not in the log.
    #[error("offset {asked} is outside of {log_start} to {end}")]
    OutOfRange {
        /// What was asked for.
        asked: Offset,
        /// Where the log begins.
        log_start: Offset,
        /// Where it ends.
        end: Offset,
    },
    /// The stored bytes are damaged; already reported.
    #[error("corrupt data in {0}")]
    Corrupt(Where),
    /// The disk did not give them; already reported.
    #[error("cannot read {0}")]
    Io(String),
    /// Not about the partition.
    #[error(transparent)]
    Failure(#[from] Failure),
}
