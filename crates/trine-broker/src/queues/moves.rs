//! Moving messages from one queue to another: dead letters back to where they came from, or to anywhere else (SQS's message move tasks).

use super::{MoveError, MoveTask, MoveTaskId, QueueRef, Queues, StartMove};
use crate::Failure;

/// Most messages that one task can be told by number, and most bodies it can replace.
pub const MOVE_LIST_MAX: usize = 10_000;

impl Queues<'_> {
    /// Starts a move task; at most one runs per source. Each message arrives behind what is in the destination, as a new message: with another id, sent
    /// now, never received; body, headers and group stay, unless edited.
    pub async fn start_move(self, new: StartMove) -> Result<MoveTaskId, MoveError> {
        if let Some(destination) = &new.destination {
            if *destination == new.source {
                return Err(MoveError::SameQueue);
            }
            if destination.settings().fifo != new.source.settings().fifo {
                return Err(MoveError::KindDiffers);
            }
            if destination.is_deleted() {
                return Err(MoveError::NotFound);
            }
        }
        if new.only.as_ref().is_some_and(|only| only.len() > MOVE_LIST_MAX) || new.edits.len() > MOVE_LIST_MAX {
            return Err(Failure::Busy { limit: "move_list_max", value: MOVE_LIST_MAX as u64 }.into());
        }
        let inner = &self.broker.inner;
        let id = inner.random_id();
        inner.call(new.source.entity(), move |shard, reply| shard.queue_start_move(id, new, reply)).await??;
        Ok(id)
    }

    /// Stops a move task that runs and returns how many messages it has moved so far; what is on its way still arrives.
    pub async fn cancel_move(self, source: &QueueRef, id: MoveTaskId) -> Result<u64, MoveError> {
        let queue = source.clone();
        let inner = &self.broker.inner;
        inner.call(source.entity(), move |shard, reply| shard.queue_cancel_move(&queue, id, reply)).await?
    }

    /// The move tasks of a source, newest first: the one that runs and the last ten that did.
    pub async fn list_moves(self, source: &QueueRef) -> Result<Vec<MoveTask>, Failure> {
        let queue = source.clone();
        let inner = &self.broker.inner;
        inner.call(source.entity(), move |shard, reply| shard.queue_list_moves(&queue, reply)).await
    }
}
