//! Messages that move to other entities (decision E4). To one of the same shard group: settled here in the batch that puts them in there. To another
//! group's: logged as moving, sent when that is durable, settled when the target says that it has them, back when it says no.

use std::collections::BTreeSet;

use trine_types::{EntityId, Timestamp};

use super::ledger::Place;
use super::queue::Queue;
use super::{Departing, Forward, MessageNumber, MoveCause, QueueRecord, SettleReason};
use crate::forwards::{OutboxRecord, Receipt, TransferId};

/// Most messages that move from one queue at the same time: each is in memory on its way.
pub const MOVING_MAX: u64 = 1000;

impl Queue {
    /// Messages among `numbers` that can move now: those that exist, nobody has and that do not move yet, each once.
    fn movable(&self, numbers: &[MessageNumber]) -> Vec<MessageNumber> {
        let mut seen = BTreeSet::new();
        let free = |number: &MessageNumber| self.ledger.place(*number).is_some_and(Place::is_available);
        numbers.iter().copied().filter(|number| free(number) && seen.insert(*number)).collect()
    }

    fn bytes_of(&self, numbers: &[MessageNumber]) -> u64 {
        numbers.iter().map(|number| u64::from(self.weight(*number).0)).sum()
    }

    /// Messages are to move to `target`, an entity of another shard group. Those that cannot any more are left out, and those beyond [`MOVING_MAX`];
    /// `None` when none is left. Nothing logged changes.
    pub fn decide_forward(
        &mut self,
        now: Timestamp,
        target: EntityId,
        numbers: &[MessageNumber],
        cause: MoveCause,
    ) -> Option<QueueRecord> {
        self.refresh(now);
        let mut numbers = self.movable(numbers);
        numbers.truncate(MOVING_MAX.saturating_sub(self.ledger.counts().moving) as usize);
        let first = *numbers.first()?;
        let OutboxRecord::Forward { epoch, no, .. } = self.outbox.decide_forward(first.0, target) else { return None };
        let bytes = self.bytes_of(&numbers);
        Some(QueueRecord::Forward(Forward { target, epoch, first_no: no, cause, numbers, bytes }))
    }

    /// Messages move to a queue of the same shard group: goes into one batch with what [`Queue::decide_local_arrivals`] of that queue returns. The numbers
    /// are those of messages that can still move, in order; empty when none can. Nothing logged changes.
    pub fn decide_moved(
        &mut self,
        now: Timestamp,
        numbers: &[MessageNumber],
        cause: MoveCause,
    ) -> (Vec<MessageNumber>, Option<QueueRecord>) {
        self.refresh(now);
        let numbers = self.movable(numbers);
        let bytes = self.bytes_of(&numbers);
        let record = (!numbers.is_empty()).then(|| QueueRecord::Settle {
            reason: SettleReason::Moved(cause),
            numbers: numbers.clone(),
            bytes,
        });
        (numbers, record)
    }

    /// What a receipt changes; `None` when it was known already or is about an epoch that is over.
    #[must_use]
    pub fn decide_receipt(&self, receipt: &Receipt) -> Option<QueueRecord> {
        self.outbox.decide_receipt(receipt).map(QueueRecord::ForwardEnd)
    }

    /// What this queue, entity `me`, has to send, in order per target. Only what is durable may be sent.
    pub fn unsent(&self, me: EntityId) -> impl Iterator<Item = Departing> {
        self.outbox.unsent(me).filter_map(|moving| {
            let number = MessageNumber(moving.seq);
            let (cause, _) = self.moving(number)?;
            Some(Departing { id: moving.id, number, cause })
        })
    }

    /// A transfer was put into the target's mailbox.
    pub fn mark_sent(&mut self, id: &TransferId) {
        self.outbox.mark_sent(id);
    }

    /// Something was lost on the way, or nobody knows: what still moves is sent again.
    pub fn send_again(&mut self) {
        self.outbox.send_again();
    }
}
