//! Moving messages from one queue to another: dead letters back to where they came from, or to anywhere else (SQS's message move tasks).

use bytes::Bytes;
use trine_core::queues::MessageNumber;
use trine_records::BatchBuilder;
use trine_types::QueueName;

use super::{MoveError, MoveTask, MoveTaskId, Peek, QueueRef, Queues, ReceiveError, StartMove, stored::Content};
use crate::Failure;

/// Most bodies that one task can replace.
pub const MOVE_EDITS_MAX: usize = 1000;

/// [`MoveTask::failure`] of a task that cannot tell where a message came from.
pub const MOVE_NO_ORIGIN: &str = "a message did not come from another queue";
/// [`MoveTask::failure`] of a task whose destination is not there.
pub const MOVE_NO_DESTINATION: &str = "the destination does not exist";

/// A move task to start.
pub(crate) struct StartMoveCommand {
    pub(crate) id: MoveTaskId,
    pub(crate) source: QueueRef,
    pub(crate) destination: Option<QueueName>,
    pub(crate) rate: Option<u32>,
    pub(crate) max: Option<u64>,
    pub(crate) only: Vec<MessageNumber>,
    pub(crate) replacements: Vec<Replacement>,
}

/// A message with a new body.
pub(crate) struct Replacement {
    pub(crate) number: MessageNumber,
    pub(crate) size: u32,
    /// Its record, alone in a batch.
    pub(crate) batch: Bytes,
}

impl Queues<'_> {
    /// Starts a move task; at most one runs per source. Each message arrives behind what is in the destination, as a new message: with another id, sent
    /// now, never received; body, headers and group stay. Messages with a new body are replaced in the source first, behind all others, if they can be
    /// received; that is done when this returns, and stays done should the task fail.
    pub async fn start_move(self, new: StartMove) -> Result<MoveTaskId, MoveError> {
        let settings = new.source.settings();
        if let Some(destination) = &new.destination {
            if *destination == new.source {
                return Err(MoveError::SameQueue);
            }
            if destination.settings().fifo != settings.fifo {
                return Err(MoveError::KindDiffers);
            }
            if destination.is_deleted() {
                return Err(MoveError::NotFound);
            }
        }
        if new.edits.len() > MOVE_EDITS_MAX {
            return Err(MoveError::TooMany { max: MOVE_EDITS_MAX as u64, got: new.edits.len() as u64 });
        }
        let mut replacements = Vec::with_capacity(new.edits.len());
        for (number, body) in new.edits {
            replacements.extend(self.replacement(&new.source, number, body).await?);
        }
        let inner = &self.broker.inner;
        let id = inner.random_id();
        let command = StartMoveCommand {
            id,
            destination: new.destination.as_ref().map(QueueRef::name),
            rate: new.rate,
            max: new.max,
            only: new.only.unwrap_or_default(),
            replacements,
            source: new.source,
        };
        let entity = command.source.entity();
        inner.call(entity, move |shard, reply| shard.queue_start_move(command, reply)).await??;
        Ok(id)
    }

    /// A message with another body; `None` when it is not there.
    async fn replacement(
        self,
        queue: &QueueRef,
        number: MessageNumber,
        body: Bytes,
    ) -> Result<Option<Replacement>, MoveError> {
        let peek = Peek { state: None, from: Some(number), limit: 1 };
        let found = self.peek(queue, peek).await.map_err(|error| match error {
            ReceiveError::Failure(failure) => MoveError::Failure(failure),
            other => MoveError::Read(other.to_string()),
        })?;
        let Some(mut peeked) = found.messages.into_iter().find(|peeked| peeked.number == number) else {
            return Ok(None);
        };
        peeked.message.body = body;
        let message = &peeked.message;
        let headers: usize = message.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let mut batch = BatchBuilder::new();
        Content::of_stored(message).push(&mut batch, message.sent_at);
        let size = u32::try_from(message.body.len() + headers).unwrap_or(u32::MAX);
        let too_large =
            MoveError::Failure(Failure::Busy { limit: "send_bytes_max", value: super::SEND_BYTES_MAX as u64 });
        if size as usize > super::SEND_BYTES_MAX {
            return Err(too_large);
        }
        let batch = batch.build().map_err(|_| too_large)?;
        Ok(Some(Replacement { number, size, batch }))
    }

    /// Stops a move task that runs and returns how many messages it has moved so far; what is on its way still arrives.
    pub async fn cancel_move(self, source: &QueueRef, id: MoveTaskId) -> Result<u64, MoveError> {
        let queue = source.clone();
        let inner = &self.broker.inner;
        inner.call(source.entity(), move |shard, reply| shard.queue_cancel_move(&queue, id, reply)).await?
    }

    /// The move tasks of a source, newest first.
    pub async fn list_moves(self, source: &QueueRef) -> Result<Vec<MoveTask>, Failure> {
        let queue = source.clone();
        let inner = &self.broker.inner;
        inner.call(source.entity(), move |shard, reply| shard.queue_list_moves(&queue, reply)).await
    }
}
