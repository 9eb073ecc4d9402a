//! Streams: append, fetch, look up, trim.

mod append;
mod fetch;
mod find;
mod offsets;
mod read;

use trine_types::Offset;

pub use append::{AppendError, AppendFuture, Appended, NewBatch, Permit};
pub use fetch::{EpochEnd, FetchError, FetchPartition, FetchResult, FetchSpec, Fetched};
pub(crate) use find::{DECOMPRESSED_BYTES_MAX, damaged, first_from, scan};
pub use offsets::{FoundOffset, OffsetQuery, PartitionStats, StreamError};
pub(crate) use read::{ReadFailure, blocking, read};

use crate::{Broker, PartitionRef};

/// Reading and writing partitions.
#[derive(Clone, Copy)]
pub struct Streams<'a> {
    pub(crate) broker: &'a Broker,
}

impl Streams<'_> {
    /// Where a leader epoch ends; `None` when the epoch is not known.
    pub async fn epoch_end(self, partition: &PartitionRef, epoch: i32) -> Result<Option<EpochEnd>, StreamError> {
        let partition = partition.clone();
        let entity = partition.entity();
        self.broker.inner.call(entity, move |shard, reply| shard.epoch_end(&partition, epoch, reply)).await?
    }

    /// Drops everything below `to` (`None`: everything that is durable) and returns the log start, which is never lower than `to`.
    pub async fn trim(self, partition: &PartitionRef, to: Option<Offset>) -> Result<Offset, StreamError> {
        let partition = partition.clone();
        let entity = partition.entity();
        self.broker.inner.call(entity, move |shard, reply| shard.trim(partition, to, reply)).await?
    }

    /// Figures of a partition.
    #[must_use]
    pub fn partition_stats(self, partition: &PartitionRef) -> PartitionStats {
        let view = partition.view();
        let (log_start, end) = (view.log_start(), view.end());
        let bytes = match end {
            0 => 0,
            _ => self.broker.inner.store_of(view.entity()).bytes_in(view.entity(), log_start..end),
        };
        PartitionStats { log_start, end, bytes, leader_epoch: view.leader_epoch() }
    }
}
