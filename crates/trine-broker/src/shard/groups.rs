//! Consumer groups of a shard: drives the machine in `trine-core` as its documentation says.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use trine_core::{
    groups::{
        Commit, Description, Effect, Group, GroupError, GroupSettings, GroupState, Heartbeat, Join, Leaver, Outcome,
        Sync, Waiter,
    },
    ops,
};
use trine_storage::{Durability, Op, OpKind};
use trine_types::{EntityId, GroupName, TopicName, Uuid};

use super::{Command, EntityMap, Reply, Shard};
use crate::groups::{
    Answer, Committed, CommittedOffsets, GroupListing, JoinReply, OffsetsWanted, SyncReply, join_reply, sync_reply,
};

/// Groups whose time has come that are looked at in one turn.
const TIMERS_PER_TURN_MAX: usize = 256;

/// The groups of a shard.
#[derive(Default)]
pub(crate) struct GroupTable {
    slots: EntityMap<GroupSlot>,
    /// When to look at which group; an entry may be too early, never too late.
    timers: BTreeSet<(Duration, EntityId)>,
    waiting: HashMap<u64, Waiting>,
    next_waiter: u64,
}

struct GroupSlot {
    name: GroupName,
    group: Group,
    /// Its entry in the timers.
    scheduled: Option<Duration>,
    /// It is being taken out of the catalogue: whoever comes now must ask for the name again.
    leaving: bool,
}

/// Somebody whose join or sync is parked.
enum Waiting {
    Join(Reply<Answer<JoinReply>>),
    Sync(Reply<Answer<SyncReply>>),
}

impl GroupTable {
    /// Takes over a recovered group, or one that the catalogue has and the log does not mention.
    pub(crate) fn place(&mut self, entity: EntityId, name: GroupName, mut group: Group, mono: Duration) {
        group.recover(mono);
        let slot = GroupSlot { name, group, scheduled: None, leaving: false };
        self.slots.insert(entity, slot);
        self.schedule(entity);
    }

    pub(super) fn entities(&self) -> impl Iterator<Item = EntityId> {
        self.slots.keys().copied()
    }

    pub(super) fn section(&self, entity: EntityId) -> Option<bytes::Bytes> {
        self.slots.get(&entity).map(|slot| slot.group.encode_section())
    }

    pub(super) fn next_timer(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Makes sure the group is looked at in time. A deadline that moved away leaves the old entry, so that a heartbeat costs nothing here.
    fn schedule(&mut self, entity: EntityId) {
        let Some(slot) = self.slots.get_mut(&entity) else { return };
        let Some(next) = slot.group.next_deadline() else { return };
        if slot.scheduled.is_some_and(|at| at <= next) {
            return;
        }
        if let Some(at) = slot.scheduled.replace(next) {
            self.timers.remove(&(at, entity));
        }
        self.timers.insert((next, entity));
    }

    /// Drops everybody who waits: nobody knows any more.
    pub(super) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    fn remove(&mut self, entity: EntityId) {
        if let Some(slot) = self.slots.remove(&entity)
            && let Some(at) = slot.scheduled
        {
            self.timers.remove(&(at, entity));
        }
    }

    fn wait(&mut self, waiting: Waiting) -> Waiter {
        self.next_waiter += 1;
        self.waiting.insert(self.next_waiter, waiting);
        Waiter(self.next_waiter)
    }
}

/// What to do with a group's session when its records cannot be logged.
enum OnRefusal {
    /// Everybody who is parked is told to come again.
    TakeBack,
    /// Nothing: the command left nothing behind.
    Keep,
}

impl Shard {
    /// Whether commands may go to the group of this entity; makes its slot when it is new.
    fn group_ready(&mut self, entity: EntityId, name: &GroupName) -> bool {
        if let Some(slot) = self.groups.slots.get(&entity) {
            return !slot.leaving && slot.group.state() != GroupState::Dead;
        }
        // A command may come late, after its group was deleted and forgotten: that must not bring it back.
        if self.shared.catalog.load().group(name) != Some(entity) {
            return false;
        }
        let mono = self.shared.clock.mono();
        self.groups.place(entity, name.clone(), Group::new(), mono);
        true
    }

    /// Runs a command: decides, appends, applies, holds the effects until they are durable. `None` when the records could not be logged.
    fn drive<R>(
        &mut self,
        entity: EntityId,
        on_refusal: &OnRefusal,
        command: impl FnOnce(&mut Group, &GroupSettings, Duration) -> Outcome<R>,
    ) -> Option<R> {
        let mono = self.shared.clock.mono();
        let shared = std::sync::Arc::clone(&self.shared);
        let outcome = command(&mut self.groups.slots.get_mut(&entity)?.group, &shared.config.groups, mono);
        if !outcome.records.is_empty() {
            let op = |record: &trine_core::groups::GroupRecord| Op {
                kind: OpKind(ops::GROUP),
                entity,
                meta: record.encode(),
                run: None,
            };
            let logged = self.commit(outcome.records.iter().map(op).collect(), Durability::Sync, true);
            let now = self.now;
            let slot = self.groups.slots.get_mut(&entity)?;
            if logged.is_err() {
                if matches!(on_refusal, OnRefusal::TakeBack) {
                    let taken = slot.group.take_back(outcome, mono);
                    self.send_effects_once_durable(taken.effects);
                }
                self.groups.schedule(entity);
                return None;
            }
            for record in &outcome.records {
                slot.group.apply(record, now);
            }
        }
        self.send_effects_once_durable(outcome.effects);
        self.groups.schedule(entity);
        Some(outcome.reply)
    }

    fn send_effects_once_durable(&mut self, effects: Vec<Effect>) {
        if !effects.is_empty() {
            self.once_durable(move |shard| shard.send_effects(effects));
        }
    }

    fn send_effects(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Join { waiter, result } => {
                    if let Some(Waiting::Join(reply)) = self.groups.waiting.remove(&waiter.0) {
                        reply.send(result.map(|joined| join_reply(*joined)));
                    }
                }
                Effect::Sync { waiter, result } => {
                    if let Some(Waiting::Sync(reply)) = self.groups.waiting.remove(&waiter.0) {
                        reply.send(result.map(sync_reply));
                    }
                }
            }
        }
    }

    pub(crate) fn group_join(
        &mut self,
        entity: EntityId,
        name: &GroupName,
        reply: Reply<Answer<JoinReply>>,
        command: impl FnOnce(Waiter) -> Join,
    ) {
        if !self.group_ready(entity, name) {
            return self.answer(reply, Err(GroupError::Deleted));
        }
        let waiter = self.groups.wait(Waiting::Join(reply));
        let _ = self
            .drive(entity, &OnRefusal::TakeBack, |group, settings, mono| group.join(settings, command(waiter), mono));
    }

    pub(crate) fn group_sync(
        &mut self,
        entity: EntityId,
        name: &GroupName,
        reply: Reply<Answer<SyncReply>>,
        command: impl FnOnce(Waiter) -> Sync,
    ) {
        if !self.group_ready(entity, name) {
            return self.answer(reply, Err(GroupError::Deleted));
        }
        let waiter = self.groups.wait(Waiting::Sync(reply));
        let _ = self
            .drive(entity, &OnRefusal::TakeBack, |group, settings, mono| group.sync(settings, command(waiter), mono));
    }

    /// Runs a command with a reply of its own.
    fn group_call<R: Send + 'static>(
        &mut self,
        entity: EntityId,
        name: &GroupName,
        on_refusal: &OnRefusal,
        reply: Reply<Answer<R>>,
        command: impl FnOnce(&mut Group, &GroupSettings, Duration) -> Outcome<Answer<R>>,
    ) {
        let answer = match self.group_ready(entity, name) {
            true => self.drive(entity, on_refusal, command).unwrap_or(Err(GroupError::Unavailable)),
            false => Err(GroupError::Deleted),
        };
        self.answer(reply, answer);
    }

    pub(crate) fn group_heartbeat(
        &mut self,
        entity: EntityId,
        name: &GroupName,
        command: &Heartbeat,
        reply: Reply<Answer<()>>,
    ) {
        self.group_call(entity, name, &OnRefusal::Keep, reply, |group, settings, mono| {
            let reply = group.heartbeat(settings, command, mono);
            Outcome { reply, records: Vec::new(), effects: Vec::new() }
        });
    }

    pub(crate) fn group_leave(
        &mut self,
        entity: EntityId,
        name: &GroupName,
        leavers: &[Leaver],
        reply: Reply<Answer<Vec<Answer<()>>>>,
    ) {
        self.group_call(entity, name, &OnRefusal::TakeBack, reply, |group, settings, mono| {
            group.leave(settings, leavers, mono)
        });
    }

    pub(crate) fn group_commit(
        &mut self,
        entity: EntityId,
        name: &GroupName,
        command: Commit,
        reply: Reply<Answer<Vec<Answer<()>>>>,
    ) {
        self.group_call(entity, name, &OnRefusal::Keep, reply, |group, settings, mono| {
            group.commit(settings, command, mono)
        });
    }

    pub(crate) fn group_delete_offsets(
        &mut self,
        entity: EntityId,
        name: &GroupName,
        offsets: &[(Uuid, TopicName, u32)],
        reply: Reply<Answer<Vec<Answer<()>>>>,
    ) {
        self.group_call(entity, name, &OnRefusal::Keep, reply, |group, _, _| group.delete_offsets(offsets));
    }

    /// Asks a group without changing it; a group nobody used answers like an empty one.
    fn group_read<R: Send + 'static>(
        &mut self,
        entity: EntityId,
        name: &GroupName,
        reply: Reply<Answer<R>>,
        read: impl FnOnce(&Group) -> R,
    ) {
        let ready = self.group_ready(entity, name);
        let slot = self.groups.slots.get(&entity).filter(|_| ready);
        let answer = slot.map_or(Err(GroupError::Deleted), |slot| Ok(read(&slot.group)));
        self.answer(reply, answer);
    }

    pub(crate) fn group_describe(
        &mut self,
        entity: EntityId,
        name: &GroupName,
        reply: Reply<Answer<Option<Description>>>,
    ) {
        self.group_read(entity, name, reply, Group::describe);
    }

    pub(crate) fn group_offsets(
        &mut self,
        entity: EntityId,
        name: &GroupName,
        wanted: &OffsetsWanted,
        reply: Reply<Answer<CommittedOffsets>>,
    ) {
        let copy = |committed: &trine_core::groups::Committed| Committed {
            offset: committed.offset,
            leader_epoch: committed.leader_epoch,
            metadata: committed.metadata.as_ref().to_owned(),
        };
        self.group_read(entity, name, reply, |group| match wanted {
            OffsetsWanted::All => group
                .all_committed()
                .map(|(topic, partition, committed)| (topic, partition, Some(copy(committed))))
                .collect(),
            OffsetsWanted::These(these) => these
                .iter()
                .map(|(topic, partition)| (*topic, *partition, group.committed(*topic, *partition).map(copy)))
                .collect(),
        });
    }

    pub(crate) fn group_list(&mut self, reply: Reply<Vec<GroupListing>>) {
        let listing = |slot: &GroupSlot| GroupListing {
            name: slot.name.clone(),
            state: slot.group.state(),
            protocol_type: slot.group.protocol_type().map(|text| text.as_ref().to_owned()).unwrap_or_default(),
            members: slot.group.member_count(),
        };
        let shown = |slot: &&GroupSlot| !slot.leaving && !slot.group.is_vacant();
        let all = self.groups.slots.values().filter(shown).map(listing).collect();
        self.answer(reply, all);
    }

    pub(crate) fn group_delete(&mut self, entity: EntityId, name: &GroupName, reply: Reply<Answer<()>>) {
        if !self.group_ready(entity, name) {
            return self.answer(reply, Err(GroupError::Deleted));
        }
        let deleted =
            self.drive(entity, &OnRefusal::Keep, |group, _, _| group.delete()).unwrap_or(Err(GroupError::Unavailable));
        if deleted.is_err() {
            return self.answer(reply, deleted);
        }
        self.once_durable(move |shard| shard.retire_group(entity, move || reply.send(Ok(()))));
    }

    /// Takes a group that has nothing left out of the catalogue, then forgets it. Until then whoever asks for it has to ask for the name again.
    fn retire_group(&mut self, entity: EntityId, then: impl FnOnce() + Send + 'static) {
        let Some(slot) = self.groups.slots.get_mut(&entity) else { return };
        if std::mem::replace(&mut slot.leaving, true) {
            return;
        }
        let (name, home) = (slot.name.clone(), usize::from(self.id.0));
        self.shared.tell(
            0,
            Command::Call(Box::new(move |owner| {
                owner.forget_group(&name, entity, move |owner, forgotten| {
                    let back = move |shard: &mut Self| {
                        match forgotten {
                            Ok(()) => {
                                shard.groups.remove(entity);
                                shard.store.drop_entity(entity);
                            }
                            // Tried again by a later sweep.
                            Err(_) => {
                                if let Some(slot) = shard.groups.slots.get_mut(&entity) {
                                    slot.leaving = false;
                                }
                            }
                        }
                        then();
                    };
                    owner.shared.tell(home, Command::Call(Box::new(back)));
                });
            })),
        );
    }

    /// Groups whose deadline (connection time) has come.
    pub(super) fn group_timers(&mut self) {
        let mono = self.shared.clock.mono();
        for _ in 0..TIMERS_PER_TURN_MAX {
            let Some((at, entity)) = self.groups.timers.first().copied().filter(|(at, _)| *at <= mono) else { return };
            self.groups.timers.remove(&(at, entity));
            if let Some(slot) = self.groups.slots.get_mut(&entity) {
                slot.scheduled = None;
            }
            let _ = self.drive(entity, &OnRefusal::TakeBack, |group, settings, mono| group.on_time(settings, mono));
        }
    }

    /// What message time does to a group: commits and groups expire, commits of deleted topics go.
    pub(super) fn sweep_group(&mut self, entity: EntityId) {
        let Some(slot) = self.groups.slots.get(&entity) else { return };
        if slot.leaving {
            return;
        }
        if slot.group.is_vacant() {
            return self.retire_group(entity, || {});
        }
        let catalog = self.shared.catalog.load_full();
        let now = self.now;
        let _ = self
            .drive(entity, &OnRefusal::Keep, |group, _, _| group.drop_topics(|id| catalog.topic_by_id(id).is_some()));
        let _ = self.drive(entity, &OnRefusal::Keep, |group, settings, _| {
            group.expire(settings, now, |id| catalog.topic_by_id(id).map(|topic| topic.name.clone()))
        });
    }

    /// Everybody who is parked is told to come again: the server stops.
    pub(super) fn abandon_groups(&mut self) {
        let entities: Vec<_> = self.groups.entities().collect();
        for entity in entities {
            let _ = self.drive(entity, &OnRefusal::Keep, |group, _, mono| group.abandon(mono));
        }
    }
}
