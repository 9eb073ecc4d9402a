//! Push consumers: messages are sent to them as long as they have credit (AMQP's basic.consume). What a consumer was sent is its own until it settles it
//! or goes away; then all of it is back at its place, ahead of everything newer, with its receives counted.
//!
//! A push is logged in order like every delivery, but waits only for its message to be durable (decision Q6): a crash may forget that it happened.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use tokio::sync::mpsc;
use trine_core::queues::MessageNumber;
use trine_types::{EntityId, Timestamp};

use super::{Credit, Message, QueueRef, Queues, TakenMessage, read::ReadError, read::Reader};
use crate::{Failure, broker::Inner, shard::Command};

/// Deliveries that may be on their way to a consumer beyond what it has taken from its [`Subscription`]: they are places only, bodies are read when taken.
pub(crate) const WINDOW: u32 = 64;

/// A push consumer to be.
#[derive(Clone, Debug, Default)]
pub struct NewConsumer {
    /// Most deliveries that it has not settled; 0: as many as the queue's `in_flight_max` allows.
    pub prefetch: u32,
    /// Credit shared with other consumers, beside its own.
    pub credit: Option<Credit>,
    /// Whether it wants to be the only consumer.
    pub exclusive: bool,
    /// Consumers with a higher priority are served first; those with the same, and receives that wait (as priority 0), in turn.
    pub priority: i32,
    /// A message is done as soon as it was taken from the [`Subscription`].
    pub no_ack: bool,
    /// Shown as who holds the messages, such as `user@address`.
    pub holder: String,
}

/// Why a consumer was not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// The queue does not exist (any more).
    #[error("there is no such queue")]
    Deleted,
    /// One of them wants to be the only consumer.
    #[error("the queue has another consumer, and one of the two wants it for itself")]
    InUse,
    /// Not about the queue.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// A message that was sent to a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The message; its number settles it.
    pub message: Message,
    /// How often it was delivered, this time included; after a crash maybe less.
    pub receive_count: u32,
    /// When it was delivered first.
    pub first_received_at: Timestamp,
}

/// Why there is no next message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionEnd {
    /// The consumer was cancelled; everything it was sent before has been taken.
    #[error("the consumer was cancelled")]
    Cancelled,
    /// The queue was deleted.
    #[error("the queue was deleted")]
    Deleted,
    /// The server stops.
    #[error("the server stops")]
    Stopping,
    /// The server failed.
    #[error("the server failed")]
    Failed,
    /// One message cannot be read; already reported. It stays with the consumer, and others follow.
    #[error("message {number} cannot be read: {what}")]
    Unreadable {
        /// Which.
        number: MessageNumber,
        /// Why.
        what: String,
    },
}

/// What a consumer and its shard share.
#[derive(Default)]
pub(crate) struct Flow {
    /// Deliveries on their way.
    pub(crate) queued: AtomicU32,
    /// The shard waits for room.
    pub(crate) blocked: AtomicBool,
    /// Why there is nothing more; set before the stream ends.
    pub(crate) end: OnceLock<SubscriptionEnd>,
}

/// What becomes of messages a consumer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Settlement {
    /// They are done.
    Done,
    /// They are back at their places, for whoever is next.
    Requeue,
}

/// A push consumer. Dropped, it is gone, and everything it did not settle is back.
pub struct Subscription {
    inner: Arc<Inner>,
    queue: QueueRef,
    id: u64,
    no_ack: bool,
    from: mpsc::Receiver<TakenMessage>,
    flow: Arc<Flow>,
    /// Taken from the stream, not read yet.
    reading: Option<TakenMessage>,
}

/// A consumer on its way to its queue's shard.
pub(crate) struct SubscribeCommand {
    pub(crate) queue: QueueRef,
    pub(crate) id: u64,
    pub(crate) consumer: NewConsumer,
    pub(crate) to: mpsc::Sender<TakenMessage>,
    pub(crate) flow: Arc<Flow>,
}

impl Queues<'_> {
    /// Begins to consume a queue.
    pub async fn subscribe(self, queue: &QueueRef, consumer: NewConsumer) -> Result<Subscription, SubscribeError> {
        let inner = &self.broker.inner;
        let (to, from) = mpsc::channel(WINDOW as usize);
        let flow = Arc::new(Flow::default());
        let id = inner.tickets.fetch_add(1, Ordering::Relaxed);
        let subscription = Subscription {
            inner: Arc::clone(inner),
            queue: queue.clone(),
            id,
            no_ack: consumer.no_ack,
            from,
            flow: Arc::clone(&flow),
            reading: None,
        };
        let command = SubscribeCommand { queue: queue.clone(), id, consumer, to, flow };
        inner.call(queue.entity(), move |shard, reply| shard.queue_subscribe(command, reply)).await??;
        Ok(subscription)
    }
}

impl Subscription {
    /// The next message, in the order of the queue. May be dropped while it waits without losing one. After an end other than
    /// [`SubscriptionEnd::Unreadable`] it says the same again.
    pub async fn next(&mut self) -> Result<Pushed, SubscriptionEnd> {
        loop {
            if self.reading.is_none() {
                let Some(taken) = self.from.recv().await else {
                    return Err(self.flow.end.get().cloned().unwrap_or(SubscriptionEnd::Failed));
                };
                self.reading = Some(taken);
                self.made_room();
            }
            let Some(taken) = &self.reading else { continue };
            let read = Reader::new(&self.inner).message(&taken.place).await;
            let Some(TakenMessage { place, count, first_received_at, .. }) = self.reading.take() else { continue };
            match read {
                Ok(message) => {
                    if self.no_ack {
                        self.settle(vec![place.number], Settlement::Done);
                    }
                    return Ok(Pushed { message, receive_count: count, first_received_at });
                }
                // Purged or expired meanwhile: only its credit is left to give back.
                Err(ReadError::Gone) => self.settle(vec![place.number], Settlement::Done),
                Err(ReadError::Failed(what)) => {
                    return Err(SubscriptionEnd::Unreadable { number: place.number, what });
                }
            }
        }
    }

    fn made_room(&self) {
        self.flow.queued.fetch_sub(1, Ordering::SeqCst);
        if self.flow.blocked.swap(false, Ordering::SeqCst) {
            let (queue, id) = (self.queue.entity(), self.id);
            self.tell(move |shard| shard.queue_push_ready(queue, id));
        }
    }

    /// Settles messages that the consumer has, in the order of calls; others are passed over. Nobody waits for it: [`Subscription::settled`] does.
    pub fn settle(&self, numbers: Vec<MessageNumber>, what: Settlement) {
        let (queue, id) = (self.queue.entity(), self.id);
        self.tell(move |shard| shard.queue_push_settle(queue, id, &numbers, what));
    }

    /// Complete once everything settled so far is as durable as the queue asks for.
    pub async fn settled(&self) -> Result<(), Failure> {
        let queue = self.queue.entity();
        self.inner.call(queue, move |shard, reply| shard.queue_settled(queue, reply)).await
    }

    /// Changes how many deliveries may be unsettled, at once; 0 for any number.
    pub fn set_prefetch(&self, prefetch: u32) {
        let (queue, id) = (self.queue.entity(), self.id);
        self.tell(move |shard| shard.queue_push_prefetch(queue, id, prefetch));
    }

    /// Ends the deliveries. What was sent before can still be taken, and everything can still be settled until this is dropped.
    pub async fn cancel(&self) -> Result<(), Failure> {
        let (queue, id) = (self.queue.entity(), self.id);
        self.inner.call(queue, move |shard, reply| shard.queue_push_cancel(queue, id, reply)).await
    }

    /// At most one call stands for one delivery, so what deliveries are bounded by bounds this.
    fn tell(&self, work: impl FnOnce(&mut crate::shard::Shard) + Send + 'static) {
        self.inner.mailbox_of(self.queue.entity()).push_internal(Command::Call(Box::new(work)));
    }

    /// The queue that is consumed.
    #[must_use]
    pub const fn queue(&self) -> &QueueRef {
        &self.queue
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let (queue, id): (EntityId, u64) = (self.queue.entity(), self.id);
        self.tell(move |shard| shard.queue_push_gone(queue, id));
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subscription({:?}, {})", self.queue, self.id)
    }
}
