//! Append: a batch at the end of a partition.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use trine_core::streams::{BatchFacts, ProducerStamp};
use trine_records::Validated;
use trine_types::Offset;

use super::Streams;
use crate::{
    Failure, PartitionRef,
    shard::{AppendCommand, Command},
};

/// What a waiting append costs beside its bytes, so that the byte limit bounds the number of tiny ones as well.
const APPEND_OVERHEAD_BYTES: usize = 512;

/// A batch that passed validation: format, counts and sizes are sound, timestamps as the topic wants them. Base offset and leader epoch are ignored.
#[derive(Clone, Debug)]
pub struct NewBatch {
    pub(crate) bytes: Bytes,
    pub(crate) facts: BatchFacts,
}

impl From<Validated> for NewBatch {
    fn from(validated: Validated) -> Self {
        let header = &validated.header;
        let producer = (header.producer_id >= 0).then_some(ProducerStamp {
            id: header.producer_id,
            epoch: header.producer_epoch,
            first_sequence: header.base_sequence,
        });
        // A batch says its length in 32 bits.
        let bytes = validated.bytes.len() as u32;
        let facts = BatchFacts { count: validated.count, bytes, max_ts: header.max_timestamp, producer };
        Self { bytes: validated.bytes, facts }
    }
}

impl NewBatch {
    /// A batch this server built itself (`trine_records::BatchBuilder`); `None` when it is not one.
    #[must_use]
    pub fn built(bytes: Bytes) -> Option<Self> {
        let facts = BatchFacts::from_batch(&bytes)?;
        Some(Self { bytes, facts })
    }

    /// Its size in bytes: what to ask a permit for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no bytes, which never is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Room for a batch that waits for the disk. Held until the append is answered.
#[derive(Debug)]
pub struct Permit {
    _room: OwnedSemaphorePermit,
}

/// The batch is in the log, as durable as the topic asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of its first record.
    pub base_offset: Offset,
    /// Where the log begins.
    pub log_start: Offset,
    /// Whether it was there already (a repeated request of an idempotent producer); nothing was appended.
    pub duplicate: bool,
}

/// Why a batch was not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The topic was deleted.
    #[error("the topic was deleted")]
    UnknownPartition,
    /// A newer instance of the producer took over.
    #[error("producer {id} has epoch {current}; epoch {got} is fenced off")]
    OldEpoch {
        /// Producer id.
        id: i64,
        /// Epoch of the batch.
        got: i16,
        /// Epoch of the newest instance.
        current: i16,
    },
    /// A batch of the producer is missing before this one.
    #[error("producer {id} sent sequence number {got} where {expected} is next")]
    OutOfOrder {
        /// Producer id.
        id: i64,
        /// Sequence number of the batch.
        got: i32,
        /// The next one.
        expected: i32,
    },
    /// Not about the batch.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The answer to an append, later. The append's place in the order is settled already.
#[derive(Debug)]
pub struct AppendFuture(pub(crate) AppendState);

#[derive(Debug)]
pub(crate) enum AppendState {
    /// Refused before it was queued.
    Refused(Option<AppendError>),
    /// With the shard.
    Queued(oneshot::Receiver<Result<Appended, AppendError>>),
}

impl Future for AppendFuture {
    type Output = Result<Appended, AppendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            AppendState::Refused(error) => {
                Poll::Ready(Err(error.take().unwrap_or(AppendError::Failure(Failure::Unknown))))
            }
            // A shard that drops the sender has failed: nobody knows what became of the batch.
            AppendState::Queued(answer) => {
                Pin::new(answer).poll(cx).map(|answer| answer.unwrap_or(Err(AppendError::Failure(Failure::Unknown))))
            }
        }
    }
}

impl Streams<'_> {
    /// Waits for room for a batch of so many bytes. The connection's task waits here, never a shard. One batch larger than all the room there is gets
    /// all of it.
    pub async fn permit(self, bytes: usize) -> Result<Permit, Failure> {
        let inner = &self.broker.inner;
        let all = inner.config.append_bytes_max.clamp(1, u32::MAX as usize >> 1);
        let wanted = bytes.saturating_add(APPEND_OVERHEAD_BYTES).min(all) as u32;
        match inner.append_room.clone().acquire_many_owned(wanted).await {
            Ok(room) => Ok(Permit { _room: room }),
            Err(_) => Err(Failure::Stopping),
        }
    }

    /// Appends a batch. When this returns, the batch has its place in the order: calls in a row are appended in a row, whenever their futures are
    /// polled. The future completes once the batch is as durable as its topic asks for; dropping it changes nothing.
    #[must_use]
    pub fn append(self, permit: Permit, partition: &PartitionRef, batch: NewBatch) -> AppendFuture {
        let (reply, answer) = oneshot::channel();
        let mailbox = self.broker.inner.mailbox_of(partition.entity());
        let command = AppendCommand { partition: partition.clone(), batch, permit, reply };
        match mailbox.push(Command::Append(command)) {
            Ok(()) => AppendFuture(AppendState::Queued(answer)),
            Err(failure) => AppendFuture(AppendState::Refused(Some(failure.into()))),
        }
    }
}
