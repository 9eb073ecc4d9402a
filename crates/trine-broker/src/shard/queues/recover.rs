//! Queues after a restart, in checkpoints, and in answers to the store.

use std::{ops::Range, time::Duration};

use trine_core::queues::{FrozenQueue, Queue};
use trine_types::{EntityId, Offset};

use super::{
    super::{EntityMap, Shard},
    Kept, QueueSlot, lane_entity,
    transit::Transit,
};
use crate::{Failure, queues::QueueRef};

impl Shard {
    /// Takes over recovered queues; those that the catalogue knows are placed next.
    pub(in crate::shard) fn adopt_queues(&mut self, recovered: EntityMap<Queue>) {
        for (entity, mut state) in recovered {
            // What the figures count is since the start.
            state.forget_totals();
            self.queues.slots.insert(entity, QueueSlot::new(state));
        }
    }

    /// Tells a recovered queue who it is: settings that changed meanwhile, messages of consumers that are gone with the process, what still moves.
    pub(crate) fn place_queue(&mut self, queue: &QueueRef) -> Result<(), Failure> {
        let entity = queue.entity();
        if !self.queues.slots.contains_key(&entity) || !self.queue_ready(queue) {
            return Ok(());
        }
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return Ok(()) };
        for consumer in slot.state.consumers() {
            let Some(slot) = self.queues.slots.get_mut(&entity) else { break };
            if let Some(record) = slot.state.decide_release_consumer(consumer) {
                self.queue_record(entity, &record, None);
            }
        }
        self.flush_queues();
        // Sent in the first turn; until then nobody is there to answer.
        self.queues.retries.insert((Duration::ZERO, entity));
        if let Some(slot) = self.queues.slots.get_mut(&entity) {
            slot.transit = Some(Box::new(Transit { waits: true, ..Transit::default() }));
        }
        let now = self.now;
        self.queue_schedule_at(entity, now);
        match self.failed {
            true => Err(Failure::Unknown),
            false => Ok(()),
        }
    }

    /// A queue's state as of now, if it is one whose state is in the log.
    pub(in crate::shard) fn freeze_queue(&self, entity: EntityId) -> Option<FrozenQueue> {
        let slot = self.queues.slots.get(&entity).filter(|slot| slot.kept != Kept::Memory)?;
        Some(slot.state.freeze())
    }

    /// What of a lane's log is still needed; `None` when no queue has that lane.
    pub(in crate::shard) fn queue_live(&self, entity: EntityId, range: Range<Offset>) -> Option<Vec<Range<Offset>>> {
        let (queue, lane) = self.queues.lanes.get(&entity).copied().unwrap_or((entity, 0));
        Some(self.queues.slots.get(&queue)?.state.live(lane, range))
    }

    /// Looks after a queue now and then: tells the store what it may drop.
    pub(in crate::shard) fn sweep_queue(&mut self, entity: EntityId) {
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        if slot.kept == Kept::Memory || slot.queue.is_none() {
            return;
        }
        slot.trimmed.resize(usize::from(slot.lanes), 0);
        let mut trims = Vec::new();
        for (lane, trimmed) in (0..slot.lanes).zip(&mut slot.trimmed) {
            let point = slot.state.trim_point(lane);
            if point > *trimmed {
                *trimmed = point;
                trims.push((lane_entity(entity, lane), point));
            }
        }
        if !trims.is_empty() {
            self.once_durable(move |shard| {
                for (lane, point) in trims {
                    shard.store.trim(lane, point);
                }
            });
        }
    }
}
