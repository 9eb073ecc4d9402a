//! What the clients of queues know.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use trine_broker::{MessageNumber, MoveTaskId, Receipt};
use trine_types::Uuid;

use super::{
    super::{Check, ensure},
    NAMES, is_family,
    made::{INTERVAL_MS, Made, SHORT_MS},
    moves::Task,
};

/// Receipts that clients keep.
const HELD_MAX: usize = 40;

/// Everything the clients know.
#[derive(Default)]
pub(in crate::broker_sim) struct Model {
    /// By the number that each body holds.
    pub(super) messages: BTreeMap<u64, Message>,
    /// Messages that are gone and never come back.
    pub(super) gone: BTreeSet<u64>,
    /// Every queue there ever was.
    pub(super) made: Vec<Made>,
    /// Creations that were not answered, by name.
    pub(super) creating: [u32; NAMES.len()],
    /// Move tasks whose start was answered.
    pub(super) tasks: BTreeMap<MoveTaskId, Task>,
    /// Rises with everything that clients do or learn.
    pub(super) tick: u64,
    /// Deliveries that clients may still settle.
    pub(super) held: Vec<Held>,
    /// What was answered until then is safe from a power cut, also with `durability = interval`.
    pub(super) synced: u64,
    /// Times (connection time) and what was known by then; later than `synced`.
    marks: VecDeque<(Duration, u64)>,
}

/// A message.
#[derive(Default)]
pub(super) struct Message {
    /// The queue it was sent to.
    pub(super) made: usize,
    pub(super) group: Option<u64>,
    pub(super) padding: usize,
    pub(super) priority: u8,
    pub(super) ttl_ms: Option<u64>,
    pub(super) delay_ms: Option<u64>,
    /// Message time when it was sent first.
    pub(super) born_ms: i64,
    /// Message time when a send of it was answered first.
    pub(super) sent_ms: Option<i64>,
    /// Sends of it that were not answered in this life.
    pub(super) sending: u32,
    /// Since when it is known to be stored.
    pub(super) sent: Option<u64>,
    /// Whether whoever sends it again must be told that it is there.
    pub(super) answered: bool,
    /// A purge may have come between two sends of it: it may be stored again.
    pub(super) loose: bool,
    /// When it was certainly there, or not sent yet.
    pub(super) alive: u64,
    /// Where it was seen.
    pub(super) places: BTreeMap<(usize, MessageNumber), Place>,
}

/// A message in a queue.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) id: Uuid,
    /// Acknowledgements that were asked for and were not refused.
    pub(super) acking: u32,
    /// When one was answered.
    pub(super) acked: Option<u64>,
    /// The largest receive count seen, and when.
    pub(super) count: Option<(u32, u64)>,
    /// When it was seen first.
    pub(super) learned: u64,
    /// When a purge was answered that began after it was seen.
    pub(super) purged: Option<u64>,
}

/// A delivery that a client has.
#[derive(Clone, Debug)]
pub(in crate::broker_sim) struct Held {
    pub(super) made: usize,
    pub(super) id: u64,
    pub(super) receipt: Receipt,
}

pub(super) fn body(id: u64, padding: usize) -> String {
    format!("{id} {}", "x".repeat(padding))
}

pub(super) fn id_of(body: &[u8]) -> Option<u64> {
    std::str::from_utf8(body).ok()?.split(' ').next()?.parse().ok()
}

impl Message {
    /// The message was seen in a queue under this number and id.
    pub(super) fn see(
        &mut self,
        made: usize,
        number: MessageNumber,
        id: Uuid,
        tick: u64,
    ) -> Result<&mut Place, String> {
        let mut others = self.places.iter().filter(|((at, other), _)| *at == made && *other != number);
        if let Some(((_, other), _)) = others.find(|(_, place)| place.id == id) {
            return Err(format!("it had number {other} and now has {number}"));
        }
        let new = Place { id, acking: 0, acked: None, count: None, learned: tick, purged: None };
        let place = self.places.entry((made, number)).or_insert(new);
        ensure!(place.id == id, "its id has changed");
        Ok(place)
    }

    /// The largest receive count that is known under this id in other queues: a dead letter keeps both.
    pub(super) fn count_elsewhere(&self, made: usize, id: Uuid) -> Option<(u32, u64)> {
        let same = self.places.iter().filter(|((at, _), place)| *at != made && place.id == id);
        same.filter_map(|(_, place)| place.count).max()
    }

    /// When its acknowledgement under this id was answered, in whatever queue: a dead letter is done wherever it is.
    pub(super) fn acked(&self, id: Uuid) -> Option<u64> {
        self.places.values().filter(|place| place.id == id).filter_map(|place| place.acked).min()
    }

    /// Whether somebody acknowledged it, or tried to.
    pub(super) fn may_be_acked(&self) -> bool {
        self.places.values().any(|place| place.acking > 0 || place.acked.is_some())
    }
}

impl Model {
    pub(super) const fn now(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    /// The queue with this id.
    pub(super) fn made_of(&self, id: Uuid) -> Option<usize> {
        self.made.iter().rposition(|made| made.id == id)
    }

    pub(super) fn name_of(&self, made: usize) -> usize {
        self.made.get(made).map_or(usize::MAX, |made| made.name)
    }

    /// Whether a message that was sent to one queue can be in another.
    pub(super) fn belongs(&self, message: &Message, made: usize) -> Check {
        let (from, name) = (self.name_of(message.made), self.name_of(made));
        let right = made == message.made || is_family(from) && is_family(name);
        ensure!(right, "it is in queue {made} ({name}) but was sent to {} ({from})", message.made);
        Ok(())
    }

    /// Whether a message can be gone without an acknowledgement: its queue was purged or deleted, or its time is over.
    pub(super) fn may_be_lost(&self, message: &Message, now_ms: i64) -> bool {
        let age = u64::try_from(now_ms - message.born_ms).unwrap_or(0);
        if message.ttl_ms.is_some_and(|ttl| age >= ttl) {
            return true;
        }
        let name = self.name_of(message.made);
        let reached = self
            .made
            .iter()
            .enumerate()
            .filter(|(at, made)| *at == message.made || is_family(name) && is_family(made.name));
        for (at, made) in reached {
            // The end of an earlier queue is told by `purged` as well.
            let ended = made.deleted && at == message.made && !is_family(name);
            let short = message.alive <= made.short && age >= SHORT_MS;
            if ended || message.alive <= made.purged || short {
                return true;
            }
        }
        false
    }

    /// Everything before a message in its group is done, or comes before it in the same answer.
    pub(super) fn check_order(&self, id: u64, made: usize, started: u64, in_answer: &[u64], now_ms: i64) -> Check {
        let Some(message) = self.messages.get(&id) else { return Ok(()) };
        let number = |message: &Message| message.places.keys().filter(|(at, _)| *at == made).map(|(_, no)| *no).max();
        for (other, before) in
            self.messages.iter().filter(|(_, other)| other.made == made && other.group == message.group)
        {
            // Only what was there when the receive was asked for, and is there for certain.
            let certain = before.sent.is_some_and(|at| at < started) && !before.may_be_acked();
            if certain && number(before) < number(message) && !self.may_be_lost(before, now_ms) {
                ensure!(in_answer.contains(other), "message {id} was delivered before message {other} of its group");
            }
        }
        Ok(())
    }

    pub(super) fn hold(&mut self, held: Held) {
        if self.held.len() >= HELD_MAX {
            self.held.remove(0);
        }
        self.held.push(held);
    }

    fn held_place(&mut self, held: &Held) -> Option<&mut Place> {
        self.messages.get_mut(&held.id)?.places.get_mut(&(held.made, held.receipt.number()))
    }

    pub(super) fn ack_started(&mut self, held: &Held) {
        if let Some(place) = self.held_place(held) {
            place.acking += 1;
        }
    }

    pub(super) fn ack_answered(&mut self, held: &Held, done: bool) {
        let tick = self.now();
        let Some(place) = self.held_place(held) else { return };
        if done {
            place.acked.get_or_insert(tick);
        } else {
            place.acking = place.acking.saturating_sub(1);
        }
    }

    /// The log was written and, where its time had come, synced.
    pub(in crate::broker_sim) fn log_was_synced(&mut self, mono: Duration) {
        let interval = Duration::from_millis(INTERVAL_MS.into());
        while let Some((_, tick)) = self.marks.front().copied().filter(|(at, _)| *at + interval <= mono) {
            self.marks.pop_front();
            self.synced = self.synced.max(tick);
        }
        if self.marks.back().is_none_or(|(at, tick)| *at < mono && *tick < self.tick) {
            self.marks.push_back((mono, self.tick));
        }
    }

    /// Everything that was found after a crash is safe.
    pub(super) fn all_is_synced(&mut self) {
        self.marks.clear();
        self.synced = self.tick;
    }
}
