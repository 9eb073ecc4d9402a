//! Receive: messages out of a queue, waiting for the first one if asked to.

use std::sync::{Arc, atomic::Ordering};

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use trine_types::Timestamp;

use super::{
    Delivery, QueueRef, Queues, Receive, ReceiveError, Signer,
    read::{Place, ReadError, Reader},
};
use crate::{
    Failure,
    broker::Inner,
    shard::{Command, QueueCommand},
};

/// Somebody wants messages.
pub(crate) struct ReceiveCommand {
    pub(crate) queue: QueueRef,
    pub(crate) receive: Receive,
    /// Rises from receive to receive: the order in which those that wait are served.
    pub(crate) ticket: u64,
    /// The caller's share of the bound on waiting receives.
    pub(crate) room: OwnedSemaphorePermit,
    pub(crate) reply: oneshot::Sender<Result<Taken, ReceiveError>>,
}

/// A message that was handed out.
#[derive(Clone, Debug)]
pub(crate) struct TakenMessage {
    pub(crate) place: Place,
    pub(crate) count: u32,
    pub(crate) first_received_at: Timestamp,
    pub(crate) visible_at: Timestamp,
}

/// Messages on their way to whoever asked for them. Dropped before they arrived, they are given back at once; that they were taken counts.
pub(crate) struct Taken {
    inner: Arc<Inner>,
    queue: QueueRef,
    messages: Vec<TakenMessage>,
}

impl Taken {
    pub(crate) fn new(inner: &Arc<Inner>, queue: QueueRef, messages: Vec<TakenMessage>) -> Self {
        if !messages.is_empty() {
            inner.counters.deliveries_under_way.add(1);
        }
        Self { inner: Arc::clone(inner), queue, messages }
    }

    /// Nothing.
    pub(crate) fn none(inner: &Arc<Inner>, queue: QueueRef) -> Self {
        Self::new(inner, queue, Vec::new())
    }

    /// The first `n` have arrived; the others are given back.
    fn arrived(mut self, n: usize) {
        self.messages.drain(..n.min(self.messages.len()));
        if n > 0 && self.messages.is_empty() {
            self.inner.counters.deliveries_under_way.sub(1);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let messages = std::mem::take(&mut self.messages);
        if messages.is_empty() {
            return;
        }
        self.inner.counters.deliveries_under_way.sub(1);
        let queue = self.queue.clone();
        let back = move |shard: &mut crate::shard::Shard| {
            let taken: Vec<_> = messages.iter().map(|message| (message.place.number, message.count)).collect();
            shard.queue_take_back(&queue, &taken);
        };
        self.inner.mailbox_of(self.queue.entity()).push_internal(Command::Call(Box::new(back)));
    }
}

/// Somebody who waits. Dropped before the answer came, it leaves the queue's list.
struct Waiting<'a> {
    inner: &'a Inner,
    queue: &'a QueueRef,
    ticket: u64,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let (queue, ticket) = (self.queue.entity(), self.ticket);
            let leave = move |shard: &mut crate::shard::Shard| shard.queue_leave(queue, ticket);
            self.inner.mailbox_of(queue).push_internal(Command::Call(Box::new(leave)));
        }
    }
}

impl Queues<'_> {
    /// Takes up to `max` messages; with `wait`, waits for the first one, first come first served. The wait ends in connection time or message time,
    /// whichever is over first, with an empty answer; it also ends empty when the server stops. Dropping the future while it waits takes nothing;
    /// messages taken but not returned are given back at once, with their receive counted.
    pub async fn receive(self, queue: &QueueRef, receive: Receive) -> Result<Vec<Delivery>, ReceiveError> {
        let inner = &self.broker.inner;
        let busy = || Failure::Busy { limit: "receives_waiting_max", value: inner.config.receives_waiting_max as u64 };
        let room = Arc::clone(&inner.receive_room).try_acquire_owned().map_err(|_| {
            inner.counters.refused.add(1);
            busy()
        })?;
        let (reply, answer) = oneshot::channel();
        let ticket = inner.tickets.fetch_add(1, Ordering::Relaxed);
        let command = ReceiveCommand { queue: queue.clone(), receive, ticket, room, reply };
        inner.mailbox_of(queue.entity()).push(Command::Queue(QueueCommand::Receive(command)))?;
        let mut waiting = Waiting { inner, queue, ticket, answered: false };
        let answer = answer.await;
        waiting.answered = true;
        let taken = answer.unwrap_or(Err(ReceiveError::Failure(Failure::Unknown)))?;
        let (deliveries, looked_at) = deliveries(inner, &taken).await?;
        taken.arrived(looked_at);
        Ok(deliveries)
    }
}

/// Reads what was taken, and tells how many of them it looked at. What is gone meanwhile is left out; what cannot be read comes back when its visibility
/// is over, unless there is nothing else: then the receive fails and everything is given back. A FIFO queue's answer ends where one cannot be read: what
/// comes after it may be of its group.
async fn deliveries(inner: &Arc<Inner>, taken: &Taken) -> Result<(Vec<Delivery>, usize), ReceiveError> {
    let signer = Signer::new(&inner.receipt_key());
    let entity = taken.queue.entity();
    let mut reader = Reader::new(inner);
    let mut deliveries = Vec::with_capacity(taken.messages.len());
    let fifo = taken.queue.settings().fifo;
    let mut failed = None;
    let mut looked_at = 0;
    for one in &taken.messages {
        looked_at += 1;
        match reader.message(&one.place).await {
            Ok(message) => deliveries.push(Delivery {
                receipt: signer.sign(entity, one.place.number, one.count, one.place.sent_at),
                receive_count: one.count,
                first_received_at: one.first_received_at,
                visible_at: one.visible_at,
                message,
            }),
            Err(ReadError::Gone) => {}
            Err(ReadError::Failed(what)) => {
                failed = Some(what);
                if fifo {
                    break;
                }
            }
        }
    }
    match failed {
        Some(what) if deliveries.is_empty() => Err(ReceiveError::Read(what)),
        _ => Ok((deliveries, looked_at)),
    }
}
