//! The shard's one timer: looks at everything once in a while and does what became due, in short slices between commands.

use std::time::Duration;

use trine_types::EntityId;

use super::Shard;

/// A slice of background work stops taking more after so long (decision E6: no command waits much longer for it).
pub(super) const SLICE: Duration = Duration::from_millis(1);
/// Entities looked at between two looks at the clock.
const SLICE_STEP: usize = 64;

/// Where the sweep is.
pub(crate) struct Sweep {
    todo: Vec<EntityId>,
    next_at: Duration,
    running: bool,
}

impl Sweep {
    pub(crate) const fn new(next_at: Duration) -> Self {
        Self { todo: Vec::new(), next_at, running: false }
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.running
    }

    pub(crate) const fn next_at(&self) -> Duration {
        self.next_at
    }
}

impl Shard {
    /// Begins a sweep when it is time, and goes on with one that has begun.
    pub(super) fn sweep_slice(&mut self) {
        let start = self.shared.clock.mono();
        if !self.sweep.running {
            if start < self.sweep.next_at || self.stopping {
                return;
            }
            self.sweep.running = true;
            self.sweep.todo.extend(self.partitions.keys());
            self.sweep.todo.extend(self.groups.entities());
            self.sweep.todo.extend(self.queues.entities());
        }
        loop {
            for _ in 0..SLICE_STEP {
                let Some(entity) = self.sweep.todo.pop() else {
                    self.sweep.running = false;
                    self.sweep.todo = Vec::new();
                    self.sweep.next_at = self.shared.clock.mono() + self.shared.config.sweep_every;
                    return;
                };
                self.sweep_entity(entity);
                if self.failed {
                    return;
                }
            }
            if self.shared.clock.mono().saturating_sub(start) >= SLICE {
                return;
            }
        }
    }

    /// A whole sweep at once, whatever time it takes: message time was moved by hand.
    pub(super) fn sweep_now(&mut self) {
        if !self.sweep.running {
            self.sweep.next_at = Duration::ZERO;
        }
        self.sweep_slice();
        while self.sweep.running && !self.failed {
            self.sweep_slice();
        }
    }

    /// Retention, idle producers and compaction of a partition; expiry of a group.
    fn sweep_entity(&mut self, entity: EntityId) {
        let Some(slot) = self.partitions.get(&entity) else {
            self.sweep_group(entity);
            return self.sweep_queue(entity);
        };
        let Some(partition) = slot.at.clone() else { return };
        if partition.view().is_deleted() {
            return;
        }
        // The settings of now, not those of the last append.
        let catalog = self.shared.catalog.load_full();
        let Some(topic) = catalog.topic_by_id(partition.topic().id) else { return };
        let retention = slot.state.decide_retention(self.now, &topic.config.retention);
        let producers = slot.state.decide_producer_expiry(self.now, self.shared.config.producer_idle_ms);
        for record in [retention, producers].into_iter().flatten() {
            if !self.maintain_partition(entity, &record) {
                return;
            }
        }
        self.sweep_compaction(entity, &topic.config);
    }
}
