//! Messages that other entities send here (decision E4). They pass by deduplication, and length limits bind them as they bind a send.

use std::collections::BTreeMap;

use trine_types::Timestamp;

use super::queue::Queue;
use super::{
    Arrivals, Arriving, ENQUEUE_MESSAGES_MAX, Enqueue, EnqueuedMessage, MessageNumber, MoveCause, QueueRecord,
    SendRefusal,
};
use crate::forwards::{Arrival, Inbox, InboxRecord, Receipt, TransferId, Verdict};

impl Queue {
    /// Takes transfers, refuses them or answers them again. Consecutive ones of one source are taken together; the rest comes again. Nothing logged
    /// changes.
    pub fn decide_arrivals(&mut self, now: Timestamp, messages: &[(TransferId, Arriving)]) -> Arrivals {
        self.refresh(now);
        let mut arrivals = Arrivals { numbers: vec![None; messages.len()], ..Arrivals::default() };
        let mut room = self.room();
        let mut added = Added::default();
        // Per source what this command has taken or refused last.
        let mut last: BTreeMap<_, (TransferId, bool)> = BTreeMap::new();
        for (at, (id, message)) in messages.iter().enumerate() {
            let arrival = match last.get(&id.source) {
                None => self.inbox.decide(id),
                Some((before, true)) if id.epoch == before.epoch && id.no == before.no + 1 => Arrival::Next,
                Some((before, true)) if id.epoch == before.epoch && id.no <= before.no => {
                    Arrival::Answer(Receipt { id: *id, verdict: Verdict::Taken })
                }
                Some((before, false)) if id.epoch == before.epoch && id.no >= before.no => {
                    Arrival::Answer(Receipt { id: *id, verdict: Verdict::Refused { from: before.no } })
                }
                Some(_) => Arrival::Ignore,
            };
            match arrival {
                Arrival::Ignore => {}
                Arrival::Answer(receipt) => arrivals.receipts.push(receipt),
                Arrival::Next => {
                    let taken = self.admits(message).and_then(|()| room.admit(message.size)).is_ok();
                    if taken {
                        let number = added.push(self, now, at, message, Some(Inbox::taken(id)));
                        if let Some(slot) = arrivals.numbers.get_mut(at) {
                            *slot = Some(number);
                        }
                    } else {
                        arrivals.refusals.push(QueueRecord::ForwardRefused(Inbox::refused(id)));
                    }
                    arrivals.receipts.push(Inbox::receipt(id, taken));
                    last.insert(id.source, (*id, taken));
                }
            }
        }
        self.finish(arrivals, added, &room)
    }

    /// Takes messages of a queue of the same shard group, in the batch that settles them there. [`Arrivals::numbers`] says which were taken.
    pub fn decide_local_arrivals(&mut self, now: Timestamp, messages: &[Arriving]) -> Arrivals {
        self.refresh(now);
        let mut arrivals = Arrivals { numbers: vec![None; messages.len()], ..Arrivals::default() };
        let mut room = self.room();
        let mut added = Added::default();
        for (at, message) in messages.iter().enumerate() {
            if self.admits(message).and_then(|()| room.admit(message.size)).is_ok()
                && let Some(slot) = arrivals.numbers.get_mut(at)
            {
                *slot = Some(added.push(self, now, at, message, None));
            }
        }
        self.finish(arrivals, added, &room)
    }

    fn finish(&self, mut arrivals: Arrivals, added: Added, room: &super::send::Room) -> Arrivals {
        let mut new: BTreeMap<u8, Vec<EnqueuedMessage>> = BTreeMap::new();
        for part in &added.parts {
            new.entry(part.enqueue.lane).or_default().extend(part.enqueue.messages.iter().cloned());
        }
        arrivals.drops = self.drops(room, &new.iter().map(|(lane, messages)| (*lane, messages.as_slice())).collect());
        arrivals.enqueues =
            added.parts.into_iter().map(|part| (QueueRecord::Enqueue(part.enqueue), part.which)).collect();
        arrivals
    }

    /// Whether a message can be here at all.
    fn admits(&self, message: &Arriving) -> Result<(), SendRefusal> {
        if self.settings.fifo && message.group == 0 { Err(SendRefusal::NoGroup) } else { Ok(()) }
    }
}

/// Enqueues of one command, in order.
#[derive(Default)]
struct Added {
    parts: Vec<Part>,
    /// Messages per lane.
    count: BTreeMap<u8, u64>,
}

struct Part {
    enqueue: Enqueue,
    which: Vec<usize>,
}

impl Added {
    fn push(
        &mut self,
        queue: &Queue,
        now: Timestamp,
        at: usize,
        message: &Arriving,
        taken: Option<InboxRecord>,
    ) -> MessageNumber {
        let lane = message.priority.min(queue.settings.lanes() - 1);
        let before = self.count.entry(lane).or_default();
        let offset = queue.ledger.tail(lane) + *before;
        *before += 1;
        let source = |taken: &Option<InboxRecord>| match taken {
            Some(InboxRecord::Taken { source, epoch, .. }) => Some((*source, *epoch)),
            _ => None,
        };
        // An enqueue names one transfer, the last of its source: so it holds messages of one source only.
        let fits = |part: &&mut Part| {
            part.enqueue.lane == lane
                && part.enqueue.messages.len() < ENQUEUE_MESSAGES_MAX
                && source(&part.enqueue.taken) == source(&taken)
        };
        let new = Part { enqueue: Enqueue { lane, first: offset, messages: Vec::new(), taken }, which: Vec::new() };
        let part = match self.parts.last_mut().filter(fits) {
            Some(part) => {
                part.enqueue.taken = taken;
                part
            }
            None => {
                self.parts.push(new);
                let at = self.parts.len() - 1;
                &mut self.parts[at]
            }
        };
        part.enqueue.messages.push(enqueued(queue, now, message));
        part.which.push(at);
        MessageNumber::new(lane, offset)
    }
}

/// A dead letter keeps its id, its counts and, on a standard queue, the time it was sent; a redriven message is a new one.
fn enqueued(queue: &Queue, now: Timestamp, message: &Arriving) -> EnqueuedMessage {
    let keeps = message.cause == MoveCause::DeadLetter;
    let expires_at = queue.settings.ttl_ms.map(|ttl| now.plus_ms(super::queue::ms(ttl)));
    EnqueuedMessage {
        size: message.size,
        sent_at: if keeps && !queue.settings.fifo { message.sent_at } else { now },
        delay_ms: None,
        expires_at,
        group: message.group,
        dedup: 0,
        moved: keeps.then(|| Box::new(message.from)),
    }
}
