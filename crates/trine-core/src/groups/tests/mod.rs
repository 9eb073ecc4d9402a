//! Scripts against a group in virtual time. The desk does what a group's owner does: it applies records at once, keeps the log, and watches that every
//! waiter gets exactly one answer of its kind and that the machine's invariants hold after every command.

mod clients;
mod committing;
mod expiring;
mod joining;
mod properties;
mod records;
mod recovering;
mod static_members;
mod syncing;
mod timing;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use trine_types::{Timestamp, TopicName, Uuid};

use super::*;

const RANGE: &str = "range";
const STICKY: &str = "sticky";

/// An answer, and to what.
#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Join(Result<Box<JoinReply>, GroupError>),
    Sync(Result<SyncReply, GroupError>),
}

/// A member as a test describes it.
#[derive(Clone, Debug)]
struct Who {
    id: String,
    instance: Option<String>,
    session_ms: i32,
    rebalance_ms: i32,
    kind: &'static str,
    protocols: Vec<(&'static str, Bytes)>,
    require_id: bool,
    knows_skip: bool,
}

/// A dynamic member of an old client (no MEMBER_ID_REQUIRED), with the protocol "range".
fn who(id: &str) -> Who {
    Who {
        id: id.to_owned(),
        instance: None,
        session_ms: 10_000,
        rebalance_ms: 60_000,
        kind: CONSUMER_PROTOCOL_TYPE,
        protocols: vec![(RANGE, subscription(&["t"]))],
        require_id: false,
        knows_skip: false,
    }
}

/// A static member.
fn fixed(instance: &str, id: &str) -> Who {
    Who { instance: Some(instance.to_owned()), ..who(id) }
}

impl Who {
    fn protocols(mut self, protocols: &[&'static str]) -> Self {
        self.protocols = protocols.iter().map(|name| (*name, subscription(&["t"]))).collect();
        self
    }

    fn topics(mut self, topics: &[&str]) -> Self {
        self.protocols = vec![(RANGE, subscription(topics))];
        self
    }
}

/// Subscription metadata, version 0.
fn subscription(topics: &[&str]) -> Bytes {
    let mut bytes = vec![0, 0];
    bytes.extend((topics.len() as i32).to_be_bytes());
    for topic in topics {
        bytes.extend((topic.len() as i16).to_be_bytes());
        bytes.extend(topic.as_bytes());
    }
    bytes.extend((-1_i32).to_be_bytes());
    bytes.into()
}

fn id(text: &str) -> MemberId {
    MemberId::new(text)
}

fn topic(n: u8) -> Uuid {
    Uuid([n; 16])
}

/// Topic ids 1, 2, … are named "t1", "t2", …; id 0 is a topic that is gone.
fn name_of(topic: Uuid) -> Option<TopicName> {
    (topic.0[0] != 0).then(|| TopicName::parse(&format!("t{}", topic.0[0])).unwrap())
}

fn position(topic_no: u8, partition: u32, offset: u64) -> CommitOffset {
    CommitOffset { topic: topic(topic_no), partition, offset, leader_epoch: 3, metadata: "m".into() }
}

/// The owner of one group.
struct Desk {
    group: Group,
    settings: GroupSettings,
    mono: Duration,
    now: Timestamp,
    waiters: u64,
    ids: u32,
    open: BTreeMap<Waiter, &'static str>,
    answers: BTreeMap<Waiter, Answer>,
    log: Vec<(GroupRecord, Timestamp)>,
}

impl Desk {
    fn new() -> Self {
        Self::with(GroupSettings { initial_rebalance_delay: Duration::ZERO, ..GroupSettings::default() })
    }

    fn with(settings: GroupSettings) -> Self {
        Self {
            group: Group::new(),
            settings,
            mono: Duration::from_secs(1_000),
            now: Timestamp(1_700_000_000_000),
            waiters: 0,
            ids: 0,
            open: BTreeMap::new(),
            answers: BTreeMap::new(),
            log: Vec::new(),
        }
    }

    fn waiter(&mut self, kind: &'static str) -> Waiter {
        self.waiters += 1;
        self.open.insert(Waiter(self.waiters), kind);
        Waiter(self.waiters)
    }

    /// Appends, applies and answers; everything a group does goes through here.
    fn settle<R>(&mut self, outcome: Outcome<R>) -> R {
        let before = self.group.generation();
        for record in outcome.records {
            assert_eq!(GroupRecord::decode(&record.encode()), Ok(record.clone()));
            self.group.apply(&record, self.now);
            self.log.push((record, self.now));
        }
        for effect in outcome.effects {
            let (waiter, kind, answer) = match effect {
                Effect::Join { waiter, result } => (waiter, "join", Answer::Join(result)),
                Effect::Sync { waiter, result } => (waiter, "sync", Answer::Sync(result)),
            };
            assert_eq!(self.open.remove(&waiter), Some(kind), "{waiter:?} is answered once, and as what it is");
            self.answers.insert(waiter, answer);
        }
        assert!(self.group.state() == GroupState::Dead || self.group.generation() >= before, "generations never fall");
        self.check();
        outcome.reply
    }

    /// What holds between any two commands.
    fn check(&self) {
        let group = &self.group;
        let (logged, session) = (&group.logged, &group.session);
        let mut parked: BTreeSet<Waiter> = session.syncing.values().copied().collect();
        parked.extend(session.rebalance.iter().flat_map(|r| r.joined.values().map(|j| j.waiter)));
        assert_eq!(parked, self.open.keys().copied().collect(), "who is not answered is parked");
        assert!(logged.leader.as_ref().is_none_or(|id| logged.members.contains_key(id)), "the leader is a member");
        assert!(logged.leader.is_some() || logged.members.is_empty() || logged.rebalance_due, "somebody leads");
        assert!(!logged.assigned || !logged.members.is_empty());
        assert!(!logged.rebalance_due || session.rebalance.is_some(), "a due rebalance is under way");
        assert!(session.syncing.is_empty() || group.state() == GroupState::CompletingRebalance);
        for id in logged.members.keys() {
            assert!(session.heard_until.contains_key(id), "{id} has a deadline");
        }
        assert!(session.heard_until.keys().all(|id| logged.members.contains_key(id)), "deadlines are for members");
        assert!(session.unsynced.iter().all(|id| logged.members.contains_key(id)));
        let mut due = session.clone();
        due.find_wake();
        assert!(due.wake.is_none_or(|at| session.wake.is_some_and(|wake| wake <= at)), "no deadline is missed");
        if let Some(rebalance) = &session.rebalance {
            let bytes: usize = rebalance.joined.values().map(|j| j.member.size()).sum();
            assert_eq!(rebalance.joined_bytes, bytes);
            assert!(
                !rebalance.joined.is_empty() || !logged.members.is_empty(),
                "nobody is waited for without a member"
            );
        }
        if !logged.members.is_empty() {
            let protocol = member::select_protocol(logged.members.values());
            assert!(protocol.is_some(), "members have a protocol in common");
        }
    }

    fn join(&mut self, who: Who) -> Waiter {
        self.ids += 1;
        let made = format!("m{}", self.ids);
        self.join_as(who, &made)
    }

    fn join_as(&mut self, who: Who, new_id: &str) -> Waiter {
        let waiter = self.waiter("join");
        let protocols = who.protocols.into_iter();
        let command = Join {
            waiter,
            member_id: id(&who.id),
            new_member_id: id(new_id),
            require_member_id: who.require_id,
            knows_skip_assignment: who.knows_skip,
            instance_id: who.instance.as_deref().map(InstanceId::new),
            client_id: "client".into(),
            client_host: "/127.0.0.1".into(),
            session_timeout_ms: who.session_ms,
            rebalance_timeout_ms: who.rebalance_ms,
            protocol_type: who.kind.into(),
            protocols: protocols.map(|(name, metadata)| Protocol { name: name.into(), metadata }).collect(),
        };
        let outcome = self.group.join(&self.settings, command, self.mono);
        self.settle(outcome);
        waiter
    }

    fn sync_with(&mut self, member: &str, generation: i32, assignments: &[(&str, &'static str)]) -> Waiter {
        self.sync_command(Sync {
            waiter: Waiter(0),
            member_id: id(member),
            instance_id: None,
            generation,
            protocol_type: None,
            protocol: None,
            assignments: assignments.iter().map(|(to, what)| (id(to), Bytes::from_static(what.as_bytes()))).collect(),
        })
    }

    fn sync_command(&mut self, mut command: Sync) -> Waiter {
        command.waiter = self.waiter("sync");
        let waiter = command.waiter;
        let outcome = self.group.sync(&self.settings, command, self.mono);
        self.settle(outcome);
        waiter
    }

    fn sync(&mut self, member: &str, generation: i32) -> Waiter {
        self.sync_with(member, generation, &[])
    }

    fn heartbeat(&mut self, member: &str, generation: i32) -> Result<(), GroupError> {
        let command = Heartbeat { member_id: id(member), instance_id: None, generation };
        let result = self.group.heartbeat(&self.settings, &command, self.mono);
        self.check();
        result
    }

    fn leave(&mut self, leavers: &[(&str, Option<&str>)]) -> Vec<Result<(), GroupError>> {
        let leavers: Vec<_> = leavers
            .iter()
            .map(|(member, instance)| Leaver { member_id: id(member), instance_id: instance.map(InstanceId::new) })
            .collect();
        let outcome = self.group.leave(&self.settings, &leavers, self.mono);
        self.settle(outcome).unwrap()
    }

    fn commit(&mut self, member: &str, generation: i32, offsets: Vec<CommitOffset>) -> EachOrAll {
        self.commit_command(Commit {
            member_id: id(member),
            instance_id: None,
            generation,
            offsets,
            retention_ms: None,
        })
    }

    fn commit_command(&mut self, command: Commit) -> EachOrAll {
        let outcome = self.group.commit(&self.settings, command, self.mono);
        self.settle(outcome)
    }

    /// Lets connection time pass, waking the group whenever it asks for it.
    fn pass(&mut self, ms: u64) {
        let end = self.mono + Duration::from_millis(ms);
        while let Some(deadline) = self.group.next_deadline().filter(|at| *at <= end) {
            self.mono = self.mono.max(deadline);
            let outcome = self.group.on_time(&self.settings, self.mono);
            self.settle(outcome);
            let next = self.group.next_deadline();
            assert!(next.is_none_or(|at| at > self.mono), "what is due is done");
        }
        self.mono = end;
    }

    /// Lets message time pass and expires what is due.
    fn pass_messages(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
        let outcome = self.group.expire(&self.settings, self.now, name_of);
        self.settle(outcome);
        let next = self.group.next_expiry(&self.settings, name_of);
        assert!(next.is_none_or(|at| at > self.now), "what is due is done");
    }

    /// The process ends and starts again: only the log is left. Whoever was parked has lost its connection.
    fn restart(&mut self) {
        self.open.clear();
        self.group = self.replayed();
        self.group.recover(self.mono);
        self.check();
    }

    fn replayed(&self) -> Group {
        let mut group = Group::new();
        for (record, at) in &self.log {
            group.apply(record, *at);
        }
        group
    }

    fn is_open(&self, waiter: Waiter) -> bool {
        self.open.contains_key(&waiter)
    }

    fn joined(&self, waiter: Waiter) -> JoinReply {
        match self.answers.get(&waiter) {
            Some(Answer::Join(Ok(reply))) => (**reply).clone(),
            other => panic!("{waiter:?} got {other:?}"),
        }
    }

    fn synced(&self, waiter: Waiter) -> String {
        match self.answers.get(&waiter) {
            Some(Answer::Sync(Ok(reply))) => String::from_utf8(reply.assignment.to_vec()).unwrap(),
            other => panic!("{waiter:?} got {other:?}"),
        }
    }

    fn refused(&self, waiter: Waiter) -> GroupError {
        match self.answers.get(&waiter) {
            Some(Answer::Join(Err(error)) | Answer::Sync(Err(error))) => error.clone(),
            other => panic!("{waiter:?} got {other:?}"),
        }
    }

    fn state(&self) -> GroupState {
        self.group.state()
    }

    fn members(&self) -> Vec<&str> {
        self.group.logged.members.keys().map(MemberId::as_str).collect()
    }

    fn last(&self) -> Option<&GroupRecord> {
        self.log.last().map(|(record, _)| record)
    }

    /// How many records there are, by the first letter of their kinds.
    fn kinds(&self) -> String {
        let letter = |record: &GroupRecord| match record {
            GroupRecord::Generation { .. } => 'G',
            GroupRecord::Emptied { .. } => 'E',
            GroupRecord::Assigned { .. } => 'A',
            GroupRecord::MemberReplaced { .. } => 'R',
            GroupRecord::MembersRemoved { .. } => 'L',
            GroupRecord::OffsetsCommitted { .. } => 'C',
            GroupRecord::OffsetsRemoved { .. } => 'X',
            GroupRecord::Deleted => 'D',
        };
        self.log.iter().map(|(record, _)| letter(record)).collect()
    }

    /// A stable group of dynamic members "m1", "m2", … with "m1" as leader, assigned "a1", "a2", …
    fn stable(count: u32) -> Self {
        let mut desk = Self::new();
        let mut waiters = vec![desk.join(who(""))];
        for _ in 1..count {
            let waiter = desk.join(who(""));
            waiters.push(waiter);
        }
        desk.settle_generation();
        assert_eq!((desk.state(), desk.members().len() as u32), (GroupState::Stable, count));
        desk
    }

    /// Lets every member of the last generation that has not joined do so, then all sync with assignments "a" and the number in their id.
    fn settle_generation(&mut self) {
        if self.state() == GroupState::PreparingRebalance {
            for member in self.members().iter().map(|m| (*m).to_owned()).collect::<Vec<_>>() {
                if self.group.session.joined(&id(&member)).is_none() {
                    let known = &self.group.logged.members[member.as_str()];
                    let instance = known.instance_id.as_ref().map(|i| i.as_str().to_owned());
                    let protocols = known.protocols.iter();
                    let protocols = protocols
                        .map(|p| (if &*p.name == RANGE { RANGE } else { STICKY }, p.metadata.clone()))
                        .collect();
                    self.join(Who { instance, protocols, ..who(&member) });
                }
            }
        }
        assert_eq!(self.state(), GroupState::CompletingRebalance);
        let generation = self.group.generation();
        let leader = self.group.logged.leader.clone().unwrap();
        let members: Vec<String> = self.members().iter().map(|m| (*m).to_owned()).collect();
        let command = Sync {
            waiter: Waiter(0),
            member_id: leader.clone(),
            instance_id: None,
            generation,
            protocol_type: None,
            protocol: None,
            assignments: members.iter().map(|m| (id(m), Bytes::from(m.replace('m', "a")))).collect(),
        };
        self.sync_command(command);
        for member in members.iter().filter(|m| **m != leader.as_str()) {
            let waiter = self.sync(member, generation);
            assert_eq!(self.synced(waiter), member.replace('m', "a"));
        }
    }
}

fn text(text: &str) -> Arc<str> {
    text.into()
}
