//! Messages that were handed out are done, kept or given back.

use trine_core::queues::{Handle, HandleError, MessageNumber};
use trine_storage::Durability;

use super::{super::Shard, Kept};
use crate::queues::{QueueRef, ReceiptError, Settle, SettleCommand, stamp_of};

/// A number that no message ever has: the log of its lane does not get so long.
const NOBODY: MessageNumber = MessageNumber::from_bits(u64::MAX);

impl Shard {
    pub(super) fn queue_settle(&mut self, command: SettleCommand) {
        let SettleCommand { queue, what, receipts, room, reply } = command;
        let entity = queue.entity();
        if !self.queue_ready(&queue) {
            // Its messages are gone with it.
            let gone = if matches!(what, Settle::Ack) { Ok(()) } else { Err(ReceiptError::Gone) };
            let answer = vec![gone; receipts.len()];
            self.queue_answer(entity, move |_| drop((reply.send(answer), room)));
            return;
        }
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        // A crash can undo messages of a queue that does not sync every answer; others get their numbers then, and old receipts are not theirs.
        let may_lose = slot.kept != Kept::Logged(Durability::Sync);
        let is_stale = |number: MessageNumber, stamp: u32| {
            may_lose && slot.state.facts(number).is_some_and(|facts| stamp_of(facts.sent_at) != stamp)
        };
        let stale: Vec<usize> =
            (0..).zip(&receipts).filter(|(_, one)| is_stale(one.0, one.2)).map(|(at, _)| at).collect();
        // No number of a message that exists: gone.
        let handles: Vec<_> = (0..)
            .zip(&receipts)
            .map(|(at, (number, count, _))| handle(if stale.contains(&at) { NOBODY } else { *number }, *count))
            .collect();
        let ack = matches!(what, Settle::Ack);
        let handled = match what {
            Settle::Ack => slot.state.decide_ack(self.now, &handles),
            Settle::Extend(times) => {
                let handles: Vec<_> = handles.into_iter().zip(times).collect();
                slot.state.decide_extend(self.now, &handles)
            }
            Settle::Release(delay_ms) => slot.state.decide_release(self.now, &handles, delay_ms),
        };
        // Where messages have moved away, one that is gone may be somewhere else: the facade looks there.
        let moved = ack && slot.state.move_targets().next().is_some();
        self.queue_records(entity, &handled.records);
        let answer = |outcome: &Result<(), HandleError>| match outcome {
            Ok(()) => Ok(()),
            Err(HandleError::Gone) if ack && !moved => Ok(()),
            Err(HandleError::Gone | HandleError::Moving) => Err(ReceiptError::Gone),
            // A delivery that a crash undid (durability interval) is over like one whose time was.
            Err(HandleError::Expired | HandleError::Unknown) => Err(ReceiptError::Expired),
            Err(HandleError::LimitReached { max_ms }) => {
                Err(ReceiptError::LimitReached { max_ms: max_ms.cast_unsigned() })
            }
        };
        let mut answer: Vec<_> = handled.outcomes.iter().map(answer).collect();
        for at in stale {
            // What moved away is looked for by its number, too.
            if let Some(answer) = answer.get_mut(at).filter(|_| ack) {
                *answer = Ok(());
            }
        }
        if ack {
            let acked = handled.outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            self.shared.counters.messages_acked.add(acked as u64);
        }
        self.queue_answer(entity, move |_| drop((reply.send(answer), room)));
        self.queue_changed(entity);
    }

    /// Messages that were taken and never reached whoever asked for them are available again; that they were taken counts.
    pub(crate) fn queue_take_back(&mut self, queue: &QueueRef, taken: &[(MessageNumber, u32)]) {
        if !self.queue_ready(queue) {
            return;
        }
        let entity = queue.entity();
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let handles: Vec<_> = taken.iter().map(|(number, count)| handle(*number, *count)).collect();
        let handled = slot.state.decide_release(self.now, &handles, 0);
        self.queue_records(entity, &handled.records);
        self.queue_changed(entity);
    }
}

fn handle(number: MessageNumber, count: u32) -> Handle {
    Handle { number, receive_count: u16::try_from(count).unwrap_or(u16::MAX) }
}
