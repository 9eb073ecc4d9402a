//! Comparing recovered queues with what the clients know.

use std::collections::BTreeMap;

use trine_broker::{MessageNumber, Peek, PeekedState};
use trine_types::Uuid;

use super::{
    super::{
        Check, ensure,
        life::{Live, World},
    },
    DEAD, NAMES, ORDERS,
    model::{body, id_of},
};

/// Messages that one look returns.
const PAGE: usize = 50;

/// A message as it was found.
pub(super) struct Found {
    pub(super) made: usize,
    pub(super) number: MessageNumber,
    pub(super) message_id: Uuid,
    pub(super) count: u32,
    pub(super) moving: bool,
}

impl World<'_> {
    pub(in crate::broker_sim) fn check_queues(&mut self, live: &mut Live) -> Check {
        if self.queues.made.is_empty() {
            return self.make_queues(live);
        }
        self.check_made(live)?;
        let found = self.look_everywhere(live)?;
        self.tally.peeked += found.len() as u64;
        self.forget_volatile(&found)?;
        self.forgive_lazy(&found)?;
        for (id, found) in &found {
            self.check_found(*id, found).map_err(|what| format!("message {id}: {what}"))?;
        }
        let ids: Vec<u64> = self.queues.messages.keys().copied().filter(|id| !found.contains_key(id)).collect();
        for id in ids {
            self.check_missing(id).map_err(|what| format!("message {id}: {what}"))?;
        }
        self.check_moves(live)?;
        self.queues.all_is_synced();
        Ok(())
    }

    /// Everything in all queues. What was on its way goes on meanwhile: the dead-letter queue is looked at before and after all others, so that a message that
    /// goes to it or comes from it is seen at least once; one that left it while others were looked at counts as on its way.
    fn look_everywhere(&mut self, live: &mut Live) -> Result<BTreeMap<u64, Vec<Found>>, String> {
        let (mut before, mut found) = (BTreeMap::new(), BTreeMap::new());
        self.look_at(live, DEAD, &mut before)?;
        for name in (0..NAMES.len()).filter(|name| *name != DEAD) {
            self.look_at(live, name, &mut found)?;
        }
        self.look_at(live, DEAD, &mut found)?;
        for (id, ones) in before {
            let now: &mut Vec<Found> = found.entry(id).or_default();
            for one in ones {
                if !now.iter().any(|other| (other.made, other.number) == (one.made, one.number)) {
                    now.push(Found { moving: true, ..one });
                }
            }
        }
        Ok(found)
    }

    /// Adds everything in a queue, by the number in the body.
    fn look_at(&mut self, live: &mut Live, name: usize, found: &mut BTreeMap<u64, Vec<Found>>) -> Check {
        self.add_from(live, name, found).map_err(|what| format!("queue {}: {what}", NAMES[name]))
    }

    fn add_from(&mut self, live: &mut Live, name: usize, found: &mut BTreeMap<u64, Vec<Found>>) -> Check {
        let Some((queue, made)) = self.queue(live, name) else { return Ok(()) };
        let mut from = None;
        loop {
            let broker = live.broker.clone();
            let peek = Peek { state: None, from, limit: PAGE };
            let page = self.block_on(live, broker.queues().peek(&queue, peek)).ok_or("a look does not end")?;
            let page = page.map_err(|error| error.to_string())?;
            for one in page.messages {
                let id = id_of(&one.message.body).ok_or("a message without a number")?;
                ensure!(!self.queues.gone.contains(&id), "message {id} was gone and is back");
                let message = self.queues.messages.get(&id).ok_or_else(|| format!("message {id} was never sent"))?;
                ensure!(one.message.body == body(id, message.padding), "the body of message {id} has changed");
                let moving = one.state == PeekedState::Moving;
                let (number, message_id) = (one.number, one.message.message_id);
                let new = Found { made, number, message_id, count: one.receive_count, moving };
                found.entry(id).or_default().push(new);
            }
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn check_found(&mut self, id: u64, found: &[Found]) -> Check {
        let tick = self.queues.tick;
        let Some(message) = self.queues.messages.get(&id) else { return Ok(()) };
        let at_rest = found.iter().filter(|one| !one.moving).count();
        ensure!(at_rest <= 1, "it is there {at_rest} times");
        for one in found {
            self.queues.belongs(message, one.made)?;
        }
        for one in found {
            let name = self.queues.name_of(one.made);
            let Some(message) = self.queues.messages.get_mut(&id) else { return Ok(()) };
            let before = message.count_elsewhere(one.made, one.message_id).filter(|_| name == DEAD);
            let acked = message.acked(one.message_id).is_some();
            let place = message.see(one.made, one.number, one.message_id, tick)?;
            // On its way to the dead-letter queue it is done there.
            ensure!(one.moving || !acked, "it is back after its acknowledgement was answered");
            ensure!(place.purged.is_none(), "it is back after a purge was answered");
            for (count, _) in place.count.into_iter().chain(before) {
                ensure!(one.count >= count, "its receive count fell from {count} to {}", one.count);
            }
            // The acknowledgements that were under way did not happen.
            place.acking = 0;
        }
        let Some(message) = self.queues.messages.get_mut(&id) else { return Ok(()) };
        message.sending = 0;
        message.sent.get_or_insert(tick);
        message.answered = true;
        message.alive = tick;
        Ok(())
    }

    fn check_missing(&mut self, id: u64) -> Check {
        let now_ms = self.now_ms();
        let Some(message) = self.queues.messages.get(&id) else { return Ok(()) };
        let name = self.queues.name_of(message.made);
        let lost = self.queues.may_be_lost(message, now_ms);
        let acked = message.may_be_acked();
        ensure!(message.sent.is_none() || acked || lost, "it was stored and it is gone");
        self.tally.taken_away += u64::from(!acked && lost && message.sent.is_some());
        // It was never stored, or is gone for good; on the FIFO queue somebody may send it again.
        if name != ORDERS || lost {
            self.queues.messages.remove(&id);
            self.queues.gone.insert(id);
            return Ok(());
        }
        if let Some(message) = self.queues.messages.get_mut(&id) {
            message.sending = 0;
            message.answered |= message.sent.is_some();
        }
        Ok(())
    }
}
