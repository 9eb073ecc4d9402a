//! What everybody may know of a partition.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering},
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use trine_types::{EntityId, Offset};

/// The visible state of a partition: only what is durable. Written by its shard, read by anyone.
pub struct PartitionView {
    entity: EntityId,
    log_start: AtomicU64,
    end: AtomicU64,
    epoch: AtomicI32,
    deleted: AtomicBool,
    waiters: Mutex<Vec<Arc<Waiter>>>,
}

impl PartitionView {
    pub(crate) const fn new(entity: EntityId) -> Self {
        Self {
            entity,
            log_start: AtomicU64::new(0),
            end: AtomicU64::new(0),
            epoch: AtomicI32::new(0),
            deleted: AtomicBool::new(false),
            waiters: Mutex::new(Vec::new()),
        }
    }

    /// The entity that holds the partition.
    #[must_use]
    pub const fn entity(&self) -> EntityId {
        self.entity
    }

    /// The first offset that exists.
    #[must_use]
    pub fn log_start(&self) -> Offset {
        self.log_start.load(Ordering::Acquire)
    }

    /// The high watermark: the offset after the last one that is durable. Consumers see only what is below.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.end.load(Ordering::Acquire)
    }

    /// The leader epoch.
    #[must_use]
    pub fn leader_epoch(&self) -> i32 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Whether the topic was deleted. A later topic of the same name has views of its own.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// Everything below is durable. Waiters are woken separately, after the replies that made it so.
    pub(crate) fn raise_end(&self, end: Offset) {
        self.end.fetch_max(end, Ordering::AcqRel);
    }

    pub(crate) fn raise_log_start(&self, log_start: Offset) {
        self.log_start.fetch_max(log_start, Ordering::AcqRel);
    }

    pub(crate) fn raise_epoch(&self, epoch: i32) {
        self.epoch.fetch_max(epoch, Ordering::AcqRel);
    }

    pub(crate) fn mark_deleted(&self) {
        self.deleted.store(true, Ordering::Release);
    }

    /// Tells the waiters that so many bytes more are there.
    pub(crate) fn wake_for(&self, bytes: u64) {
        let mut waiters = self.waiters.lock();
        // A waiter that has enough leaves by itself; until then it may be counted again.
        waiters.retain(|waiter| !waiter.add(bytes));
    }

    /// Wakes all waiters whatever they wait for.
    pub(crate) fn wake_all(&self) {
        for waiter in self.waiters.lock().drain(..) {
            waiter.wake();
        }
    }

    pub(crate) fn register(&self, waiter: &Arc<Waiter>) {
        self.waiters.lock().push(Arc::clone(waiter));
    }

    pub(crate) fn unregister(&self, waiter: &Arc<Waiter>) {
        let mut waiters = self.waiters.lock();
        waiters.retain(|known| !Arc::ptr_eq(known, waiter));
        if waiters.is_empty() {
            // An idle partition costs its slot only.
            *waiters = Vec::new();
        }
    }
}

/// A parked fetch, known to every partition it reads.
pub(crate) struct Waiter {
    missing: AtomicI64,
    notify: Notify,
}

impl Waiter {
    /// Wakes once so many bytes were added.
    pub(crate) fn new(missing: u64) -> Arc<Self> {
        Arc::new(Self { missing: AtomicI64::new(i64::try_from(missing).unwrap_or(i64::MAX)), notify: Notify::new() })
    }

    fn add(&self, bytes: u64) -> bool {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let enough = self.missing.fetch_sub(bytes, Ordering::AcqRel) <= bytes;
        if enough {
            self.notify.notify_one();
        }
        enough
    }

    fn wake(&self) {
        self.notify.notify_one();
    }

    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watermarks_only_rise() {
        let view = PartitionView::new(EntityId::CATALOG);
        view.raise_end(7);
        view.raise_end(3);
        view.raise_log_start(2);
        view.raise_epoch(1);
        assert_eq!((view.log_start(), view.end(), view.leader_epoch()), (2, 7, 1));
        assert!(!view.is_deleted());
        view.mark_deleted();
        assert!(view.is_deleted());
    }

    #[test]
    fn a_waiter_leaves_when_it_has_enough() {
        let view = PartitionView::new(EntityId::CATALOG);
        let (small, large) = (Waiter::new(10), Waiter::new(100));
        view.register(&small);
        view.register(&large);
        view.wake_for(9);
        assert_eq!(view.waiters.lock().len(), 2);
        view.wake_for(1);
        assert_eq!(view.waiters.lock().len(), 1);
        view.unregister(&large);
        assert_eq!(view.waiters.lock().capacity(), 0);
    }
}
