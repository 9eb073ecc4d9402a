//! The owner's side of recovery: collects what the store hands over.

use std::collections::BTreeMap;

use trine_storage::{Op, Replay, Section};
use trine_types::{Lsn, ShardId, Timestamp};

use super::{
    Check,
    content::stored_op,
    ensure,
    model::{Found, Shard, State, States, apply},
};

#[derive(Default)]
pub(super) struct Owner {
    pub(super) found: BTreeMap<ShardId, Found>,
    pub(super) wrong: Option<String>,
}

impl Replay for Owner {
    fn section(&mut self, shard: ShardId, section: Section) {
        let found = self.found.entry(shard).or_default();
        if !found.batches.is_empty() {
            self.wrong = Some(format!("a section of shard group {shard} came after its batches"));
        }
        match State::decode(&section.bytes) {
            Some(state) => {
                if found.states.insert(section.entity, state).is_some() {
                    self.wrong = Some(format!("two sections of {}", section.entity));
                }
            }
            None => self.wrong = Some(format!("the section of {} has other bytes than were written", section.entity)),
        }
        found.as_of.insert(section.entity, section.as_of);
        found.sections.push(section);
    }

    fn batch(&mut self, shard: ShardId, lsn: Lsn, at: Timestamp, ops: Vec<Op>) {
        let found = self.found.entry(shard).or_default();
        apply(&mut found.states, &found.as_of, lsn, &ops);
        found.batches.push((lsn, at, ops));
    }
}

impl Owner {
    /// Compares what was found for a shard group, which ends at `last`, with its model. Returns the states after `last`.
    pub(super) fn compare(&self, shard: &Shard, last: Lsn) -> Check<States> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        let id = shard.id;
        ensure!(last <= shard.last(), "shard group {id} ends at LSN {last}, beyond the last append {}", shard.last());
        let empty = Found::default();
        let found = self.found.get(&id).unwrap_or(&empty);
        for section in &found.sections {
            ensure!(section.as_of <= last, "{id}: a section of LSN {} outlived the log's end {last}", section.as_of);
        }
        let mut previous = None;
        for (lsn, at, ops) in &found.batches {
            ensure!(*lsn <= last, "shard group {id}: batch {lsn} beyond the end {last}");
            ensure!(
                previous.is_none_or(|previous: Lsn| previous.next() == *lsn),
                "{id}: batch {lsn} after {previous:?}"
            );
            previous = Some(*lsn);
            let Some(logged) = shard.get(*lsn) else {
                return Err(format!("shard group {id}: batch {lsn} was never appended"));
            };
            ensure!(logged.at == *at, "shard group {id}: batch {lsn} has the time {at:?} instead of {:?}", logged.at);
            ensure!(logged.ops.len() == ops.len(), "{id}: batch {lsn} came back in part");
            for (op, expected) in ops.iter().zip(&logged.ops) {
                ensure!(*op == stored_op(expected), "shard group {id}: an operation of batch {lsn} changed");
            }
        }
        ensure!(previous.is_none_or(|previous| previous == last), "{id}: batches end at {previous:?}, not at {last}");
        let expected = shard.states_at(last);
        for (entity, state) in &expected {
            let Some(found) = found.states.get(entity) else {
                return Err(format!("entity {entity} is gone after recovery to LSN {last} of shard group {id}"));
            };
            ensure!(found == state, "{entity} at LSN {last}: state {found:?} instead of {state:?}");
        }
        for entity in found.states.keys() {
            ensure!(expected.contains_key(entity), "entity {entity} came back from the dead at LSN {last}");
        }
        Ok(expected)
    }
}
