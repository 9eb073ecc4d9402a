//! Messages into a queue.

use bytes::Bytes;
use trine_core::queues::{Enqueue, QueueRecord, SendRefusal as Refused};
use trine_storage::Run;
use trine_types::Timestamp;

use super::super::Shard;
use crate::queues::{LaneBatch, SendAnswer, SendCommand, SendRefusal, Sent, pick_records};

impl Shard {
    pub(super) fn queue_send(&mut self, command: SendCommand) {
        let SendCommand { queue, facts, lanes, room, reply } = command;
        let entity = queue.entity();
        if !self.queue_ready(&queue) {
            let answer = facts.iter().map(|_| Err(SendRefusal::Deleted)).collect();
            self.queue_answer(entity, move |_| drop((reply.send(Ok(answer)), room)));
            return;
        }
        // The last moment at which a refusal changes nothing.
        if let Err(error) = self.store.admit() {
            if let trine_storage::AppendError::Stopped(reason) = &error {
                self.fail(reason);
                return;
            }
            self.shared.counters.refused.add(1);
            let _ = reply.send(Err(error.into()));
            return;
        }
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let decided = slot.state.decide_send(self.now, &facts);
        let id = slot.id;
        for (record, places) in decided.enqueues {
            let QueueRecord::Enqueue(enqueue) = &record else { continue };
            let Some(batch) = batch_of(&lanes, &places) else {
                // Built by this process a moment ago.
                self.fail(&"a message to send is not among those that were encoded".into());
                return;
            };
            let run = run(enqueue, batch, self.now);
            self.queue_record(entity, &record, Some(run));
        }
        // What is dropped may be among what was just put in.
        if let Some(drops) = &decided.drops {
            self.queue_record(entity, drops, None);
        }
        let answer: SendAnswer = Ok(decided
            .outcomes
            .into_iter()
            .map(|outcome| {
                let accepted = outcome.map_err(refusal)?;
                let number = accepted.number;
                Ok(Sent { message_id: number.message_id(id), number, duplicate: accepted.duplicate })
            })
            .collect());
        let accepted = answer.iter().flatten().flatten().filter(|sent| !sent.duplicate).count();
        self.shared.counters.messages_sent.add(accepted as u64);
        self.queue_answer(entity, move |_| drop((reply.send(answer), room)));
        self.queue_changed(entity);
    }
}

/// The record batch of an enqueue as the store wants it.
pub(super) fn run(enqueue: &Enqueue, batch: Bytes, now: Timestamp) -> Run {
    let max_ts = enqueue.messages.iter().map(|message| message.sent_at.0).max().unwrap_or(now.0);
    Run { base: enqueue.first, count: enqueue.messages.len() as u32, max_ts, leader_epoch: 0, batch }
}

/// The records of the messages at these places of a send, which all lie in one lane: mostly all of the lane's, as they were encoded.
fn batch_of(lanes: &[LaneBatch], places: &[usize]) -> Option<Bytes> {
    let first = *places.first()?;
    let lane = lanes.iter().find(|lane| lane.places.contains(&first))?;
    if lane.places == places {
        return Some(lane.batch.clone());
    }
    let at = |place: &usize| lane.places.iter().position(|known| known == place);
    let wanted: Option<Vec<usize>> = places.iter().map(at).collect();
    pick_records(&lane.batch, &wanted?)
}

fn refusal(refused: Refused) -> SendRefusal {
    match refused {
        Refused::TooLarge { size, max } => SendRefusal::TooLarge { size: u64::from(size), max },
        Refused::Full { name, max } => SendRefusal::QueueFull { limit: name, value: max },
        Refused::DedupFull { max } => SendRefusal::DedupFull { max: max as u64 },
        Refused::NoGroup => SendRefusal::NoGroup,
        Refused::OwnDelay => SendRefusal::OwnDelay,
        Refused::TooMany { max } => SendRefusal::TooMany { max: max as u64 },
    }
}
