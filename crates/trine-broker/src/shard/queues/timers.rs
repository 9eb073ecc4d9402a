//! The one timer of all queues of a shard (decision E2): message time for what becomes due in queues, connection time for waits and retries.

use std::time::Duration;

use trine_core::queues::QueueRecord;
use trine_types::{EntityId, Timestamp};

use super::super::Shard;

/// When something is due that cannot be done now (the time of a message on its way to another queue is over), it is looked at again after so long, in
/// milliseconds.
const LOOK_AGAIN_MS: i64 = 1000;
/// Queues whose time has come that are looked at in one turn, and waits that end.
const TIMERS_PER_TURN_MAX: usize = 256;

impl Shard {
    /// Makes sure that a queue is looked at in time. A time that moved away leaves the old entry, so that most changes cost nothing here.
    pub(super) fn queue_schedule(&mut self, entity: EntityId) {
        let now = self.now;
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        if let Some(next) = slot.state.next_due(now) {
            self.queue_schedule_at(entity, next);
        }
    }

    pub(super) fn queue_schedule_at(&mut self, entity: EntityId, next: Timestamp) {
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        if slot.scheduled.is_some_and(|at| at <= next) {
            return;
        }
        if let Some(at) = slot.scheduled.replace(next) {
            self.queues.timers.remove(&(at, entity));
        }
        self.queues.timers.insert((next, entity));
    }

    /// Does what became due, in the order in which it did; returns how much that was.
    pub(in crate::shard) fn queue_timers(&mut self) -> u64 {
        let mut due = 0;
        let mono = self.shared.clock.mono();
        for _ in 0..TIMERS_PER_TURN_MAX {
            let first = self.queues.timers.first().copied().filter(|(at, _)| *at <= self.now);
            let Some((at, entity)) = first else { break };
            self.queues.timers.remove(&(at, entity));
            if let Some(slot) = self.queues.slots.get_mut(&entity) {
                slot.scheduled = None;
            }
            self.queue_due(entity);
            due += 1;
        }
        for _ in 0..TIMERS_PER_TURN_MAX {
            let Some((entity, ticket)) = self.queues.ends.ended(mono, self.now) else { break };
            self.queue_end_wait(entity, ticket);
            due += 1;
        }
        while let Some((at, entity)) = self.queues.retries.first().copied().filter(|(at, _)| *at <= mono) {
            self.queues.retries.remove(&(at, entity));
            self.queue_retry(entity);
        }
        due
    }

    /// Something of a queue is due: a message is available again or for the first time, its time is over, a move task goes on.
    fn queue_due(&mut self, entity: EntityId) {
        let now = self.now;
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        if slot.queue.as_ref().is_none_or(crate::QueueRef::is_deleted) {
            return;
        }
        let dropped = slot.state.decide_expire(now);
        if let Some(record) = &dropped {
            let records = std::slice::from_ref(record);
            self.queue_count_dropped(records);
            self.queue_records(entity, records);
            // There may be more than one decision drops: go on in the next turn.
            self.queue_schedule_at(entity, now);
        }
        self.queue_move_on(entity);
        self.queue_changed(entity);
        if dropped.is_none() {
            self.queue_postpone(entity);
        }
    }

    /// Nothing could be done about what is due: look again later, not in every turn.
    fn queue_postpone(&mut self, entity: EntityId) {
        let now = self.now;
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        if slot.state.is_behind(now) {
            return;
        }
        if let Some(at) = slot.scheduled.filter(|at| *at <= now) {
            self.queues.timers.remove(&(at, entity));
            let later = now.plus_ms(LOOK_AGAIN_MS);
            slot.scheduled = Some(later);
            self.queues.timers.insert((later, entity));
        }
    }

    /// Counts messages whose time was over.
    pub(super) fn queue_count_dropped(&self, records: &[QueueRecord]) {
        for record in records {
            if let QueueRecord::Settle { reason: trine_core::queues::SettleReason::Expired, numbers, .. } = record {
                self.shared.counters.messages_expired.add(numbers.len() as u64);
            }
        }
    }

    /// Whether something is due that the last turn left for the next.
    pub(in crate::shard) fn queue_has_more(&self) -> bool {
        let mono = self.shared.clock.mono();
        let timer = self.queues.timers.first().is_some_and(|(at, _)| *at <= self.now);
        timer || self.queues.ends.ended(mono, self.now).is_some()
    }

    /// Connection time of the next turn that queues need even if nothing happens.
    pub(in crate::shard) fn queue_next_wake(&self) -> Option<Duration> {
        let mono = self.shared.clock.mono();
        let message = self.queues.timers.first().map(|(at, _)| *at).into_iter().chain(self.queues.ends.next_message());
        // Frozen time does not come by waiting for it.
        let message = message.min().filter(|_| !self.shared.clock.is_frozen());
        let message = message.map(|at| {
            let left = at.ms_since(self.shared.clock.now());
            mono.saturating_add(Duration::from_millis(left.cast_unsigned()))
        });
        let retry = self.queues.retries.first().map(|(at, _)| *at);
        [message, self.queues.ends.next_mono(), retry].into_iter().flatten().min()
    }
}
