//! Queues of a shard: drives the machine in `trine-core`.

mod batch;
mod lifecycle;

use trine_types::EntityId;

use super::{Reply, Shard};
use crate::{
    Failure,
    queues::{
        MoveError, MoveTask, MoveTaskId, Peek, PeekedPlace, QueueError, QueueRef, QueueStats, ReceiveCommand,
        SendCommand, SettleCommand, StartMove,
    },
};
pub(crate) use batch::OpenQueues;

/// The hot commands of queues, without an allocation of their own.
pub(crate) enum QueueCommand {
    /// Messages for a queue.
    Send(SendCommand),
    /// Somebody wants messages.
    Receive(ReceiveCommand),
    /// Messages that were handed out are done, kept or given back.
    Settle(SettleCommand),
}

impl Shard {
    pub(super) fn queue_command(&mut self, command: QueueCommand) {
        drop(command);
    }
    pub(crate) fn queue_altered(&mut self, _queue: &QueueRef, reply: Reply<Result<(), QueueError>>) {
        reply.send(Ok(()));
    }
    pub(crate) fn drop_queue(&mut self, _queue: &QueueRef) {}
    pub(crate) fn queue_take_back(&mut self, _queue: &QueueRef, _taken: Vec<(trine_core::queues::MessageNumber, u32)>) {
    }
    pub(crate) fn queue_leave(&mut self, _queue: EntityId, _ticket: u64) {}
    pub(crate) fn queue_stats(&mut self, _queue: &QueueRef, reply: Reply<QueueStats>) {
        reply.send(QueueStats::default());
    }
    pub(crate) fn queue_purge(&mut self, _queue: &QueueRef, reply: Reply<Result<u64, QueueError>>) {
        reply.send(Err(Failure::Stopping.into()));
    }
    pub(crate) fn queue_peek(&mut self, _queue: &QueueRef, _peek: Peek, reply: Reply<Vec<PeekedPlace>>) {
        reply.send(Vec::new());
    }
    pub(crate) fn queue_start_move(&mut self, _id: MoveTaskId, _new: StartMove, reply: Reply<Result<(), MoveError>>) {
        reply.send(Err(Failure::Stopping.into()));
    }
    pub(crate) fn queue_cancel_move(
        &mut self,
        _queue: &QueueRef,
        _id: MoveTaskId,
        reply: Reply<Result<u64, MoveError>>,
    ) {
        reply.send(Err(Failure::Stopping.into()));
    }
    pub(crate) fn queue_list_moves(&mut self, _queue: &QueueRef, reply: Reply<Vec<MoveTask>>) {
        reply.send(Vec::new());
    }
    pub(crate) fn clock_round(&mut self, reply: Reply<u64>) {
        self.answer(reply, 0);
    }
}
