//! Looking at a queue, emptying it, and what alter and delete do in its shard.

use trine_core::queues::{self as core, PurgeScope};

use super::{
    super::{Reply, Shard},
    lane_entity,
};
use crate::queues::{
    PEEK_MAX, Peek, PeekedPlace, PeekedPlaces, PeekedState, Place, QueueError, QueueRef, QueueStats, ReceiveError,
    SubscriptionEnd,
};

impl Shard {
    pub(crate) fn queue_stats(&mut self, queue: &QueueRef, reply: Reply<QueueStats>) {
        let entity = queue.entity();
        let now = self.now;
        let stats = self.queues.slots.get_mut(&entity).map(|slot| {
            let stats = slot.state.stats(now);
            let waiters = slot.waiters.len() as u64;
            let mut consumers: std::collections::BTreeSet<_> = slot.state.consumers().into_iter().collect();
            consumers.extend(slot.pushers.iter().flat_map(|pushers| pushers.ids()));
            QueueStats {
                ready: stats.ready,
                in_flight: stats.in_flight,
                delayed: stats.delayed,
                moving: stats.moving,
                bytes: stats.bytes,
                oldest_sent_at: stats.oldest_sent_at,
                sent: stats.totals.sent,
                received: stats.totals.received,
                acked: stats.totals.acked,
                expired: stats.totals.expired,
                dead_lettered: stats.totals.dead_lettered,
                waiters,
                consumers: consumers.len() as u64,
            }
        });
        self.queue_answer(entity, move |_| reply.send(stats.unwrap_or_default()));
    }

    pub(crate) fn queue_purge(&mut self, queue: &QueueRef, reply: Reply<Result<u64, QueueError>>) {
        let entity = queue.entity();
        if !self.queue_ready(queue) {
            return self.queue_answer(entity, move |_| reply.send(Err(QueueError::NotFound)));
        }
        let now = self.now;
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let (dropped, record) = slot.state.decide_purge(now, PurgeScope::All);
        slot.attempts = None;
        if let Some(record) = record {
            self.queue_record(entity, &record, None);
        }
        self.queue_answer(entity, move |_| reply.send(Ok(dropped)));
        self.queue_changed(entity);
    }

    /// One page: it looks at a bounded number of messages, so that a long queue holds nobody up.
    pub(crate) fn queue_peek(&mut self, queue: &QueueRef, peek: Peek, reply: Reply<PeekedPlaces>) {
        let entity = queue.entity();
        let now = self.now;
        let mut found = PeekedPlaces::default();
        if let Some(slot) = self.queues.slots.get_mut(&entity) {
            let wanted = core::Peek { state: peek.state, from: peek.from, limit: peek.limit.min(PEEK_MAX) };
            let page = slot.state.peek(now, &wanted);
            found.next = page.next;
            found.places.extend(page.messages.into_iter().map(|one| PeekedPlace {
                place: Place {
                    number: one.number,
                    message_id: slot.state.message_id(one.number),
                    sent_at: one.facts.sent_at,
                    entity: lane_entity(entity, one.number.lane()),
                    batch: slot.memory.as_ref().and_then(|memory| memory.batch(one.number)),
                },
                state: state(one.state),
                receive_count: u32::from(one.receive_count),
                first_received_at: one.first_received_at,
            }));
        }
        self.queue_answer(entity, move |_| reply.send(found));
    }

    /// The catalogue has new settings of a queue: go by them at once.
    pub(crate) fn queue_altered(&mut self, queue: &QueueRef, reply: Reply<Result<(), QueueError>>) {
        let entity = queue.entity();
        // A queue nobody used gets them with its first command.
        if self.queues.slots.contains_key(&entity) && self.queue_ready(queue) {
            self.queue_changed(entity);
        }
        self.queue_answer(entity, move |_| reply.send(Ok(())));
    }

    /// Forgets a queue whose end is durable and published.
    pub(crate) fn drop_queue(&mut self, queue: &QueueRef) {
        let entity = queue.entity();
        self.queue_end_waits(entity, |_| Err(ReceiveError::Deleted));
        self.queue_end_pushes(entity, &SubscriptionEnd::Deleted);
        // What was decided about it goes into the log before it is forgotten: its operations must not come after its end in this process's order.
        self.flush_queues();
        if let Some(slot) = self.queues.slots.remove(&entity) {
            if let Some(at) = slot.scheduled {
                self.queues.timers.remove(&(at, entity));
            }
            self.queue_forget_transit(slot.transit);
        }
        for lane in queue.info().entities() {
            self.queues.lanes.remove(&lane);
            self.store.drop_entity(lane);
        }
    }
}

fn state(state: core::MessageState) -> PeekedState {
    match state {
        core::MessageState::Ready => PeekedState::Ready,
        core::MessageState::InFlight { until, holder, .. } => {
            PeekedState::InFlight { until, holder: holder.as_ref().to_owned() }
        }
        core::MessageState::Delayed { until } => PeekedState::Delayed { until },
        core::MessageState::Moving => PeekedState::Moving,
    }
}
