//! Join: becoming, or staying, a member. Checks in Kafka's order: session timeout, size, protocols, identity.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    Group, GroupError, GroupSettings, GroupState, InstanceId, Member, MemberId, Outcome, Protocol, Waiter,
    member::select_protocol,
    session::ms,
    settings::GROUP_METADATA_BYTES_MAX,
    turn::{Joiner, Turn, joined_members},
};

/// A wish to join.
#[derive(Clone, Debug)]
pub struct Join {
    /// Who gets the answer: every join is answered by exactly one [`super::Effect::Join`], now or later.
    pub waiter: Waiter,
    /// The id the group gave before, or empty.
    pub member_id: MemberId,
    /// The id to give if this join makes a member, see [`MemberId::generate`]; new for every command.
    pub new_member_id: MemberId,
    /// Whether a dynamic member without an id must come back with one before it counts (JoinGroup v4+).
    pub require_member_id: bool,
    /// Whether the client understands `skip_assignment` (JoinGroup v9+).
    pub knows_skip_assignment: bool,
    /// Set for static members.
    pub instance_id: Option<InstanceId>,
    /// What the client calls itself.
    pub client_id: Arc<str>,
    /// Where it connects from.
    pub client_host: Arc<str>,
    /// How long it may be silent, ms.
    pub session_timeout_ms: i32,
    /// How long others wait for it in a rebalance, ms; negative: the session timeout (JoinGroup v0).
    pub rebalance_timeout_ms: i32,
    /// "consumer", "connect", … the same for all members.
    pub protocol_type: Arc<str>,
    /// The protocols it can use, best first.
    pub protocols: Vec<Protocol>,
}

/// The answer to a join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinReply {
    /// The member's id.
    pub member_id: MemberId,
    /// The generation it is in.
    pub generation: i32,
    /// Protocol type of the group.
    pub protocol_type: Arc<str>,
    /// The protocol chosen.
    pub protocol: Arc<str>,
    /// The leader's id.
    pub leader: MemberId,
    /// Whether the leader must not assign again.
    pub skip_assignment: bool,
    /// All members, for the leader; empty for others.
    pub members: Vec<JoinedMember>,
}

/// What the leader learns about a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member_id: MemberId,
    /// Its instance id when it is static.
    pub instance_id: Option<InstanceId>,
    /// Its metadata for the chosen protocol.
    pub metadata: Bytes,
}

impl Group {
    /// A member joins or rejoins. The answer comes as an effect, in this outcome or, when the join is parked, in a later one.
    pub fn join(&mut self, settings: &GroupSettings, command: Join, mono: Duration) -> Outcome<()> {
        let mut turn = self.turn(settings, mono);
        let waiter = command.waiter;
        if let Err(error) = turn.join(command) {
            turn.answer_join(waiter, Err(error));
        }
        turn.finish(())
    }
}

impl Turn<'_> {
    /// An error is the answer; otherwise the answer is given or the join is parked.
    fn join(&mut self, command: Join) -> Result<(), GroupError> {
        if self.state == GroupState::Dead {
            return Err(GroupError::Deleted);
        }
        let session_timeout_ms = self.session_timeout(command.session_timeout_ms)?;
        let old = command.instance_id.as_ref().filter(|_| command.member_id.is_empty());
        let old = old.and_then(|instance| self.instance(instance));
        self.check_room(&command.member_id, old.is_some())?;
        self.check_protocols(&command, old.as_ref())?;

        let is_new = command.member_id.is_empty();
        if is_new && command.instance_id.is_none() && command.require_member_id {
            return self.promise(command.new_member_id, session_timeout_ms);
        }
        let promised = self.session.pending.contains_key(&command.member_id);
        if !is_new && !promised {
            self.validate(&command.member_id, command.instance_id.as_ref())?;
        } else if promised && command.instance_id.is_some() {
            // Ids are only promised to dynamic members.
            return Err(GroupError::UnknownMember);
        }

        let member = Member {
            id: if is_new { command.new_member_id } else { command.member_id },
            instance_id: command.instance_id,
            client_id: command.client_id,
            client_host: command.client_host,
            session_timeout_ms,
            rebalance_timeout_ms: u32::try_from(command.rebalance_timeout_ms).unwrap_or(session_timeout_ms),
            protocols: command.protocols.iter().map(own).collect(),
            assignment: Bytes::new(),
        };
        self.check_bytes(&member)?;
        self.session.pending.remove(&member.id);
        let joiner =
            Joiner { is_new: is_new || promised, waiter: command.waiter, protocol_type: command.protocol_type, member };
        match old {
            Some(old) => self.rejoin_static(&old, joiner, command.knows_skip_assignment),
            None if joiner.is_new => self.rebalance(Some(joiner)),
            None => self.rejoin(joiner),
        }
        Ok(())
    }

    fn session_timeout(&self, value: i32) -> Result<u32, GroupError> {
        let (min, max) = (self.settings.session_timeout_min_ms, self.settings.session_timeout_max_ms);
        match u32::try_from(value) {
            Ok(ms) if (min..=max).contains(&ms) => Ok(ms),
            _ => Err(GroupError::InvalidSessionTimeout { value, min, max }),
        }
    }

    /// New members are refused once the group is full. While it prepares, those count who have joined, so that a lowered limit pushes out whoever
    /// rejoins last.
    fn check_room(&mut self, id: &MemberId, replaces: bool) -> Result<(), GroupError> {
        let max = self.settings.members_max;
        let joined = self.session.rebalance.as_ref().map(|r| (r.joined.contains_key(id), r.joined.len()));
        let room = match (self.state, joined) {
            _ if replaces => true,
            (GroupState::PreparingRebalance, Some((already, count))) => already || count < max,
            (GroupState::CompletingRebalance | GroupState::Stable, _) => {
                self.logged.members.contains_key(id) || self.logged.members.len() < max
            }
            _ => max > 0,
        };
        if room {
            return Ok(());
        }
        self.session.pending.remove(id);
        self.remove(id, &GroupError::Full { max });
        self.form_if_complete();
        Err(GroupError::Full { max })
    }

    /// Everybody must have the same protocol type and a protocol in common. The joining member itself counts with what it brings now.
    fn check_protocols(&self, command: &Join, old: Option<&MemberId>) -> Result<(), GroupError> {
        if command.protocol_type.is_empty() || command.protocols.is_empty() {
            return Err(GroupError::InconsistentProtocol);
        }
        let joining = self.session.rebalance.as_ref().and_then(|r| r.protocol_type.as_ref());
        let current = if self.logged.members.is_empty() { joining } else { self.logged.protocol_type.as_ref() };
        if current.is_some_and(|current| *current != command.protocol_type) {
            return Err(GroupError::InconsistentProtocol);
        }
        let others = self.roster().filter(|m| m.id != command.member_id && Some(&m.id) != old);
        let common = command.protocols.iter().any(|p| others.clone().all(|m| m.supports(&p.name)));
        if common { Ok(()) } else { Err(GroupError::InconsistentProtocol) }
    }

    fn check_bytes(&self, member: &Member) -> Result<(), GroupError> {
        let joined = self.session.rebalance.as_ref().map_or(0, |r| r.joined_bytes);
        let value = joined + member.size();
        if value > GROUP_METADATA_BYTES_MAX {
            return Err(GroupError::TooLarge {
                what: "the metadata of the members",
                value,
                max: GROUP_METADATA_BYTES_MAX,
            });
        }
        Ok(())
    }

    /// Tells a dynamic member to come back with an id. A generation that is being formed waits for it.
    fn promise(&mut self, id: MemberId, session_timeout_ms: u32) -> Result<(), GroupError> {
        let max = self.settings.members_max;
        if self.session.pending.len() >= max {
            return Err(GroupError::Full { max });
        }
        let until = self.mono + ms(session_timeout_ms);
        self.session.pending.insert(id.clone(), until);
        self.session.wake_by(until);
        Err(GroupError::MemberIdRequired { member_id: id })
    }

    /// A member joins again.
    fn rejoin(&mut self, mut joiner: Joiner) {
        let id = joiner.member.id.clone();
        let current = self.logged.members.get(&id);
        joiner.is_new = current.is_none();
        let same = current.is_some_and(|m| m.protocols == joiner.member.protocols);
        let is_leader = self.logged.leader.as_ref() == Some(&id);
        let answer = match self.state {
            // It may not have got the answer to its first join.
            GroupState::CompletingRebalance => same,
            // A leader that joins wants to assign again; followers may only have forgotten.
            GroupState::Stable => same && !is_leader,
            _ => false,
        };
        if !answer {
            return self.rebalance(Some(joiner));
        }
        self.hear(&id);
        let members = if is_leader { self.logged.members.values().collect() } else { Vec::new() };
        let reply = self.current_reply(id, members.into_iter(), false);
        self.answer_join(joiner.waiter, Ok(reply));
    }

    /// A static member comes back without its id: it gets a new one, the old one is fenced. In a stable group whose protocol stays the same nobody else
    /// notices.
    fn rejoin_static(&mut self, old: &MemberId, mut joiner: Joiner, knows_skip_assignment: bool) {
        joiner.is_new = !self.logged.members.contains_key(old);
        let was_leader = self.logged.leader.as_ref() == Some(old);
        self.replace(old, &joiner.member);
        let next = select_protocol(self.survivors().chain([&joiner.member]));
        if self.state != GroupState::Stable || next != self.logged.protocol {
            return self.rebalance(Some(joiner));
        }
        let id = joiner.member.id.clone();
        let skip_assignment = was_leader && knows_skip_assignment;
        let members: Vec<_> =
            if skip_assignment { self.survivors().chain([&joiner.member]).collect() } else { Vec::new() };
        let mut reply = self.current_reply(id, members.into_iter(), skip_assignment);
        if was_leader && !knows_skip_assignment {
            // An older client that finds itself leader would assign again: it is told that somebody else, its old self, is.
            reply.leader = old.clone();
        }
        self.answer_join(joiner.waiter, Ok(reply));
    }

    fn current_reply<'m>(
        &self,
        member_id: MemberId,
        members: impl Iterator<Item = &'m Member>,
        skip_assignment: bool,
    ) -> JoinReply {
        let protocol = self.logged.protocol.clone().unwrap_or_default();
        JoinReply {
            generation: self.logged.generation,
            protocol_type: self.logged.protocol_type.clone().unwrap_or_default(),
            leader: self.leader().unwrap_or(&member_id).clone(),
            skip_assignment,
            members: joined_members(members, &protocol),
            protocol,
            member_id,
        }
    }
}

/// A copy that does not keep the request alive.
fn own(protocol: &Protocol) -> Protocol {
    Protocol { name: protocol.name.clone(), metadata: Bytes::copy_from_slice(&protocol.metadata) }
}
