//! Streams: append, fetch, look up, trim.

mod append;
mod fetch;
mod offsets;

pub use append::{AppendError, AppendFuture, Appended, NewBatch, Permit};
pub(crate) use fetch::Waiter;
pub use fetch::{EpochEnd, FetchError, FetchPartition, FetchResult, FetchSpec, Fetched};
pub use offsets::{FoundOffset, OffsetQuery, PartitionStats, StreamError};

use trine_types::Offset;

use crate::{Broker, PartitionRef};

/// Reading and writing partitions.
#[derive(Clone, Copy)]
pub struct Streams<'a> {
    pub(crate) broker: &'a Broker,
}

impl Streams<'_> {
    /// Waits for room for a batch of so many bytes. The connection's task waits here, never a shard.
    pub async fn permit(&self, bytes: usize) -> Result<Permit, crate::Failure> {
        let _ = bytes;
        crate::later()
    }

    /// Appends a batch. When this returns, the batch has its place in the order: calls in a row are appended in a row, whenever their futures are
    /// polled. The future completes once the batch is as durable as its topic asks for; dropping it changes nothing.
    #[must_use]
    pub fn append(&self, permit: Permit, partition: &PartitionRef, batch: NewBatch) -> AppendFuture {
        let _ = (permit, partition, batch);
        crate::later()
    }

    /// Reads several partitions, waiting for more if there is too little. Dropping the future ends the wait.
    pub async fn fetch(&self, spec: FetchSpec) -> FetchResult {
        let _ = spec;
        crate::later()
    }

    /// Looks an offset up, exact to the record.
    pub async fn offset_for(&self, partition: &PartitionRef, query: OffsetQuery) -> Result<FoundOffset, StreamError> {
        let _ = (partition, query);
        crate::later()
    }

    /// Where a leader epoch ends; `None` when the epoch is not known.
    pub async fn epoch_end(&self, partition: &PartitionRef, epoch: i32) -> Result<Option<EpochEnd>, StreamError> {
        let _ = (partition, epoch);
        crate::later()
    }

    /// Drops everything below `to` (`None`: everything that is durable) and returns the new log start.
    pub async fn trim(&self, partition: &PartitionRef, to: Option<Offset>) -> Result<Offset, StreamError> {
        let _ = (partition, to);
        crate::later()
    }

    /// Figures of a partition.
    #[must_use]
    pub fn partition_stats(&self, partition: &PartitionRef) -> PartitionStats {
        let _ = (self.broker, partition);
        crate::later()
    }
}
