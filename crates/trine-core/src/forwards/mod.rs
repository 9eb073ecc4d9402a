//! Moving messages between shard groups, exactly once and resumable (decision E4).
//!
//! What is atomic is one batch of one group, so a message cannot leave one entity and enter another in one step. The source therefore behaves like an
//! idempotent producer towards the target, and everything that crosses is derived from logged state:
//!
//! ```text
//! source                                                 target
//!   1  logs Forward{seq, target, epoch, no}                        the message is moving: neither available nor in flight
//!   2  durable: sends it, in order        ── Transfer ──>
//!                                                          3  no = last + 1: logs its Enqueue with {source, epoch, no}
//!                                                             no ≤ last: "already"      gap: ignored, it comes again
//!   4  logs Settled{no}                   <── Receipt ──      once that is durable
//! ```
//!
//! After a crash the source sends everything that still moves again. A refusal (target gone, full, not allowed) ends the epoch: the source takes back what
//! the target did not take, and numbers start at 1 in the next epoch. Receipts of transfers taken just before may still be on the way then, or lost: so a
//! refusal names the first number that was not taken. A target never takes from an epoch older than one it has seen, nor, once it refused, from that one:
//! what was taken back cannot arrive later. Sending never waits: what finds no room in a mailbox is sent in a later round.
//!
//! Both sides are machines to be embedded in an entity: [`Outbox`] in the source, [`Inbox`] in the target. Their records go into the entity's own
//! operations.

mod inbox;
mod outbox;
#[cfg(test)]
mod tests;

use trine_types::EntityId;

pub use inbox::{Arrival, Inbox, InboxRecord};
pub use outbox::{Moving, Outbox, OutboxRecord};

/// Names one transfer for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId {
    /// Where the message comes from.
    pub source: EntityId,
    /// Where it goes.
    pub target: EntityId,
    /// Rises when the target refused.
    pub epoch: u32,
    /// 1, 2, 3 … per target and epoch.
    pub no: u64,
}

/// What the target says to a transfer, once that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Which transfer.
    pub id: TransferId,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The target has it, now or since an earlier attempt.
    Taken,
    /// The target took everything of this epoch below `from`, whether the source knows that yet or not, and will take nothing from there on.
    Refused {
        /// The first number that was not taken.
        from: u64,
    },
}
