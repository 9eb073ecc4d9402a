//! What a group knows beside its log: who has joined so far, who waits for an answer, until when members must be heard from. It starts empty after a
//! restart (decision E10) and no record depends on it after the fact.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{Effect, GroupError, Member, MemberId, Waiter, group::Logged};

/// Session state of a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    /// Ids promised to members who have not come back with them, and until when.
    pub(super) pending: BTreeMap<MemberId, Duration>,
    /// Until when each member of the generation must be heard from. Not looked at while its join or sync is parked.
    pub(super) heard_until: BTreeMap<MemberId, Duration>,
    /// Members waiting for their leader's assignments.
    pub(super) syncing: BTreeMap<MemberId, Waiter>,
    /// Members of this generation that have not synced yet, and must by `sync_until`.
    pub(super) unsynced: BTreeSet<MemberId>,
    pub(super) sync_until: Option<Duration>,
    /// The forming of the next generation.
    pub(super) rebalance: Option<Box<Rebalance>>,
    /// A lower bound of all deadlines above.
    pub(super) wake: Option<Duration>,
}

/// A generation being formed.
#[derive(Clone, Debug, Default)]
pub(super) struct Rebalance {
    /// When waiting ends.
    pub(super) until: Duration,
    /// Set when the group was empty before.
    pub(super) initial: Option<InitialDelay>,
    /// The type of those who have joined; it counts when no member of the last generation is left.
    pub(super) protocol_type: Option<Arc<str>>,
    /// Who has joined.
    pub(super) joined: BTreeMap<MemberId, Joined>,
    /// Sum of the sizes of `joined`, bytes.
    pub(super) joined_bytes: usize,
    /// How many joins there were; orders them.
    pub(super) joins: u64,
}

/// The delay in which an empty group waits for more members after the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct InitialDelay {
    /// The delay that runs.
    pub(super) delay: Duration,
    /// How much it may still be extended.
    pub(super) remaining: Duration,
    /// Whether somebody joined since it started.
    pub(super) more: bool,
}

/// A parked join.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    /// What the member will be in the next generation.
    pub(super) member: Member,
    pub(super) waiter: Waiter,
    /// When to give up on somebody who was not a member before.
    pub(super) until: Option<Duration>,
    /// Order of arrival.
    pub(super) order: u64,
}

impl Session {
    /// Session state of a group just recovered.
    pub(super) fn recovered(logged: &Logged, mono: Duration) -> Self {
        let mut session = Self::default();
        if logged.deleted || logged.members.is_empty() {
            return session;
        }
        for member in logged.members.values() {
            session.hear(member, mono);
        }
        let until = mono + rebalance_timeout(logged.members.values());
        if logged.rebalance_due {
            session.rebalance = Some(Box::new(Rebalance { until, ..Rebalance::default() }));
            session.wake_by(until);
        } else if !logged.assigned {
            session.unsynced = logged.members.keys().cloned().collect();
            session.sync_until = Some(until);
            session.wake_by(until);
        }
        session
    }

    /// Gives a member its full session timeout from now.
    pub(super) fn hear(&mut self, member: &Member, mono: Duration) {
        let until = mono + ms(member.session_timeout_ms);
        match self.heard_until.get_mut(&member.id) {
            Some(old) => *old = until,
            None => drop(self.heard_until.insert(member.id.clone(), until)),
        }
        self.wake_by(until);
    }

    /// Makes sure that the owner is woken by `deadline`.
    pub(super) fn wake_by(&mut self, deadline: Duration) {
        self.wake = Some(self.wake.map_or(deadline, |wake| wake.min(deadline)));
    }

    /// Finds the earliest deadline again, once the old ones have passed.
    pub(super) fn find_wake(&mut self) {
        let heard = self.heard_until.iter().filter(|(id, _)| !self.is_parked(id)).map(|(_, until)| *until);
        let joined = self.rebalance.iter().flat_map(|r| r.joined.values().filter_map(|j| j.until));
        let rebalance = self.rebalance.iter().map(|r| r.until);
        let all = heard.chain(joined).chain(rebalance).chain(self.pending.values().copied()).chain(self.sync_until);
        self.wake = all.min();
    }

    /// Whether a join or sync of the member waits: then it need not be heard from.
    pub(super) fn is_parked(&self, id: &MemberId) -> bool {
        self.joined(id).is_some() || self.syncing.contains_key(id)
    }

    /// The member's parked join.
    pub(super) fn joined(&self, id: &MemberId) -> Option<&Joined> {
        self.rebalance.as_ref()?.joined.get(id)
    }

    /// Members that are joining and were not in the last generation.
    pub(super) fn newcomers<'a>(&'a self, logged: &'a Logged) -> impl Iterator<Item = &'a Member> {
        let joined = self.rebalance.iter().flat_map(|r| r.joined.values());
        joined.map(|j| &j.member).filter(|m| !logged.members.contains_key(&m.id))
    }

    /// Whether nobody is there and nobody is expected.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.heard_until.is_empty() && self.rebalance.is_none()
    }

    /// Takes all parked joins and syncs, as answers that tell to try again.
    pub(super) fn take_parked(&mut self) -> Vec<Effect> {
        let rebalance = self.rebalance.take();
        let joins = rebalance.into_iter().flat_map(|r| r.joined.into_values());
        let joins = joins.map(|j| Effect::Join { waiter: j.waiter, result: Err(GroupError::Unavailable) });
        let syncs = std::mem::take(&mut self.syncing).into_values();
        let syncs = syncs.map(|waiter| Effect::Sync { waiter, result: Err(GroupError::Unavailable) });
        joins.chain(syncs).collect()
    }
}

impl Rebalance {
    /// Takes a parked join out.
    pub(super) fn remove(&mut self, id: &MemberId) -> Option<Joined> {
        let joined = self.joined.remove(id)?;
        self.joined_bytes = self.joined_bytes.saturating_sub(joined.member.size());
        Some(joined)
    }
}

/// Milliseconds as a duration.
pub(super) const fn ms(ms: u32) -> Duration {
    Duration::from_millis(ms as u64)
}

/// The longest any member wants to be waited for.
pub(super) fn rebalance_timeout<'a>(members: impl Iterator<Item = &'a Member>) -> Duration {
    ms(members.map(|m| m.rebalance_timeout_ms).max().unwrap_or(0))
}
