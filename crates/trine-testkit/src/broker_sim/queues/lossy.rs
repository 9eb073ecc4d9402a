//! What queues may lose that do not sync every answer.

use std::collections::BTreeMap;

use trine_broker::MessageNumber;

use super::{
    super::{Check, ensure, life::World},
    LAZY, VOLATILE,
    check::Found,
};

impl World<'_> {
    /// A queue in memory is empty after a restart, whatever ended the process.
    pub(super) fn forget_volatile(&mut self, found: &BTreeMap<u64, Vec<Found>>) -> Check {
        let queues = &mut self.queues;
        let of = |made: usize| queues.made.get(made).is_some_and(|made| made.name == VOLATILE);
        for (id, found) in found {
            ensure!(!found.iter().any(|one| of(one.made)), "message {id} of a queue in memory outlived a restart");
        }
        let ids: Vec<u64> = queues.messages.iter().filter(|(_, message)| of(message.made)).map(|(id, _)| *id).collect();
        self.tally.forgotten += ids.len() as u64;
        for id in ids {
            queues.messages.remove(&id);
            queues.gone.insert(id);
        }
        Ok(())
    }

    /// A power cut undid the end of what happened to a queue that syncs now and then: clients learn what is left. Only what was answered within the
    /// interval can be undone, and of the messages only the last.
    pub(super) fn forgive_lazy(&mut self, found: &BTreeMap<u64, Vec<Found>>) -> Check {
        if !self.power_cut {
            return Ok(());
        }
        let (now_ms, synced) = (self.now_ms(), self.queues.synced);
        let mut last: BTreeMap<usize, MessageNumber> = BTreeMap::new();
        for one in found.values().flatten() {
            let last = last.entry(one.made).or_insert(one.number);
            *last = one.number.max(*last);
        }
        let mine: Vec<u64> = {
            let lazy = |made: usize| self.queues.name_of(made) == LAZY;
            self.queues.messages.iter().filter(|(_, message)| lazy(message.made)).map(|(id, _)| *id).collect()
        };
        for id in mine {
            let Some(message) = self.queues.messages.get(&id) else { continue };
            let made = message.made;
            let lost = self.queues.may_be_lost(message, now_ms);
            let here = found.get(&id).into_iter().flatten().find(|one| one.made == made);
            let Some(message) = self.queues.messages.get_mut(&id) else { continue };
            let number = message.places.keys().map(|(_, number)| *number).next();
            match here {
                None => {
                    // Before any other that is there, and not acknowledged by anybody: an acknowledgement may be kept or undone, a message in the
                    // middle not.
                    let before_last = number.is_some_and(|number| last.get(&made).is_some_and(|last| number < *last));
                    let safe = message.sent.is_some_and(|at| at <= synced) || before_last;
                    let gone = !safe && message.sent.is_some() && !message.may_be_acked();
                    if gone && !lost {
                        self.tally.lost_by_interval += 1;
                        self.queues.messages.remove(&id);
                        self.queues.gone.insert(id);
                    }
                }
                Some(one) => {
                    let Some(place) = message.places.get_mut(&(made, one.number)) else { continue };
                    if place.acked.is_some_and(|at| at > synced) {
                        place.acked = None;
                    }
                    if place.purged.is_some_and(|at| at > synced) {
                        place.purged = None;
                    }
                    if place.count.is_some_and(|(count, at)| count > one.count && at > synced) {
                        place.count = (one.count > 0).then_some((one.count, synced));
                    }
                }
            }
        }
        Ok(())
    }
}
