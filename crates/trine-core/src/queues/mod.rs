//! Queues: which messages wait, who has which of them until when, and what becomes of them.
//!
//! # State
//! A queue is one log per priority (a *lane*) and a [`Ledger`] of deliveries over them. What was never delivered is ready because the cursor has not passed
//! it; only exceptions cost memory: done above the head, in flight, back, delayed, moving. Beside the ledger stand facts of each message (sizes and times,
//! a few bytes, one entry for messages that were sent together), an index of groups once there are groups, the memory of deduplication, forwards to and from
//! other entities, and move tasks. Everything that grows with the backlog sits in shared blocks, so that a checkpoint can freeze it in no time.
//!
//! # Time
//! Deadlines are data: a delivery whose time is over is available, without a record, and `apply` never makes anything expire (decision E2). Indexes by time
//! and counters are derived and belong to a moment; every decision first moves them to its `now`, which is why decisions take `&mut self`. They change
//! nothing that is logged, encoded, or read by `apply`. When very many deadlines end together, they move in slices: each is as of a moment at most some decisions
//! ago.
//!
//! # How to drive a queue
//! 1. Log [`QueueRecord::Meta`] before anything else ([`Queue::decide_meta`]), and again when the catalogue's settings change.
//! 2. Call a decision. Append what it returns as one batch: each record is an operation ([`QueueRecord::encode`]) on the queue's entity, an enqueue on its
//!    lane's, with the messages as its run. Then [`Queue::apply`] the records, in order, with the time of the batch, before the next decision.
//! 3. Hold replies until everything applied so far is durable (decision E5).
//! 4. After anything, ask [`Queue::next_due`] when to look again; then wake waiters while [`Queue::has_work`], drop with [`Queue::decide_expire`], go on with
//!    [`Queue::decide_move_step`].
//! 5. After recovery, release what push consumers held ([`Queue::consumers`], [`Queue::decide_release_consumer`]) and send what moves ([`Queue::unsent`]).
//!
//! Who waits for messages, and how much credit a push consumer has, is session state of the runtime (decision E10).

mod api;
mod arrive;
mod dedup;
mod depart;
mod ends;
mod facts;
mod groups;
mod handles;
mod late;
mod ledger;
mod look;
mod moves;
mod number;
mod queue;
mod receive;
mod record;
mod section;
mod send;
mod settings;
#[cfg(test)]
mod tests;
mod text;
mod walk;

pub use api::{
    Accepted, Arrivals, Arriving, Departing, Handle, HandleError, Handled, Hold, MessageFacts, MessageState,
    MoveRefusal, MoveStep, Peek, PeekPage, Peeked, QueueStats, QueueTotals, Receive, ReceiveStop, Received, Send,
    SendMessage, SendRefusal, StartMove, StateKind, Taken,
};
pub use dedup::DEDUP_ENTRIES_MAX;
pub use depart::MOVING_MAX;
pub use late::{Arrived, LateAck};
pub use ledger::{Counts, FrozenLedger, Ledger};
pub use moves::{MOVE_ONLY_MAX, MOVE_STEP_MAX, MOVE_TASK_MS_MAX, MOVE_TASKS_KEPT};
pub use number::MessageNumber;
pub use queue::{Queue, REFRESH_SLICE};
pub use receive::{DEAD_SLICE, RECEIVE_BYTES_MAX};
pub use record::{
    Deliver, ENQUEUE_MESSAGES_MAX, Enqueue, EnqueuedMessage, Forward, MoveCause, MoveDestination, MoveRecord,
    MoveStatus, MoveTask, MovedFrom, Origin, PurgeScope, QueueRecord, ReleaseKind, SettleReason,
};
pub use section::FrozenQueue;
pub use settings::{DeadLetter, DedupScope, Overflow, QueueDurability, QueueSettings, RedriveAllow, SettingsError};
pub use text::{TEXT_SETTINGS, TextError, TextSetting};

/// Most messages one receive takes.
pub const RECEIVE_MAX: usize = 1000;
/// Longest text shown as who holds a message, bytes.
pub const HOLDER_BYTES_MAX: usize = 128;
/// Longest time a delivery can be held in all, ms: 12 hours (SQS's limit).
pub const HOLD_MS_MAX: i64 = 43_200_000;
/// Most messages whose time is over that one decision drops.
pub const EXPIRE_SLICE: usize = 1000;
