//! Consumer groups: who reads which partition, and how far everybody has come. Kafka's classic protocol with static members (KIP-345), without its wire.
//! The machine does no I/O and knows no clock; protocol type, metadata and assignments are opaque to it.
//!
//! # State
//! *Logged state* (members of the generation, assignments, offsets) is changed by [`Group::apply`] only; *session state* (who has joined so far, parked
//! joins and syncs, deadlines) sits beside it, is changed by commands at once, and starts afresh after a restart (decision E10). There is one record per
//! generation and one when its leader has assigned; one per loss of members, unless a generation follows at once; one per returning static member, commit
//! request, expiry and deletion; none per join or heartbeat. The record of a generation comes before the leader assigns, so that a generation number a
//! member has seen is never given out twice.
//!
//! # How to drive a group
//! 1. Call a command. It returns an [`Outcome`]: a reply for the caller, records, and effects (answers to parked joins and syncs, maybe to this one).
//! 2. If there are records, append them as one batch (with the disk-full reserve, except perhaps for commits) and [`Group::apply`] them, in order, with
//!    the time of the batch, before the next command of this group. If the append is refused, give the outcome back: [`Group::take_back`] (commits need
//!    only a refusal to the client).
//! 3. Hold reply and effects until everything applied so far is durable (decision E5), then send them. This goes for outcomes without records too.
//! 4. Wake the group with [`Group::on_time`] at [`Group::next_deadline`] (connection time) and [`Group::expire`] at [`Group::next_expiry`] or from a
//!    periodic sweep (message time), treating outcomes alike.
//! 5. After recovery (sections, then records through [`Group::apply`]) call [`Group::recover`] once, with the present connection time.
//!
//! Every [`Waiter`] given to [`Group::join`] or [`Group::sync`] is answered exactly once, by the effect of the same kind. An answer to somebody who has
//! hung up is dropped by the caller. A group that [`Group::is_vacant`] can be forgotten.

mod describe;
mod error;
mod expiry;
mod group;
mod heartbeat;
mod join;
mod leave;
mod member;
mod offsets;
mod record;
mod section;
mod session;
mod settings;
mod subscription;
mod sync;
mod timers;
mod turn;

#[cfg(test)]
mod tests;

pub use describe::{Description, MemberDescription};
pub use error::GroupError;
pub use group::{Committed, Group, GroupState};
pub use heartbeat::Heartbeat;
pub use join::{Join, JoinReply, JoinedMember};
pub use leave::Leaver;
pub use member::{InstanceId, Member, MemberId, Protocol};
pub use offsets::{Commit, EachOrAll};
pub use record::{CommitOffset, GroupRecord};
pub use settings::{
    EMPTY_GROUP_LINGER_MS, GROUP_ASSIGNMENT_BYTES_MAX, GROUP_METADATA_BYTES_MAX, GroupSettings, OFFSET_COMMIT_BYTES_MAX,
};
pub use subscription::{Assignment, CONSUMER_PROTOCOL_TYPE, Subscription, TopicPartitions};
pub use sync::{Sync, SyncReply};

/// Names a parked join or sync; the caller chooses it, unique among those not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Waiter(pub u64);

/// What a command leads to. See the module's documentation for what to do with it.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<R> {
    /// The answer to the command; `()` where answers are effects.
    pub reply: R,
    /// To append as one batch and apply.
    pub records: Vec<GroupRecord>,
    /// To send once what was applied is durable.
    pub effects: Vec<Effect>,
}

impl<R> Outcome<R> {
    /// A reply, and nothing happens.
    const fn refused(reply: R) -> Self {
        Self { reply, records: Vec::new(), effects: Vec::new() }
    }
}

/// An answer to somebody who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The answer to a join.
    Join {
        /// Whose.
        waiter: Waiter,
        /// The answer.
        result: Result<Box<JoinReply>, GroupError>,
    },
    /// The answer to a sync.
    Sync {
        /// Whose.
        waiter: Waiter,
        /// The answer.
        result: Result<SyncReply, GroupError>,
    },
}

impl Effect {
    /// The same waiter, told to try again.
    fn into_unavailable(self) -> Self {
        match self {
            Self::Join { waiter, .. } => Self::Join { waiter, result: Err(GroupError::Unavailable) },
            Self::Sync { waiter, .. } => Self::Sync { waiter, result: Err(GroupError::Unavailable) },
        }
    }
}
