//! Comparing recovered queues with what the clients know.

use std::collections::BTreeMap;

use trine_broker::{DeadLetter, MessageNumber, NewQueue, Peek, PeekedState, QueueError, QueueSettings};
use trine_types::{Namespace, QueueName, Uuid};

use super::{
    super::{
        Check, ensure,
        life::{Live, World},
    },
    DEAD, JOBS, NAMES, ORDERS,
    model::{body, id_of},
};

/// Messages that one look returns.
const PAGE: usize = 50;
/// A visibility that often ends within a life.
const VISIBILITY_MS: u64 = 300;
/// Deliveries of a message before it goes to the dead-letter queue.
const MAX_RECEIVES: u32 = 3;

/// A message as it was found.
struct Found {
    number: MessageNumber,
    message_id: Uuid,
    count: u32,
    moving: bool,
}

impl World<'_> {
    pub(in crate::broker_sim) fn check_queues(&mut self, live: &mut Live) -> Check {
        if !self.queues.made {
            return self.make_queues(live);
        }
        let mut all = Vec::new();
        for (queue, name) in NAMES.into_iter().enumerate() {
            let found = self.look_at(live, queue).map_err(|what| format!("queue {name}: {what}"))?;
            self.tally.peeked += found.len() as u64;
            all.push(found);
        }
        let ids: Vec<u64> = self.queues.messages.keys().copied().collect();
        for id in ids {
            self.check_message(id, &all).map_err(|what| format!("message {id}: {what}"))?;
        }
        Ok(())
    }

    fn make_queues(&mut self, live: &mut Live) -> Check {
        for (at, name) in NAMES.into_iter().enumerate() {
            let Ok(name) = QueueName::parse(name) else { continue };
            let dead_letter = match QueueName::parse(NAMES[DEAD]) {
                Ok(target) if at == JOBS => Some(DeadLetter { target, max_receives: MAX_RECEIVES }),
                _ => None,
            };
            let settings = QueueSettings {
                fifo: at == ORDERS,
                visibility_ms: VISIBILITY_MS,
                dedup_window_ms: 86_400_000,
                dead_letter,
                ..QueueSettings::default()
            };
            let broker = live.broker.clone();
            let namespace = Namespace::default();
            let new = NewQueue { namespace, name, settings, cooldown: std::time::Duration::ZERO };
            let made = self.block_on(live, broker.queues().create(new)).ok_or("a queue is not made")?;
            match made {
                Ok(_) | Err(QueueError::Exists(_)) => {}
                Err(error) => return Err(format!("a queue is not made: {error}")),
            }
        }
        self.queues.made = true;
        Ok(())
    }

    /// Everything in a queue, by the number in the body.
    fn look_at(&mut self, live: &mut Live, at: usize) -> Result<BTreeMap<u64, Found>, String> {
        let queue = Self::queue(live, at).ok_or("it is gone")?;
        let mut found = BTreeMap::new();
        let mut from = None;
        loop {
            let broker = live.broker.clone();
            let peek = Peek { state: None, from, limit: PAGE };
            let page = self.block_on(live, broker.queues().peek(&queue, peek)).ok_or("a look does not end")?;
            let page = page.map_err(|error| error.to_string())?;
            for one in page.messages {
                let id = id_of(&one.message.body).ok_or("a message without a number")?;
                let message = self.queues.messages.get(&id).ok_or_else(|| format!("message {id} was never sent"))?;
                ensure!(one.message.body == body(id, message.padding), "the body of message {id} has changed");
                let moving = one.state == PeekedState::Moving;
                let (number, message_id) = (one.number, one.message.message_id);
                let new = Found { number, message_id, count: one.receive_count, moving };
                ensure!(found.insert(id, new).is_none(), "message {id} is there twice");
            }
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(found),
            }
        }
    }

    fn check_message(&mut self, id: u64, all: &[BTreeMap<u64, Found>]) -> Check {
        let Some(message) = self.queues.messages.get_mut(&id) else { return Ok(()) };
        let tick = self.queues.tick;
        let own = all.get(message.queue).and_then(|found| found.get(&id));
        let dead = all.get(DEAD).and_then(|found| found.get(&id));
        ensure!(own.is_none_or(|own| own.moving) || dead.is_none(), "it is in its queue and in the dead-letter queue");
        for (queue, found) in all.iter().enumerate() {
            let Some(found) = found.get(&id) else { continue };
            let right = queue == message.queue || (queue == DEAD && message.queue == JOBS);
            ensure!(right, "it is in queue {queue} but was sent to {}", message.queue);
            message.learn_number(id, queue, found.number)?;
            let place = message.place(queue);
            // One that was on its way to the dead-letter queue already was not here any more, whatever a late consumer says.
            let back = place.acked.is_some() && !found.moving;
            ensure!(!back, "it is back after its acknowledgement was answered");
            let count = place.count.map_or(0, |(count, _)| count);
            ensure!(found.count >= count, "its receive count fell from {count} to {}", found.count);
            // The acknowledgements that were under way did not happen.
            place.acking = 0;
        }
        let acked = |queue| message.places.get(&queue).is_some_and(|place| place.acking > 0 || place.acked.is_some());
        let allowed = acked(message.queue) || acked(DEAD);
        message.sending = 0;
        match (own.or(dead), message.sent) {
            (Some(found), None) => {
                message.sent = Some((tick, found.message_id));
                message.answered = true;
            }
            (Some(found), Some((_, known))) => ensure!(found.message_id == known, "its id has changed"),
            (None, Some(_)) => {
                ensure!(allowed, "it was stored and it is gone");
                message.answered = true;
            }
            // It was never stored; on the FIFO queue somebody may send it again.
            (None, None) if message.queue == JOBS => drop(self.queues.messages.remove(&id)),
            (None, None) => {}
        }
        Ok(())
    }
}
