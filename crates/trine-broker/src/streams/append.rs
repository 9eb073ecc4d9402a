//! Append: a batch at the end of a partition.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use trine_core::streams::BatchFacts;
use trine_types::Offset;

use crate::Failure;

/// A batch that passed validation: format, counts and sizes are sound, timestamps as the topic wants them. Base offset and leader epoch are ignored.
#[derive(Clone, Debug)]
pub struct NewBatch {
    pub(crate) bytes: Bytes,
    pub(crate) facts: BatchFacts,
}

/// Room for a batch that waits for the disk. Held until the append is answered.
#[derive(Debug)]
pub struct Permit {
    _room: tokio::sync::OwnedSemaphorePermit,
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
    Queued(tokio::sync::oneshot::Receiver<Result<Appended, AppendError>>),
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
