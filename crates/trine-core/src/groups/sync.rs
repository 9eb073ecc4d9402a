//! Sync: the leader hands in assignments, members get theirs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    Group, GroupError, GroupRecord, GroupSettings, GroupState, InstanceId, MemberId, Outcome, Waiter,
    settings::GROUP_ASSIGNMENT_BYTES_MAX, turn::Turn,
};

/// A wish for the member's assignment.
#[derive(Clone, Debug)]
pub struct Sync {
    /// Who gets the answer: every sync is answered by exactly one [`super::Effect::Sync`], now or later.
    pub waiter: Waiter,
    /// The member.
    pub member_id: MemberId,
    /// Its instance id when it is static and says so.
    pub instance_id: Option<InstanceId>,
    /// The generation it knows.
    pub generation: i32,
    /// The protocol type it knows, checked when given (SyncGroup v5+).
    pub protocol_type: Option<Arc<str>>,
    /// The protocol it knows, checked when given (SyncGroup v5+).
    pub protocol: Option<Arc<str>>,
    /// From the leader: what everybody gets. Ignored from others.
    pub assignments: Vec<(MemberId, Bytes)>,
}

/// The answer to a sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncReply {
    /// Protocol type of the group.
    pub protocol_type: Arc<str>,
    /// The protocol in use.
    pub protocol: Arc<str>,
    /// What the member got; empty when the leader did not name it.
    pub assignment: Bytes,
}

impl Group {
    /// A member asks for its assignment. The answer comes as an effect, in this outcome or, when the leader has not assigned yet, in a later one.
    pub fn sync(&mut self, settings: &GroupSettings, command: Sync, mono: Duration) -> Outcome<()> {
        let mut turn = self.turn(settings, mono);
        let waiter = command.waiter;
        if let Err(error) = turn.sync(command) {
            turn.answer_sync(waiter, Err(error));
        }
        turn.finish(())
    }
}

impl Turn<'_> {
    /// An error is the answer; otherwise the answer is given or the sync is parked.
    fn sync(&mut self, command: Sync) -> Result<(), GroupError> {
        if self.state == GroupState::Dead {
            return Err(GroupError::Deleted);
        }
        self.validate(&command.member_id, command.instance_id.as_ref())?;
        self.check_generation(command.generation)?;
        let differs = |sent: &Option<Arc<str>>, ours: &Option<Arc<str>>| sent.is_some() && sent != ours;
        if differs(&command.protocol_type, &self.logged.protocol_type)
            || differs(&command.protocol, &self.logged.protocol)
        {
            return Err(GroupError::InconsistentProtocol);
        }
        match self.state {
            GroupState::Dead => Err(GroupError::Deleted),
            GroupState::Empty => Err(GroupError::UnknownMember),
            GroupState::PreparingRebalance => Err(GroupError::RebalanceInProgress),
            GroupState::CompletingRebalance => self.sync_completing(command),
            GroupState::Stable => {
                self.synced(&command.member_id);
                self.hear(&command.member_id);
                let assignment = self.logged.members.get(&command.member_id).map(|m| m.assignment.clone());
                let reply = self.sync_reply(assignment.unwrap_or_default());
                self.answer_sync(command.waiter, Ok(reply));
                Ok(())
            }
        }
    }

    /// Parks the sync; the leader's ends the waiting.
    fn sync_completing(&mut self, command: Sync) -> Result<(), GroupError> {
        let is_leader = self.logged.leader.as_ref() == Some(&command.member_id);
        let assignments = if is_leader { Some(self.complete(command.assignments)?) } else { None };
        self.synced(&command.member_id);
        if let Some(older) = self.session.syncing.insert(command.member_id, command.waiter) {
            // Its sender has given it up; if not, it may ask again.
            self.answer_sync(older, Err(GroupError::RebalanceInProgress));
        }
        let Some(assignments) = assignments else { return Ok(()) };
        for (id, waiter) in std::mem::take(&mut self.session.syncing) {
            let found =
                assignments.binary_search_by(|(member, _)| member.cmp(&id)).ok().and_then(|i| assignments.get(i));
            let reply = self.sync_reply(found.map(|(_, bytes)| bytes.clone()).unwrap_or_default());
            self.answer_sync(waiter, Ok(reply));
            self.hear(&id);
        }
        self.record(GroupRecord::Assigned { generation: self.logged.generation, assignments });
        Ok(())
    }

    /// What the leader's assignments mean: members only, in the order of their ids; copies that do not keep the request alive.
    fn complete(&self, sent: Vec<(MemberId, Bytes)>) -> Result<Vec<(MemberId, Bytes)>, GroupError> {
        let value = sent.iter().map(|(id, bytes)| id.as_str().len() + bytes.len() + 8).sum();
        if value > GROUP_ASSIGNMENT_BYTES_MAX {
            return Err(GroupError::TooLarge { what: "the assignment", value, max: GROUP_ASSIGNMENT_BYTES_MAX });
        }
        let mut kept = BTreeMap::new();
        for (id, bytes) in sent {
            if let Some((id, _)) = self.logged.members.get_key_value(&id) {
                kept.insert(id.clone(), Bytes::copy_from_slice(&bytes));
            }
        }
        Ok(kept.into_iter().collect())
    }

    /// Notes that a member has synced; once all have, nobody is waited for.
    fn synced(&mut self, id: &MemberId) {
        self.session.unsynced.remove(id);
        if self.session.unsynced.is_empty() {
            self.session.sync_until = None;
        }
    }

    fn sync_reply(&self, assignment: Bytes) -> SyncReply {
        SyncReply {
            protocol_type: self.logged.protocol_type.clone().unwrap_or_default(),
            protocol: self.logged.protocol.clone().unwrap_or_default(),
            assignment,
        }
    }

    /// The generation must be the current one.
    pub(super) const fn check_generation(&self, sent: i32) -> Result<(), GroupError> {
        let current = self.logged.generation;
        if sent == current { Ok(()) } else { Err(GroupError::WrongGeneration { sent, current }) }
    }
}
