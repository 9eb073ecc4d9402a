//! What the clients of queues know.

use std::collections::BTreeMap;

use trine_broker::{Delivery, MessageNumber, Receipt, Sent};
use trine_types::Uuid;

use super::{
    super::{Check, ensure},
    DEAD, JOBS, ORDERS,
};

/// Receipts that clients keep.
const HELD_MAX: usize = 40;

/// Everything the clients know.
#[derive(Default)]
pub(in crate::broker_sim) struct Model {
    /// By the number that each body holds.
    pub(super) messages: BTreeMap<u64, Message>,
    /// Rises with everything that clients do or learn.
    pub(super) tick: u64,
    /// Deliveries that clients may still settle.
    pub(super) held: Vec<Held>,
    /// Whether the queues were made.
    pub(super) made: bool,
}

/// A message.
#[derive(Default)]
pub(super) struct Message {
    /// The queue it was sent to.
    pub(super) queue: usize,
    pub(super) group: Option<u64>,
    pub(super) padding: usize,
    /// Sends of it that were not answered in this life.
    pub(super) sending: u32,
    /// Since when it is known to be stored, and its id.
    pub(super) sent: Option<(u64, Uuid)>,
    /// Whether whoever sends it again must be told that it is there.
    pub(super) answered: bool,
    /// What is known of it in each queue.
    pub(super) places: BTreeMap<usize, Place>,
}

/// A message in a queue.
#[derive(Default, Clone, Copy)]
pub(super) struct Place {
    pub(super) number: Option<MessageNumber>,
    /// Acknowledgements that were asked for and were not refused.
    pub(super) acking: u32,
    /// When one was answered.
    pub(super) acked: Option<u64>,
    /// The largest receive count seen, and when.
    pub(super) count: Option<(u32, u64)>,
}

/// A delivery that a client has.
#[derive(Clone)]
pub(in crate::broker_sim) struct Held {
    pub(super) queue: usize,
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
    pub(super) fn place(&mut self, queue: usize) -> &mut Place {
        self.places.entry(queue).or_default()
    }

    pub(super) fn learn_number(&mut self, id: u64, queue: usize, number: MessageNumber) -> Check {
        let known = *self.place(queue).number.get_or_insert(number);
        ensure!(known == number, "message {id} had number {known} and now has {number}");
        Ok(())
    }
}

impl Model {
    pub(super) const fn now(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    /// A send of a message was answered.
    pub(super) fn learn_sent(&mut self, id: u64, sent: &Sent) -> Check {
        let tick = self.now();
        let Some(message) = self.messages.get_mut(&id) else { return Ok(()) };
        let queue = message.queue;
        if let Some((_, known)) = message.sent {
            ensure!(known == sent.message_id, "message {id} has another id when it is sent again");
        }
        ensure!(sent.duplicate || !message.answered, "message {id} was sent again and is another one");
        ensure!(queue == ORDERS || !sent.duplicate, "message {id} was sent once and is a duplicate");
        message.sent.get_or_insert((tick, sent.message_id));
        message.answered = true;
        message.learn_number(id, queue, sent.number)
    }

    /// A receive that was asked for at `started` was answered.
    pub(super) fn learn_received(&mut self, queue: usize, started: u64, deliveries: &[Delivery]) -> Check {
        let tick = self.now();
        let mut in_answer = Vec::new();
        for delivery in deliveries {
            let id = id_of(&delivery.message.body).ok_or("a message without a number")?;
            self.learn_delivery(queue, id, started, tick, delivery).map_err(|what| format!("message {id}: {what}"))?;
            if queue == ORDERS {
                self.check_order(id, started, &in_answer)?;
            }
            in_answer.push(id);
            if self.held.len() >= HELD_MAX {
                self.held.remove(0);
            }
            self.held.push(Held { queue, id, receipt: delivery.receipt });
        }
        Ok(())
    }

    fn learn_delivery(&mut self, queue: usize, id: u64, started: u64, tick: u64, delivery: &Delivery) -> Check {
        let Some(message) = self.messages.get_mut(&id) else { return Err("it was never sent".into()) };
        let right = queue == message.queue || (queue == DEAD && message.queue == JOBS);
        ensure!(right, "it is in queue {queue} but was sent to {}", message.queue);
        ensure!(delivery.message.body == body(id, message.padding), "its body has changed");
        let (_, known) = *message.sent.get_or_insert((tick, delivery.message.message_id));
        ensure!(delivery.message.message_id == known, "its id has changed");
        message.learn_number(id, queue, delivery.message.number)?;
        let before = (queue == DEAD).then(|| message.places.get(&JOBS).and_then(|place| place.count)).flatten();
        let place = message.place(queue);
        let late = place.acked.is_some_and(|acked| acked < started);
        ensure!(!late, "it was delivered after its acknowledgement was answered");
        let count = delivery.receive_count;
        for (known, at) in place.count.into_iter().chain(before) {
            let rises = if at < started { count > known } else { count != known };
            ensure!(rises, "its receive count is {count} after {known}");
        }
        if place.count.is_none_or(|(known, _)| count > known) {
            place.count = Some((count, tick));
        }
        Ok(())
    }

    /// Everything before a message in its group is done, or comes before it in the same answer.
    fn check_order(&self, id: u64, started: u64, in_answer: &[u64]) -> Check {
        let Some(message) = self.messages.get(&id) else { return Ok(()) };
        let number = |message: &Message| message.places.get(&ORDERS).and_then(|place| place.number);
        for (other, before) in
            self.messages.iter().filter(|(_, other)| other.group.is_some() && other.group == message.group)
        {
            let place = before.places.get(&ORDERS).copied().unwrap_or_default();
            // Only what was there when the receive was asked for, and is there for certain.
            let certain = before.sent.is_some_and(|(at, _)| at < started) && place.acking == 0;
            if certain && number(before) < number(message) {
                ensure!(in_answer.contains(other), "message {id} was delivered before message {other} of its group");
            }
        }
        Ok(())
    }

    pub(super) fn ack_started(&mut self, held: &Held) {
        if let Some(message) = self.messages.get_mut(&held.id) {
            message.place(held.queue).acking += 1;
        }
    }

    pub(super) fn ack_answered(&mut self, held: &Held, done: bool) {
        let tick = self.now();
        let Some(message) = self.messages.get_mut(&held.id) else { return };
        let place = message.place(held.queue);
        if done {
            place.acked.get_or_insert(tick);
        } else {
            place.acking = place.acking.saturating_sub(1);
        }
    }
}
