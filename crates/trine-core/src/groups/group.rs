//! The group: logged state and how records change it.
//!
//! ```text
//!                 first join                        delay over                leader syncs
//!        ┌─────┐ ───────────> ┌────────────────┐ ───────────> ┌───────────────┐ ───────────> ┌────────┐
//!        │Empty│              │ PreparingReba… │              │ CompletingRe… │              │ Stable │
//!        └─────┘ <─────────── └────────────────┘ <─────────── └───────────────┘              └────────┘
//!           │      nobody left      ^               member joins, leaves, is lost                 │
//!         Deleted                   └─────────────────────────────────────────────────────────────┘
//! ```
//! Preparing is session state (who has rejoined so far); the others follow from the logged state. A crash while preparing therefore falls back to the
//! last generation, unless that one no longer has the members its leader knows: then a new one is still due ([`Logged::rebalance_due`]).

use std::{
    collections::{BTreeMap, HashMap, hash_map::DefaultHasher},
    hash::BuildHasherDefault,
    sync::Arc,
    time::Duration,
};

use trine_types::{Offset, Timestamp, Uuid};

use super::{GroupRecord, Member, MemberId, Outcome, session::Session};

/// Where a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupState {
    /// No members; maybe offsets.
    Empty,
    /// Waiting for members to join.
    PreparingRebalance,
    /// A generation is formed; its leader has not assigned yet.
    CompletingRebalance,
    /// Members have their assignments.
    Stable,
    /// Deleted.
    Dead,
}

impl GroupState {
    /// All states.
    pub const ALL: [Self; 5] =
        [Self::Empty, Self::PreparingRebalance, Self::CompletingRebalance, Self::Stable, Self::Dead];

    /// The name that tools show (Kafka's).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The next offset to read.
    pub offset: Offset,
    /// Leader epoch of the last record read; -1 unknown.
    pub leader_epoch: i32,
    /// The client's text.
    pub metadata: Box<str>,
    /// When it was committed.
    pub committed_at: Timestamp,
    /// When it expires, if the client said so.
    pub expires_at: Option<Timestamp>,
}

/// Committed offsets by topic id and partition. A hash table, because with one entry it is a third of a B-tree's node, and most groups have few; the
/// hash has no random key, so that the same log makes the same table.
pub(super) type Offsets = HashMap<(Uuid, u32), Committed, BuildHasherDefault<DefaultHasher>>;

/// What `apply` changes and checkpoints hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Logged {
    pub(super) generation: i32,
    /// None: never had members; a holder of offsets only.
    pub(super) protocol_type: Option<Arc<str>>,
    pub(super) protocol: Option<Arc<str>>,
    pub(super) leader: Option<MemberId>,
    /// Members of the current generation.
    pub(super) members: BTreeMap<MemberId, Member>,
    /// Whether the leader has assigned in this generation.
    pub(super) assigned: bool,
    /// Whether the generation lost a member since it was formed, or had one replaced before its leader assigned.
    pub(super) rebalance_due: bool,
    /// When it last became empty (of members, or of its last offset).
    pub(super) empty_since: Option<Timestamp>,
    pub(super) offsets: Offsets,
    pub(super) deleted: bool,
}

/// A consumer group. See the module's documentation for how to drive it.
#[derive(Clone, Debug, Default)]
pub struct Group {
    pub(super) logged: Logged,
    pub(super) session: Session,
}

impl Group {
    /// A group nobody has used yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies a record of the group, in log order, with the time of its batch. Never reads session state and never fails: a record that does not fit
    /// (which only damaged data can hold) changes what it can.
    pub fn apply(&mut self, record: &GroupRecord, at: Timestamp) {
        self.logged.apply(record, at);
    }

    /// Starts session state after recovery: members have their full session timeouts, a group that was waiting for syncs or for members goes on waiting.
    /// Call it once, after the last record or section was applied and before the first command.
    pub fn recover(&mut self, mono: Duration) {
        self.session = Session::recovered(&self.logged, mono);
    }

    /// Answers every parked join and sync with [`super::GroupError::Unavailable`], for a server that stops. Session state is left as after
    /// [`Group::recover`].
    pub fn abandon(&mut self, mono: Duration) -> Outcome<()> {
        let effects = self.session.take_parked();
        self.recover(mono);
        Outcome { reply: (), records: Vec::new(), effects }
    }

    /// Takes back an outcome whose records could not be appended: everybody it would have answered, and everybody else who is parked, is told
    /// [`super::GroupError::Unavailable`]; session state is left as after [`Group::recover`]. Logged state has not changed. Not needed for commits: they
    /// leave nothing behind but a renewed session.
    pub fn take_back<R>(&mut self, outcome: Outcome<R>, mono: Duration) -> Outcome<()> {
        let mut taken = self.abandon(mono);
        taken.effects.extend(outcome.effects.into_iter().map(super::Effect::into_unavailable));
        taken
    }

    /// Where the group is.
    #[must_use]
    pub fn state(&self) -> GroupState {
        if self.logged.deleted {
            GroupState::Dead
        } else if self.session.rebalance.is_some() {
            GroupState::PreparingRebalance
        } else if self.logged.members.is_empty() {
            GroupState::Empty
        } else if self.logged.assigned {
            GroupState::Stable
        } else {
            GroupState::CompletingRebalance
        }
    }

    /// Whether it has no state worth keeping: no record was ever applied (or it was deleted) and nobody is about to join. Its owner may drop it; to
    /// clients it does not exist.
    #[must_use]
    pub fn is_vacant(&self) -> bool {
        self.logged.is_vacant() && self.session.is_idle()
    }

    /// Number of the current generation; 0 before the first.
    #[must_use]
    pub const fn generation(&self) -> i32 {
        self.logged.generation
    }

    /// Protocol type of the members, or of the last ones; none for a group that only holds offsets.
    #[must_use]
    pub fn protocol_type(&self) -> Option<&Arc<str>> {
        let joining = self.session.rebalance.as_ref().and_then(|r| r.protocol_type.as_ref());
        if self.logged.members.is_empty() && joining.is_some() { joining } else { self.logged.protocol_type.as_ref() }
    }

    /// How many members it has, those who are joining included.
    #[must_use]
    pub fn member_count(&self) -> usize {
        self.logged.members.len() + self.session.newcomers(&self.logged).count()
    }

    /// When to call [`Group::on_time`] next; never later than the first thing that is due. It changes with every command.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Duration> {
        self.session.wake
    }
}

impl Logged {
    pub(super) fn is_vacant(&self) -> bool {
        self.deleted
            || (self.generation == 0
                && self.members.is_empty()
                && self.offsets.is_empty()
                && self.empty_since.is_none())
    }

    fn apply(&mut self, record: &GroupRecord, at: Timestamp) {
        match record {
            GroupRecord::Generation { generation, protocol_type, protocol, leader, members } => {
                self.generation = *generation;
                self.protocol_type = Some(protocol_type.clone());
                self.protocol = Some(protocol.clone());
                self.leader = Some(leader.clone());
                self.members = members.iter().map(|m| (m.id.clone(), m.clone())).collect();
                self.assigned = false;
                self.rebalance_due = false;
                self.empty_since = None;
            }
            GroupRecord::Emptied { generation } => {
                self.generation = *generation;
                self.members.clear();
                self.empty_at(at);
            }
            GroupRecord::Assigned { generation, assignments } => {
                if *generation != self.generation {
                    return;
                }
                for (id, assignment) in assignments {
                    if let Some(member) = self.members.get_mut(id) {
                        member.assignment = assignment.clone();
                    }
                }
                self.assigned = true;
            }
            GroupRecord::MemberReplaced { old, member } => {
                let mut member = member.clone();
                if let Some(old) = self.members.remove(old) {
                    member.assignment = old.assignment;
                }
                if self.leader.as_ref() == Some(old) {
                    self.leader = Some(member.id.clone());
                }
                self.members.insert(member.id.clone(), member);
                // The leader may be assigning to the old id.
                self.rebalance_due |= !self.assigned;
            }
            GroupRecord::MembersRemoved { members } => {
                for id in members {
                    self.members.remove(id);
                    if self.leader.as_ref() == Some(id) {
                        self.leader = None;
                    }
                }
                self.rebalance_due = true;
                if self.members.is_empty() {
                    self.empty_at(at);
                }
            }
            GroupRecord::OffsetsCommitted { offsets, retention_ms } => {
                let expires_at = retention_ms.map(|ms| at.plus_ms(i64::try_from(ms).unwrap_or(i64::MAX)));
                for commit in offsets {
                    let committed = Committed {
                        offset: commit.offset,
                        leader_epoch: commit.leader_epoch,
                        metadata: commit.metadata.clone(),
                        committed_at: at,
                        expires_at,
                    };
                    self.offsets.insert((commit.topic, commit.partition), committed);
                }
            }
            GroupRecord::OffsetsRemoved { offsets } => {
                for key in offsets {
                    self.offsets.remove(key);
                }
                if self.members.is_empty() && self.offsets.is_empty() && self.empty_since.is_none() {
                    self.empty_since = Some(at);
                }
            }
            GroupRecord::Deleted => *self = Self { deleted: true, ..Self::default() },
        }
    }

    fn empty_at(&mut self, at: Timestamp) {
        self.protocol = None;
        self.leader = None;
        self.assigned = false;
        self.rebalance_due = false;
        self.empty_since = Some(at);
    }
}
