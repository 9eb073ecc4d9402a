//! What goes into a queue's decisions and what comes out of them.

use std::sync::Arc;

use trine_types::{Timestamp, Uuid};

use super::{MessageNumber, MoveCause, MoveDestination, MovedFrom, Origin, QueueRecord, SettleReason};
use crate::forwards::{Receipt, TransferId};

/// A message to send, without its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendMessage {
    /// Its priority: lane; capped at the queue's highest.
    pub priority: u8,
    /// Bytes that count against limits.
    pub size: u32,
    /// Not available before so long after the send; `None`: the queue's delay. Not for FIFO queues.
    pub delay_ms: Option<u64>,
    /// Kept so long; `None`: the queue's time to live.
    pub ttl_ms: Option<u64>,
    /// Hash of its group, 0 for none; FIFO queues want one.
    pub group: u64,
    /// Hash of its deduplication id and scope (decision Q9), 0 for none.
    pub dedup: u128,
}

/// A message that is in the queue, or was sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its number. Its id follows: [`MessageNumber::message_id`].
    pub number: MessageNumber,
    /// Whether an earlier send with the same deduplication id put it there; nothing is stored then.
    pub duplicate: bool,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendRefusal {
    /// Larger than the queue's messages may be.
    #[error("the message has {size} bytes; max_message_bytes is {max}")]
    TooLarge {
        /// Its size.
        size: u32,
        /// The limit.
        max: u64,
    },
    /// The queue has no room and refuses what exceeds it.
    #[error("the queue is full: {name} is {max}")]
    Full {
        /// Which limit: `max_messages` or `max_bytes`.
        name: &'static str,
        /// Its value.
        max: u64,
    },
    /// Too many deduplication ids are remembered; nothing is forgotten before its time.
    #[error("too many deduplication ids are remembered: dedup_entries_max is {max}")]
    DedupFull {
        /// The limit.
        max: usize,
    },
    /// A FIFO queue needs to know the group.
    #[error("a message of a FIFO queue needs a group")]
    NoGroup,
    /// A FIFO queue delays all its messages alike.
    #[error("a message of a FIFO queue cannot have a delay of its own")]
    OwnDelay,
    /// More messages in one call than go into one batch of a lane.
    #[error("too many messages at once: at most {max} go into one batch")]
    TooMany {
        /// The limit.
        max: usize,
    },
}

/// What a send leads to.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Send {
    /// Per message of the command, in order.
    pub outcomes: Vec<Result<Accepted, SendRefusal>>,
    /// One enqueue per lane that gets messages, and which messages of the command it holds, in order: the records of its run.
    pub enqueues: Vec<(QueueRecord, Vec<usize>)>,
    /// What is dropped to make room; goes into the same batch, behind the enqueues: it can name messages that they put in.
    pub drops: Option<QueueRecord>,
}

/// What to receive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receive {
    /// At most so many messages, [`super::RECEIVE_MAX`] at the most.
    pub max: usize,
    /// Until when they are held.
    pub hold: Hold,
    /// Shown as who holds them; cut at [`super::HOLDER_BYTES_MAX`].
    pub holder: Arc<str>,
    /// Whether messages that were delivered too often go to the dead-letter queue now. The caller says no while there is none to take them (its target
    /// does not exist, or has just refused): they are delivered then as if there was no such rule.
    pub dead_letter: bool,
}

/// Until when a delivery is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The queue's visibility.
    Default,
    /// So long. 0: not at all; it counts all the same.
    For(u64),
    /// As long as this push consumer lives. Not 0.
    Consumer(u64),
}

/// A message that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub number: MessageNumber,
    /// How often it was delivered, now included; with the number it names this delivery.
    pub receive_count: u16,
    /// When it was delivered first.
    pub first_received_at: Timestamp,
    /// When it becomes available again.
    pub visible_at: Option<Timestamp>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The id it brought along; `None`: it follows from its number.
    pub message_id: Option<Uuid>,
    /// Where it was before it moved here.
    pub origin: Option<Origin>,
    /// Its size.
    pub size: u32,
}

/// What a receive leads to.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// What was taken, in the order of delivery.
    pub taken: Vec<Taken>,
    /// To append as one batch: messages whose time is over, then the delivery.
    pub records: Vec<QueueRecord>,
    /// Delivered often enough: to move to the dead-letter queue ([`super::Queue::decide_forward`] or [`super::Queue::decide_moved`]). They stay where they
    /// are until then, and every receive names them again.
    pub dead: Vec<MessageNumber>,
    /// Why fewer were taken than asked for, when it is not that there are no more.
    pub stopped: Option<ReceiveStop>,
}

/// Why a receive took less than it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveStop {
    /// So many are in flight already.
    OverLimit {
        /// The queue's `in_flight_max`.
        limit: u64,
    },
    /// The queue is paused.
    Paused,
    /// Many messages had to be dropped or dead-lettered first: ask again after the records were applied.
    Again,
}

/// Names one delivery, as a receipt does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    /// The message.
    pub number: MessageNumber,
    /// The receive count of that delivery.
    pub receive_count: u16,
}

/// Why a delivery could not be settled or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// The message no longer exists here.
    #[error("the message no longer exists")]
    Gone,
    /// The message is on its way to another queue, and has not arrived there or come back yet.
    #[error("the message is on its way to another queue")]
    Moving,
    /// FIFO: the delivery is over.
    #[error("the delivery has expired")]
    Expired,
    /// No such delivery was ever made.
    #[error("there was no such delivery")]
    Unknown,
    /// A delivery cannot be held longer.
    #[error("a delivery can be held for at most {max_ms} ms in all")]
    LimitReached {
        /// [`super::HOLD_MS_MAX`].
        max_ms: i64,
    },
}

/// What settling or changing deliveries leads to.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// Per handle, in order. For an ack [`HandleError::Gone`] is as good as success.
    pub outcomes: Vec<Result<(), HandleError>>,
    /// To append as one batch; empty when nothing changes.
    pub records: Vec<QueueRecord>,
}

/// A message that another entity sends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arriving {
    /// Why it comes.
    pub cause: MoveCause,
    /// Its size.
    pub size: u32,
    /// Hash of its group, 0 for none.
    pub group: u64,
    /// Its priority here; capped.
    pub priority: u8,
    /// When it was sent first.
    pub sent_at: Timestamp,
    /// What it brings along. A redriven message is a new one here: of this only the origin's absence matters.
    pub from: MovedFrom,
}

/// What arriving messages lead to.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// Answers, to be sent when everything is durable.
    pub receipts: Vec<Receipt>,
    /// Enqueues, one per run of messages that go to the same lane, and which messages of the command each holds.
    pub enqueues: Vec<(QueueRecord, Vec<usize>)>,
    /// Refusals, to go into the same batch.
    pub refusals: Vec<QueueRecord>,
    /// What is dropped to make room; goes into the same batch, behind the enqueues: it can name messages that they put in.
    pub drops: Option<QueueRecord>,
    /// Per message of the command the number it got, if it was taken now.
    pub numbers: Vec<Option<MessageNumber>>,
}

/// A message that moves away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departing {
    /// Its transfer.
    pub id: TransferId,
    /// Its number here.
    pub number: MessageNumber,
    /// Why it moves.
    pub cause: MoveCause,
}

/// Messages to move, at a given rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartMove {
    /// Random, from the caller.
    pub id: Uuid,
    /// Where to.
    pub destination: MoveDestination,
    /// At most so many messages a second.
    pub rate: Option<u32>,
    /// At most so many messages.
    pub max: Option<u64>,
    /// Only these; empty for all.
    pub only: Vec<MessageNumber>,
}

/// Why a move task was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoveRefusal {
    /// One is running.
    #[error("a move task is running already; a queue has one at a time")]
    Running,
    /// A rate of nothing.
    #[error("the rate of a move task must be at least 1 per second; it is 0")]
    ZeroRate,
    /// More messages were named than a task can remember.
    #[error("a move task can name at most {max} messages; these are {got}")]
    TooMany {
        /// The limit.
        max: usize,
        /// How many were named.
        got: usize,
    },
    /// No such task, or it does not run.
    #[error("there is no such move task, or it does not run")]
    NotRunning,
}

/// What a move task has to do now.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MoveStep {
    /// Messages to move now, in order: resolve their target ([`MoveDestination`], or each one's origin), then [`super::Queue::decide_forward`] or
    /// [`super::Queue::decide_moved`] with [`MoveCause::Task`].
    pub numbers: Vec<MessageNumber>,
    /// The end of the task, when there is nothing more to do.
    pub record: Option<QueueRecord>,
}

/// Where a message is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// Can be received (or waits behind others of its FIFO group).
    Ready,
    /// A consumer has it.
    InFlight {
        /// Until when; `None`: as long as the consumer lives.
        until: Option<Timestamp>,
        /// Who.
        holder: Arc<str>,
        /// The push consumer, 0 for none.
        consumer: u64,
    },
    /// Its delay is not over.
    Delayed {
        /// When it is.
        until: Timestamp,
    },
    /// On its way to another queue.
    Moving,
}

/// The states that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateKind {
    /// [`MessageState::Ready`].
    Ready,
    /// [`MessageState::InFlight`].
    InFlight,
    /// [`MessageState::Delayed`].
    Delayed,
    /// [`MessageState::Moving`].
    Moving,
}

/// What to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peek {
    /// Only messages in this state.
    pub state: Option<StateKind>,
    /// Where to go on; `None` begins with the highest lane's oldest message.
    pub from: Option<MessageNumber>,
    /// At most so many.
    pub limit: usize,
}

/// A message that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peeked {
    /// Which.
    pub number: MessageNumber,
    /// Its state.
    pub state: MessageState,
    /// How often it was delivered.
    pub receive_count: u16,
    /// When it was delivered first.
    pub first_received_at: Option<Timestamp>,
    /// The rest.
    pub facts: MessageFacts,
}

/// Messages in the order of delivery: highest lane, lowest number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeekPage {
    /// The messages.
    pub messages: Vec<Peeked>,
    /// Where to go on; `None` at the end. A page can be short, even empty, and still have more behind it: one call looks at a bounded number.
    pub next: Option<MessageNumber>,
}

/// What a queue remembers of a message besides its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageFacts {
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Bytes that count.
    pub size: u32,
    /// Hash of its group, 0 for none.
    pub group: u64,
    /// When its time to live is over.
    pub expires_at: Option<Timestamp>,
    /// What it brought along from another queue.
    pub moved: Option<MovedFrom>,
}

/// Figures of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// Can be received, messages of locked FIFO groups included.
    pub ready: u64,
    /// Held by consumers.
    pub in_flight: u64,
    /// Not yet due.
    pub delayed: u64,
    /// On their way to another queue.
    pub moving: u64,
    /// Bytes of all.
    pub bytes: u64,
    /// When the oldest of all was sent.
    pub oldest_sent_at: Option<Timestamp>,
    /// Messages of each lane, in whatever state, lane 0 first.
    pub lanes: Vec<u64>,
    /// What happened since the process started.
    pub totals: QueueTotals,
}

/// What happened since [`super::Queue::forget_totals`]; not logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueTotals {
    /// Messages put in, moved here ones included.
    pub sent: u64,
    /// Deliveries.
    pub received: u64,
    /// Acknowledged.
    pub acked: u64,
    /// Dropped because their time was over.
    pub expired: u64,
    /// Dropped to make room.
    pub overflowed: u64,
    /// Moved to a dead-letter queue.
    pub dead_lettered: u64,
    /// Moved by tasks.
    pub redriven: u64,
}

impl SettleReason {
    /// Where a message settled for this reason is counted.
    pub(super) const fn count(self, totals: &mut QueueTotals, n: u64) {
        match self {
            Self::Acked => totals.acked += n,
            Self::Expired => totals.expired += n,
            Self::Overflow => totals.overflowed += n,
            Self::Moved(MoveCause::DeadLetter) => totals.dead_lettered += n,
            Self::Moved(MoveCause::Task) => totals.redriven += n,
        }
    }
}
