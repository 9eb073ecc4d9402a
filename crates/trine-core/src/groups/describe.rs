//! What tools show of a group, and its deletion by an operator.

use std::sync::Arc;

use bytes::Bytes;

use super::{Group, GroupError, GroupRecord, GroupState, InstanceId, Member, MemberId, Outcome};

/// A group as tools show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Where it is.
    pub state: GroupState,
    /// The current generation; 0 before the first.
    pub generation: i32,
    /// "consumer", "connect", …; empty for a group that only holds offsets.
    pub protocol_type: Arc<str>,
    /// The protocol in use; empty unless the group is stable.
    pub protocol: Arc<str>,
    /// The leader, when there is one.
    pub leader: Option<MemberId>,
    /// Its members, those who are joining included.
    pub members: Vec<MemberDescription>,
}

/// A member as tools show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDescription {
    /// Its id.
    pub member_id: MemberId,
    /// Its instance id when it is static.
    pub instance_id: Option<InstanceId>,
    /// What the client calls itself.
    pub client_id: Arc<str>,
    /// Where it connects from.
    pub client_host: Arc<str>,
    /// Its metadata for the protocol in use; empty unless the group is stable.
    pub metadata: Bytes,
    /// Its assignment; empty unless the group is stable.
    pub assignment: Bytes,
}

impl Group {
    /// The group as tools show it; none when it does not exist (any more).
    #[must_use]
    pub fn describe(&self) -> Option<Description> {
        if self.is_vacant() {
            return None;
        }
        let state = self.state();
        let protocol = self.logged.protocol.clone().filter(|_| state == GroupState::Stable);
        let show = |member: &Member| MemberDescription {
            member_id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: protocol.as_ref().map(|p| member.metadata(p)).unwrap_or_default(),
            assignment: if state == GroupState::Stable { member.assignment.clone() } else { Bytes::new() },
        };
        let newcomers = self.session.newcomers(&self.logged);
        let members = self.logged.members.values().chain(newcomers).map(show).collect();
        Some(Description {
            state,
            generation: self.logged.generation,
            protocol_type: self.protocol_type().cloned().unwrap_or_default(),
            leader: self.logged.leader.clone(),
            members,
            protocol: protocol.unwrap_or_default(),
        })
    }

    /// Deletes the group with its offsets, if it has no members. Afterwards its owner forgets it; commands still on their way get
    /// [`GroupError::Deleted`].
    pub fn delete(&self) -> Outcome<Result<(), GroupError>> {
        match self.state() {
            _ if self.is_vacant() => Outcome::refused(Err(GroupError::NotFound)),
            GroupState::Dead => Outcome::refused(Err(GroupError::NotFound)),
            GroupState::Empty => Outcome { reply: Ok(()), records: vec![GroupRecord::Deleted], effects: Vec::new() },
            _ => Outcome::refused(Err(GroupError::NotEmpty)),
        }
    }
}
