//! Queues: which messages wait, who has which of them until when, and what becomes of them.

mod api;
mod number;
mod record;
mod settings;
mod skeleton;
mod text;

pub use api::{
    Accepted, Arrivals, Arriving, Departing, Handle, HandleError, Handled, Hold, MessageFacts, MessageState,
    MoveRefusal, MoveStep, Peek, PeekPage, Peeked, QueueStats, QueueTotals, Receive, ReceiveStop, Received, Send,
    SendMessage, SendRefusal, StartMove, StateKind, Taken,
};
pub use number::MessageNumber;
pub use record::{
    Deliver, ENQUEUE_MESSAGES_MAX, Enqueue, EnqueuedMessage, Forward, MoveCause, MoveDestination, MoveRecord,
    MoveStatus, MoveTask, MovedFrom, Origin, PurgeScope, QueueRecord, ReleaseKind, SettleReason,
};
pub use settings::{DeadLetter, DedupScope, Overflow, QueueDurability, QueueSettings, RedriveAllow, SettingsError};
pub use skeleton::{FrozenQueue, Queue};
pub use text::{TEXT_SETTINGS, TextError, TextSetting};

/// Most messages one receive takes.
pub const RECEIVE_MAX: usize = 1000;
/// Longest text shown as who holds a message, bytes.
pub const HOLDER_BYTES_MAX: usize = 128;
/// Longest time a delivery can be held in all, ms: 12 hours (SQS's limit).
pub const HOLD_MS_MAX: i64 = 43_200_000;
/// Most messages whose time is over that one decision drops.
pub const EXPIRE_SLICE: usize = 1000;
