//! Acknowledgements that come late: their message has left for a dead-letter queue. Nothing is delivered anywhere after its acknowledgement was answered,
//! so the message is looked for where it went: by where it was before.

use std::collections::BTreeMap;

use trine_types::{EntityId, Timestamp};

use super::facts::Facts;
use super::ledger::{Ledger, Place};
use super::queue::Queue;
use super::{MessageFacts, MessageNumber, Origin, QueueRecord, SettleReason};

/// The messages of a queue that were in another one before, by what they were there. About 40 bytes for each.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(BTreeMap<(EntityId, u64), MessageNumber>);

impl Origins {
    pub(super) fn add(&mut self, number: MessageNumber, facts: &MessageFacts) {
        if let Some(origin) = facts.moved.and_then(|moved| moved.origin) {
            self.0.insert((origin.entity, origin.seq), number);
        }
    }

    /// A message is done. One that took its place (with another body) stays.
    pub(super) fn remove(&mut self, number: MessageNumber, facts: &Facts) {
        if self.0.is_empty() {
            return;
        }
        if let Some(origin) = facts.get(number).and_then(|facts| facts.moved?.origin) {
            let key = (origin.entity, origin.seq);
            if self.0.get(&key) == Some(&number) {
                self.0.remove(&key);
            }
        }
    }

    /// Forgets what is done.
    pub(super) fn retain(&mut self, ledger: &Ledger) {
        self.0.retain(|_, number| ledger.is_live(*number));
    }

    /// Memory, estimated, bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.len() * 40
    }
}

/// Where a message is that was in another queue before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// Not here: it never came, or is done.
    No,
    /// Here.
    Here(MessageNumber),
    /// It was here, and is on its way to another queue.
    Onward(MessageNumber),
}

/// What acknowledging messages by their origin leads to.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LateAck {
    /// Per origin, in order.
    pub outcomes: Vec<Arrived>,
    /// To append: those that are here are done, whoever has them.
    pub record: Option<QueueRecord>,
}

impl Queue {
    /// Where a message is that was `origin` before it came here as a dead letter. A redriven message is a new one and has no origin.
    #[must_use]
    pub fn arrived(&self, origin: Origin) -> Arrived {
        let Some(number) = self.origins.0.get(&(origin.entity, origin.seq)).copied() else { return Arrived::No };
        match self.ledger.place(number) {
            None => Arrived::No,
            // Where a task takes it to it is a new message, and this one done; but it can be refused there and be back.
            Some(Place::Moving) => Arrived::Onward(number),
            Some(_) => Arrived::Here(number),
        }
    }

    /// Messages are done that came here after the delivery that is acknowledged. Nothing logged changes.
    pub fn decide_ack_arrived(&mut self, now: Timestamp, origins: &[Origin]) -> LateAck {
        self.refresh(now);
        let outcomes: Vec<_> = origins.iter().map(|origin| self.arrived(*origin)).collect();
        let here = |outcome: &Arrived| if let Arrived::Here(number) = outcome { Some(*number) } else { None };
        let mut numbers: Vec<_> = outcomes.iter().filter_map(here).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let bytes = numbers.iter().map(|number| u64::from(self.weight(*number).0)).sum();
        let record =
            (!numbers.is_empty()).then_some(QueueRecord::Settle { reason: SettleReason::Acked, numbers, bytes });
        LateAck { outcomes, record }
    }

    /// The entities messages ever moved to from here.
    pub fn move_targets(&self) -> impl Iterator<Item = EntityId> {
        self.outbox.targets()
    }

    /// Derives the index of origins from ledger and facts.
    pub(super) fn rebuild_origins(&mut self) {
        let moved = self.facts.moved(&self.ledger).into_iter();
        let entries = moved.filter_map(|(number, from)| Some(((from.origin?.entity, from.origin?.seq), number)));
        self.origins = Origins(entries.collect());
    }
}
