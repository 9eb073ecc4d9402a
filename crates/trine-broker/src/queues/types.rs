//! What goes into the facade and what comes out, in neutral words.

use std::time::Duration;

use bytes::Bytes;
pub use trine_core::queues::StateKind as MessageState;
use trine_core::queues::{MessageNumber, QueueSettings};
use trine_types::{Namespace, QueueName, Timestamp, Uuid};

use super::{QueueRef, Receipt};

/// Header in which an edge names itself (`sqs`, `amqp`, `cli`).
pub const HEADER_PROTOCOL: &str = "trine.proto";
/// Header with the deduplication id, as given by the sender or derived from the body. Written from [`NewMessage::dedup_id`], shown as
/// [`Message::dedup_id`], never among the headers.
pub(crate) const HEADER_DEDUP: &str = "sqs.dedup";
/// Header of a message that came from another queue: why, a NUL, the name of that queue. Shown as [`Message::death_reason`] and [`Message::origin`].
pub(crate) const HEADER_DEATH: &str = "trine.death";

/// A queue to create.
#[derive(Clone, Debug, PartialEq)]
pub struct NewQueue {
    /// Where its name is unique.
    pub namespace: Namespace,
    /// Its name.
    pub name: QueueName,
    /// Its settings.
    pub settings: QueueSettings,
    /// The name of a queue that was deleted less than this ago is refused (at most 60 s; zero: never).
    pub cooldown: Duration,
}

/// A message to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewMessage {
    /// The body, as sent.
    pub body: Bytes,
    /// Attributes of the edge's protocol, each under a name of its own.
    pub headers: Vec<(String, Bytes)>,
    /// Messages of one group stay in order (FIFO) or share fairly (standard).
    pub group: Option<String>,
    /// Messages with the same id within the window are one message.
    pub dedup_id: Option<String>,
    /// Not to be delivered before so many milliseconds have passed; `None`: the queue's delay.
    pub delay_ms: Option<u64>,
    /// Dropped after so many milliseconds; `None`: the queue's own.
    pub ttl_ms: Option<u64>,
    /// The lane: higher goes first. Capped at the queue's highest.
    pub priority: u8,
    /// Bytes that count against the queue's `max_message_bytes`.
    pub size: u32,
}

/// A message is in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its id.
    pub message_id: Uuid,
    /// Its number, rising within the queue.
    pub number: MessageNumber,
    /// Whether it was there already, sent with the same deduplication id; nothing was stored.
    pub duplicate: bool,
}

/// What to receive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receive {
    /// At most so many messages.
    pub max: u16,
    /// How long to wait for the first one; zero answers at once.
    pub wait: Duration,
    /// How long they are in flight; `None`: the queue's visibility.
    pub visibility_ms: Option<u64>,
    /// A receive that is repeated with the same id within 5 minutes gets the same messages, unless something happened to them.
    pub attempt_id: Option<String>,
    /// Shown as who holds the messages, such as `user@address`.
    pub consumer: String,
}

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id; kept when it moves to a dead-letter queue.
    pub message_id: Uuid,
    /// Its number in the queue.
    pub number: MessageNumber,
    /// The body, as sent.
    pub body: Bytes,
    /// Attributes of the edge's protocol.
    pub headers: Vec<(String, Bytes)>,
    /// Its group.
    pub group: Option<String>,
    /// Its deduplication id, given or derived.
    pub dedup_id: Option<String>,
    /// When it was sent first.
    pub sent_at: Timestamp,
    /// The queue it came from, if it was dead-lettered.
    pub origin: Option<QueueName>,
    /// Why it was dead-lettered.
    pub death_reason: Option<String>,
}

/// A message handed to a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// What the consumer shows to settle it.
    pub receipt: Receipt,
    /// How often it was delivered, this time included.
    pub receive_count: u32,
    /// When it was delivered first.
    pub first_received_at: Timestamp,
    /// When it becomes available again unless it is settled.
    pub visible_at: Timestamp,
}

/// What to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peek {
    /// Only messages in this state.
    pub state: Option<MessageState>,
    /// Only messages from this number on, in the order of delivery.
    pub from: Option<MessageNumber>,
    /// At most so many, and at most [`PEEK_MAX`].
    pub limit: usize,
}

/// Most messages one peek shows.
pub const PEEK_MAX: usize = 1000;

/// A message that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peeked {
    /// Its number.
    pub number: MessageNumber,
    /// Its state.
    pub state: PeekedState,
    /// How often it was delivered.
    pub receive_count: u32,
    /// When it was delivered first, if ever.
    pub first_received_at: Option<Timestamp>,
    /// The message.
    pub message: Message,
}

/// Messages that were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeekPage {
    /// The messages, in the order of delivery.
    pub messages: Vec<Peeked>,
    /// Where to go on; `None` at the end of the queue.
    pub next: Option<MessageNumber>,
}

/// The state of a message and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeekedState {
    /// Can be received.
    Ready,
    /// A consumer has it.
    InFlight {
        /// Until when; `None` as long as its owner lives.
        until: Option<Timestamp>,
        /// Who.
        holder: String,
    },
    /// Its delay is not over.
    Delayed {
        /// When it is.
        until: Timestamp,
    },
    /// On its way to another queue.
    Moving,
}

/// Figures of a queue; totals are since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// Messages that can be received, those of locked FIFO groups included.
    pub ready: u64,
    /// Messages that consumers have.
    pub in_flight: u64,
    /// Messages whose delay is not over.
    pub delayed: u64,
    /// Messages on their way to another queue.
    pub moving: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// When the oldest of them was sent.
    pub oldest_sent_at: Option<Timestamp>,
    /// Messages sent.
    pub sent: u64,
    /// Deliveries.
    pub received: u64,
    /// Messages acknowledged.
    pub acked: u64,
    /// Messages whose time was over.
    pub expired: u64,
    /// Messages moved to the dead-letter queue.
    pub dead_lettered: u64,
    /// Receives that wait for a message.
    pub waiters: u64,
    /// Consumers that hold messages or wait for one.
    pub consumers: u64,
}

/// Names a move task for ever.
pub type MoveTaskId = Uuid;

/// Messages to move to another queue.
#[derive(Clone, Debug)]
pub struct StartMove {
    /// From where.
    pub source: QueueRef,
    /// To where; `None`: each message goes back to the queue it came from.
    pub destination: Option<QueueRef>,
    /// At most so many messages a second; `None`: as fast as it goes.
    pub rate: Option<u32>,
    /// At most so many messages.
    pub max: Option<u64>,
    /// Only these messages.
    pub only: Option<Vec<MessageNumber>>,
    /// New bodies for some of them.
    pub edits: Vec<(MessageNumber, Bytes)>,
}

/// How a move task is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MoveStatus {
    /// It moves messages.
    Running,
    /// It was asked to stop and waits for what is on its way.
    Cancelling,
    /// It was stopped.
    Cancelled,
    /// Everything was moved.
    Completed,
    /// It gave up.
    Failed,
}

/// A move task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveTask {
    /// Its id.
    pub id: MoveTaskId,
    /// How it is doing.
    pub status: MoveStatus,
    /// Messages moved so far.
    pub moved: u64,
    /// Messages it has to move altogether, as counted at its start.
    pub to_move: u64,
    /// When it was started.
    pub started_at: Timestamp,
    /// Messages a second at most.
    pub rate: Option<u32>,
    /// To where; `None`: each to the queue it came from.
    pub destination: Option<QueueName>,
    /// Why it gave up.
    pub failure: Option<String>,
}
