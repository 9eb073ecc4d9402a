//! Fetch: batches of several partitions, waiting for more when there is too little.

use std::time::Duration;

use trine_storage::{StoredBatch, Where};
use trine_types::Offset;

use crate::PartitionRef;

/// What to fetch (reference/kafka.md §4 "Fetch rules").
#[derive(Clone, Debug)]
pub struct FetchSpec {
    /// From where, in the order in which the byte limit is shared out.
    pub partitions: Vec<FetchPartition>,
    /// Wait until so many bytes are there.
    pub min_bytes: u32,
    /// Return no more than this, but always one batch if there is any.
    pub max_bytes: u32,
    /// Wait at most so long; zero answers at once.
    pub max_wait: Duration,
}

/// One partition of a fetch.
#[derive(Clone, Debug)]
pub struct FetchPartition {
    /// Which.
    pub partition: PartitionRef,
    /// The first offset wanted.
    pub from: Offset,
    /// At most so many bytes of this partition.
    pub max_bytes: u32,
    /// The leader epoch the client knows.
    pub current_leader_epoch: Option<i32>,
    /// The epoch of the last record the client has.
    pub last_fetched_epoch: Option<i32>,
}

/// The answer: one entry per partition of the request, in its order.
#[derive(Clone, Debug, Default)]
pub struct FetchResult {
    /// What was found.
    pub partitions: Vec<Result<Fetched, FetchError>>,
}

/// What a partition gave.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Where the log begins.
    pub log_start: Offset,
    /// The high watermark.
    pub end: Offset,
    /// Whole batches, ready to send; the first may begin before the wanted offset.
    pub batches: Vec<StoredBatch>,
    /// The client's log and this one part here; then there are no batches.
    pub diverging: Option<EpochEnd>,
}

/// Where a leader epoch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The largest epoch that is not larger than the asked one.
    pub epoch: i32,
    /// The first offset after it.
    pub end: Offset,
}

/// Why a partition gave nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    /// The topic was deleted, perhaps while the fetch was parked.
    #[error("the topic was deleted")]
    UnknownPartition,
    /// The offset is not in the log.
    #[error("offset {from} is outside of {log_start} to {end}")]
    OutOfRange {
        /// What was asked for.
        from: Offset,
        /// Where the log begins.
        log_start: Offset,
        /// Where it ends.
        end: Offset,
    },
    /// The client's leader epoch is older than ours.
    #[error("the leader epoch is {current} by now")]
    FencedEpoch {
        /// Ours.
        current: i32,
    },
    /// The client's leader epoch is newer than ours.
    #[error("the leader epoch is still {current}")]
    UnknownEpoch {
        /// Ours.
        current: i32,
    },
    /// The stored bytes are damaged; already reported.
    #[error("corrupt data in {0}")]
    Corrupt(Where),
    /// The disk did not give them; already reported.
    #[error("cannot read {0}")]
    Io(String),
}

/// A parked fetch.
#[derive(Debug)]
pub(crate) struct Waiter {}
