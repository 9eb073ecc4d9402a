//! Committed offsets: commit, fetch, delete.

use std::{collections::BTreeSet, time::Duration};

use trine_types::{TopicName, Uuid};

use super::{
    CONSUMER_PROTOCOL_TYPE, CommitOffset, Committed, Group, GroupError, GroupRecord, GroupSettings, GroupState,
    InstanceId, MemberId, Outcome, Subscription, group::Logged, settings::OFFSET_COMMIT_BYTES_MAX, turn::Turn,
};

/// A wish to commit offsets.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The member, or empty for somebody who is not one.
    pub member_id: MemberId,
    /// Its instance id when it is static and says so.
    pub instance_id: Option<InstanceId>,
    /// The generation it knows; negative for somebody who is not a member.
    pub generation: i32,
    /// What to commit. The caller has checked that topics and partitions exist.
    pub offsets: Vec<CommitOffset>,
    /// Explicit time to live, ms (OffsetCommit v2–4); none: the server's retention.
    pub retention_ms: Option<u64>,
}

/// One answer per item of the request, in its order; or one for the whole request.
pub type EachOrAll = Result<Vec<Result<(), GroupError>>, GroupError>;

impl Group {
    /// Commits offsets: one record for the whole request. Members commit with their generation, which also renews their session; others only while the
    /// group is empty (which makes a group of offsets only). A single position fails when its text is too long.
    pub fn commit(&mut self, settings: &GroupSettings, command: Commit, mono: Duration) -> Outcome<EachOrAll> {
        let vacant = self.is_vacant();
        let mut turn = self.turn(settings, mono);
        let reply = turn.commit(command, vacant);
        turn.finish(reply)
    }

    /// A committed offset; none is what clients know as offset -1.
    #[must_use]
    pub fn committed(&self, topic: Uuid, partition: u32) -> Option<&Committed> {
        self.logged.offsets.get(&(topic, partition))
    }

    /// All committed offsets, in the order of topic ids and partitions.
    pub fn all_committed(&self) -> impl ExactSizeIterator<Item = (Uuid, u32, &Committed)> {
        let mut all: Vec<_> =
            self.logged.offsets.iter().map(|((topic, partition), c)| (*topic, *partition, c)).collect();
        all.sort_unstable_by_key(|(topic, partition, _)| (*topic, *partition));
        all.into_iter()
    }

    /// Deletes offsets. A group with members must be of type "consumer", and nobody may subscribe to the topic. Deleting what is not there succeeds.
    pub fn delete_offsets(&self, offsets: &[(Uuid, TopicName, u32)]) -> Outcome<EachOrAll> {
        match self.state() {
            _ if self.is_vacant() => return Outcome::refused(Err(GroupError::NotFound)),
            GroupState::Dead => return Outcome::refused(Err(GroupError::NotFound)),
            GroupState::Empty => {}
            _ if self.protocol_type().is_some_and(|t| **t == *CONSUMER_PROTOCOL_TYPE) => {}
            _ => return Outcome::refused(Err(GroupError::NotEmpty)),
        }
        let subscribed = self.logged.subscribed_topics();
        let mut removed = BTreeSet::new();
        let mut replies = Vec::with_capacity(offsets.len());
        for (topic, name, partition) in offsets {
            // Subscriptions that cannot be read may name any topic.
            if subscribed.as_ref().is_none_or(|topics| topics.contains(name.as_str())) {
                replies.push(Err(GroupError::Subscribed));
                continue;
            }
            if self.logged.offsets.contains_key(&(*topic, *partition)) {
                removed.insert((*topic, *partition));
            }
            replies.push(Ok(()));
        }
        Outcome { reply: Ok(replies), records: GroupRecord::offsets_removed(removed), effects: Vec::new() }
    }

    /// Forgets offsets of topics that are gone. May be called at any time after a topic was deleted (decision E12).
    pub fn drop_topics(&self, is_alive: impl Fn(Uuid) -> bool) -> Outcome<()> {
        let topics: BTreeSet<_> = self.logged.offsets.keys().map(|(topic, _)| *topic).collect();
        let dead: BTreeSet<_> = topics.into_iter().filter(|topic| !is_alive(*topic)).collect();
        let removed = self.logged.offsets.keys().filter(|(topic, _)| dead.contains(topic)).copied().collect();
        Outcome { reply: (), records: GroupRecord::offsets_removed(removed), effects: Vec::new() }
    }
}

impl Turn<'_> {
    fn commit(&mut self, command: Commit, vacant: bool) -> EachOrAll {
        if self.state == GroupState::Dead {
            return Err(GroupError::Deleted);
        }
        if vacant && command.generation >= 0 {
            return Err(GroupError::NotFound);
        }
        self.check_committer(&command)?;
        let value = command.offsets.iter().map(|c| c.metadata.len() + 40).sum();
        if value > OFFSET_COMMIT_BYTES_MAX {
            return Err(GroupError::TooLarge { what: "the commit", value, max: OFFSET_COMMIT_BYTES_MAX });
        }
        if matches!(self.state, GroupState::Stable | GroupState::PreparingRebalance) {
            self.hear(&command.member_id);
        }
        let replies: Vec<_> = command.offsets.iter().map(|c| self.check_metadata(&c.metadata)).collect();
        let mut results = replies.iter();
        let mut offsets = command.offsets;
        offsets.retain(|_| results.next().is_some_and(Result::is_ok));
        if !offsets.is_empty() {
            self.record(GroupRecord::OffsetsCommitted { offsets, retention_ms: command.retention_ms });
        }
        Ok(replies)
    }

    fn check_committer(&self, command: &Commit) -> Result<(), GroupError> {
        if command.generation < 0 && self.state == GroupState::Empty {
            return Ok(());
        }
        if command.generation < 0 && command.member_id.is_empty() && command.instance_id.is_none() {
            return Err(GroupError::UnknownMember);
        }
        self.validate(&command.member_id, command.instance_id.as_ref())?;
        self.check_generation(command.generation)?;
        // The member knows the newest generation but not what it owns in it, so it must not commit yet.
        if self.state == GroupState::CompletingRebalance { Err(GroupError::RebalanceInProgress) } else { Ok(()) }
    }

    fn check_metadata(&self, metadata: &str) -> Result<(), GroupError> {
        let max = self.settings.offset_metadata_max;
        // Text is never longer in UTF-16 units than in bytes.
        if metadata.len() <= max {
            return Ok(());
        }
        let value = metadata.encode_utf16().count();
        if value <= max { Ok(()) } else { Err(GroupError::MetadataTooLong { value, max }) }
    }
}

impl Logged {
    /// Topics that members of the generation subscribe to; none when that cannot be known.
    pub(super) fn subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol.as_ref().filter(|_| self.is_consumer())?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            topics.extend(Subscription::parse(&member.metadata(protocol))?.topics);
        }
        Some(topics)
    }

    /// Whether the members speak the one protocol type whose metadata is known.
    pub(super) fn is_consumer(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE)
    }
}

impl GroupRecord {
    /// One record, or none for nothing.
    pub(super) fn offsets_removed(removed: BTreeSet<(Uuid, u32)>) -> Vec<Self> {
        if removed.is_empty() {
            return Vec::new();
        }
        vec![Self::OffsetsRemoved { offsets: removed.into_iter().collect() }]
    }
}
