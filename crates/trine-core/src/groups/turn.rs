//! One command on its way through a group: what it removes and replaces before any record is applied, and how a generation is formed. All rules about
//! rebalancing are here; the commands decide when.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;

use super::{
    Effect, Group, GroupError, GroupRecord, GroupSettings, GroupState, InstanceId, JoinReply, JoinedMember, Member,
    MemberId, Outcome, Waiter,
    group::Logged,
    member::select_protocol,
    session::{InitialDelay, Joined, Rebalance, Session, rebalance_timeout},
};

/// The working state of one command. Logged state stays as it is; `removed` and `replaced` say how it will be once the records are applied.
pub(super) struct Turn<'a> {
    pub(super) logged: &'a Logged,
    pub(super) session: &'a mut Session,
    pub(super) settings: &'a GroupSettings,
    pub(super) mono: Duration,
    /// State when the command came.
    pub(super) state: GroupState,
    /// Logged members that are gone, a replaced one included.
    removed: BTreeSet<MemberId>,
    /// The static member that comes back: its old id, and what it is now.
    replaced: Option<(MemberId, Member)>,
    /// Whether a generation was formed, which says everything about members.
    formed: bool,
    records: Vec<GroupRecord>,
    effects: Vec<Effect>,
}

impl Group {
    /// Starts a command.
    pub(super) fn turn<'a>(&'a mut self, settings: &'a GroupSettings, mono: Duration) -> Turn<'a> {
        let state = self.state();
        Turn {
            logged: &self.logged,
            session: &mut self.session,
            settings,
            mono,
            state,
            removed: BTreeSet::new(),
            replaced: None,
            formed: false,
            records: Vec::new(),
            effects: Vec::new(),
        }
    }
}

impl<'a> Turn<'a> {
    /// Ends the command: records of lost and replaced members, unless a generation says it all.
    pub(super) fn finish<R>(mut self, reply: R) -> Outcome<R> {
        if !self.formed {
            if let Some((old, member)) = self.replaced.take() {
                self.removed.remove(&old);
                self.records.push(GroupRecord::MemberReplaced { old, member });
            }
            if !self.removed.is_empty() {
                let members = std::mem::take(&mut self.removed).into_iter().collect();
                self.records.push(GroupRecord::MembersRemoved { members });
            }
        }
        Outcome { reply, records: self.records, effects: self.effects }
    }

    /// Adds a record that has nothing to do with membership.
    pub(super) fn record(&mut self, record: GroupRecord) {
        self.records.push(record);
    }

    /// Answers a join.
    pub(super) fn answer_join(&mut self, waiter: Waiter, result: Result<JoinReply, GroupError>) {
        self.effects.push(Effect::Join { waiter, result: result.map(Box::new) });
    }

    /// Answers a sync.
    pub(super) fn answer_sync(&mut self, waiter: Waiter, result: Result<super::SyncReply, GroupError>) {
        self.effects.push(Effect::Sync { waiter, result });
    }

    /// Members of the generation that are still there.
    pub(super) fn survivors(&self) -> impl Iterator<Item = &Member> + Clone {
        self.logged.members.values().filter(|m| !self.removed.contains(&m.id))
    }

    /// Everybody as of now: who has joined counts with what it joined with.
    pub(super) fn roster(&self) -> impl Iterator<Item = &Member> + Clone {
        let joined = self.session.rebalance.iter().flat_map(|r| r.joined.values().map(|j| &j.member));
        let away = self.survivors().filter(|m| self.session.joined(&m.id).is_none());
        joined.chain(away)
    }

    /// The member as of now.
    pub(super) fn member(&self, id: &MemberId) -> Option<&Member> {
        let logged = || self.logged.members.get(id).filter(|m| !self.removed.contains(&m.id));
        self.session.joined(id).map(|j| &j.member).or_else(logged)
    }

    /// The id that an instance id stands for.
    pub(super) fn instance(&self, instance: &InstanceId) -> Option<MemberId> {
        self.roster().find(|m| m.instance_id.as_ref() == Some(instance)).map(|m| m.id.clone())
    }

    /// Checks that a command comes from a member, and, if it names an instance id, from the one that has it.
    pub(super) fn validate(&self, id: &MemberId, instance: Option<&InstanceId>) -> Result<&Member, GroupError> {
        let member = self.member(id);
        if let Some(instance) = instance
            && member.is_none_or(|m| m.instance_id.as_ref() != Some(instance))
        {
            return Err(match self.instance(instance) {
                Some(_) => GroupError::FencedInstance,
                None => GroupError::UnknownMember,
            });
        }
        member.ok_or(GroupError::UnknownMember)
    }

    /// Gives a member its full session timeout.
    pub(super) fn hear(&mut self, id: &MemberId) {
        if let Some(member) = self.logged.members.get(id) {
            self.session.hear(member, self.mono);
        }
    }

    /// Takes a member out and tells whoever waits for it why. Whether a rebalance follows is the caller's business.
    pub(super) fn remove(&mut self, id: &MemberId, why: &GroupError) {
        if let Some(joined) = self.session.rebalance.as_mut().and_then(|r| r.remove(id)) {
            self.answer_join(joined.waiter, Err(why.clone()));
        }
        if let Some(waiter) = self.session.syncing.remove(id) {
            self.answer_sync(waiter, Err(why.clone()));
        }
        self.session.unsynced.remove(id);
        self.session.heard_until.remove(id);
        if self.logged.members.contains_key(id) {
            self.removed.insert(id.clone());
        }
    }

    /// Puts a static member that came back in the place of its old id, which is fenced.
    pub(super) fn replace(&mut self, old: &MemberId, member: &Member) {
        self.remove(old, &GroupError::FencedInstance);
        if self.logged.members.contains_key(old) {
            self.replaced = Some((old.clone(), member.clone()));
            self.session.hear(member, self.mono);
        }
    }

    /// The leader as of now.
    pub(super) fn leader(&self) -> Option<&MemberId> {
        match (&self.logged.leader, &self.replaced) {
            (Some(leader), Some((old, new))) if leader == old => Some(&new.id),
            (Some(leader), _) if self.removed.contains(leader) => None,
            (leader, _) => leader.as_ref(),
        }
    }

    /// Makes a rebalance go on, or begin, with somebody who joins (if any). May form the generation at once.
    pub(super) fn rebalance(&mut self, joiner: Option<Joiner>) {
        let begins = self.session.rebalance.is_none();
        if begins {
            self.cancel_syncs();
            self.session.rebalance = Some(Box::default());
        }
        let newcomer = joiner.is_some_and(|joiner| self.park(joiner));
        let timeout = rebalance_timeout(self.roster());
        let Some(rebalance) = &mut self.session.rebalance else { return };
        if begins && self.logged.members.is_empty() {
            let delay = self.settings.initial_rebalance_delay;
            rebalance.initial = Some(InitialDelay { delay, remaining: timeout.saturating_sub(delay), more: false });
            rebalance.until = self.mono + delay;
            self.session.wake_by(self.mono + delay);
            if delay.is_zero() {
                return self.form();
            }
        } else if begins {
            rebalance.until = self.mono + timeout;
            self.session.wake_by(self.mono + timeout);
        } else if newcomer && let Some(initial) = &mut rebalance.initial {
            initial.more = true;
        }
        self.form_if_complete();
    }

    /// Nobody can sync into a generation that is about to be replaced.
    fn cancel_syncs(&mut self) {
        for (id, waiter) in std::mem::take(&mut self.session.syncing) {
            self.answer_sync(waiter, Err(GroupError::RebalanceInProgress));
            self.hear(&id);
        }
        self.session.unsynced.clear();
        self.session.sync_until = None;
    }

    /// Parks a join; true when it is of somebody not seen before. An older one of the same member was given up by its sender, who is told to come
    /// again if it still listens.
    fn park(&mut self, joiner: Joiner) -> bool {
        let until = joiner.is_new.then(|| self.mono + self.settings.new_member_join_timeout);
        let Some(rebalance) = &mut self.session.rebalance else { return false };
        let older = rebalance.remove(&joiner.member.id);
        rebalance.joined_bytes += joiner.member.size();
        rebalance.joins += 1;
        rebalance.protocol_type = Some(joiner.protocol_type);
        let order = older.as_ref().map_or(rebalance.joins, |j| j.order);
        let joined = Joined { waiter: joiner.waiter, until, order, member: joiner.member };
        rebalance.joined.insert(joined.member.id.clone(), joined);
        if let Some(until) = until {
            self.session.wake_by(until);
        }
        let newcomer = until.is_some() && older.is_none();
        if let Some(older) = older {
            self.answer_join(older.waiter, Err(GroupError::RebalanceInProgress));
        }
        newcomer
    }

    /// Forms the generation if everybody who is expected has joined, or nobody is left.
    pub(super) fn form_if_complete(&mut self) {
        let Some(rebalance) = &self.session.rebalance else { return };
        let nobody = rebalance.joined.is_empty() && self.survivors().next().is_none();
        let everybody = rebalance.initial.is_none()
            && self.session.pending.is_empty()
            && self.survivors().all(|m| rebalance.joined.contains_key(&m.id));
        if nobody || everybody {
            self.form();
        }
    }

    /// Waiting is over: drops dynamic members who have not rejoined and forms the generation of those who have. Static members who have not stay until
    /// their session expires; when nobody else is there, waiting goes on.
    pub(super) fn form(&mut self) {
        let late: Vec<_> = self
            .survivors()
            .filter(|m| !m.is_static() && self.session.joined(&m.id).is_none())
            .map(|m| m.id.clone())
            .collect();
        for id in late {
            self.remove(&id, &GroupError::UnknownMember);
        }
        let timeout = rebalance_timeout(self.roster());
        let Some(mut rebalance) = self.session.rebalance.take() else { return };
        if !rebalance.joined.is_empty() {
            return self.form_generation(*rebalance, timeout);
        }
        if self.survivors().next().is_some() {
            rebalance.until = self.mono + timeout;
            self.session.rebalance = Some(rebalance);
            self.session.wake_by(self.mono + timeout);
        } else if !self.logged.members.is_empty() {
            self.formed = true;
            let generation = self.logged.generation.saturating_add(1);
            self.records.push(GroupRecord::Emptied { generation });
        }
    }

    fn form_generation(&mut self, rebalance: Rebalance, timeout: Duration) {
        let leader = self.leader().filter(|id| rebalance.joined.contains_key(*id)).cloned();
        let first = || rebalance.joined.values().min_by_key(|j| j.order).map(|j| j.member.id.clone());
        let Some(leader) = leader.or_else(first) else { return };
        let logged_type = (!self.logged.members.is_empty()).then_some(self.logged.protocol_type.as_ref()).flatten();
        let protocol_type = logged_type.or(rebalance.protocol_type.as_ref()).cloned().unwrap_or_default();

        // What was assigned in the old generation means nothing in this one.
        let away = self.survivors().map(|m| (m.id.clone(), Member { assignment: Bytes::new(), ..m.clone() }));
        let mut members: BTreeMap<MemberId, Member> = away.collect();
        let mut waiters = Vec::new();
        for (id, joined) in rebalance.joined {
            waiters.push((id.clone(), joined.waiter));
            members.insert(id, joined.member);
        }
        // Joins are refused unless they have a protocol in common with everybody, so there is one.
        let leaders_first = || members.get(&leader).and_then(|m| m.protocols.first()).map(|p| p.name.clone());
        let protocol = select_protocol(members.values()).or_else(leaders_first).unwrap_or_default();

        let generation = self.logged.generation.saturating_add(1);
        for (id, waiter) in waiters {
            let reply = JoinReply {
                generation,
                protocol_type: protocol_type.clone(),
                protocol: protocol.clone(),
                leader: leader.clone(),
                skip_assignment: false,
                members: if id == leader { joined_members(members.values(), &protocol) } else { Vec::new() },
                member_id: id,
            };
            if let Some(member) = members.get(&reply.member_id) {
                self.session.hear(member, self.mono);
            }
            self.session.unsynced.insert(reply.member_id.clone());
            self.answer_join(waiter, Ok(reply));
        }
        self.session.sync_until = Some(self.mono + timeout);
        self.session.wake_by(self.mono + timeout);
        self.formed = true;
        let members = members.into_values().collect();
        self.records.push(GroupRecord::Generation { generation, protocol_type, protocol, leader, members });
    }
}

/// Somebody to park.
pub(super) struct Joiner {
    pub(super) member: Member,
    pub(super) waiter: Waiter,
    pub(super) protocol_type: Arc<str>,
    /// Whether it was not a member before.
    pub(super) is_new: bool,
}

/// What the leader learns about the members.
pub(super) fn joined_members<'m>(members: impl Iterator<Item = &'m Member>, protocol: &str) -> Vec<JoinedMember> {
    members
        .map(|m| JoinedMember {
            member_id: m.id.clone(),
            instance_id: m.instance_id.clone(),
            metadata: m.metadata(protocol),
        })
        .collect()
}
