//! The bound over all outboxes together (decision Q19): beyond it the largest is cut off first.

use std::sync::Weak;

use super::sync::{AtomicUsize, Mutex, Ordering};

/// Somebody with outboxes: an edge's worker, a neutral subscriber.
pub trait OutboxHolder: Send + Sync {
    /// Bytes in its largest outbox, as far as known; quick.
    fn largest(&self) -> usize;

    /// Asks it to cut its largest outbox off, now or in its own thread, and to call [`Outboxes::relieved`] after.
    fn cut_largest(&self);
}

/// Bytes in all outboxes.
pub struct Outboxes {
    max: usize,
    used: AtomicUsize,
    /// 1 while somebody was asked to cut and has not done it yet.
    asked: AtomicUsize,
    holders: Mutex<Vec<Weak<dyn OutboxHolder>>>,
}

impl Outboxes {
    pub(super) fn new(max: usize) -> Self {
        Self { max, used: AtomicUsize::new(0), asked: AtomicUsize::new(0), holders: Mutex::new(Vec::new()) }
    }

    /// Takes part in the bound.
    pub fn register(&self, holder: Weak<dyn OutboxHolder>) {
        let mut holders = self.holders.lock();
        holders.retain(|h| h.strong_count() > 0);
        holders.push(holder);
    }

    /// Bytes were queued. Beyond the bound the holder of the largest outbox is asked to cut it off.
    pub fn grew(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let used = self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if used > self.max && self.asked.swap(1, Ordering::AcqRel) == 0 {
            self.ask();
        }
    }

    /// Queued bytes were written or dropped.
    pub fn shrank(&self, bytes: usize) {
        if bytes > 0 {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// The holder has cut off what it had to.
    pub fn relieved(&self) {
        self.asked.store(0, Ordering::Release);
    }

    /// Bytes queued now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The bound.
    #[must_use]
    pub const fn max(&self) -> usize {
        self.max
    }

    fn ask(&self) {
        let holders: Vec<_> = self.holders.lock().iter().filter_map(Weak::upgrade).collect();
        match holders.iter().max_by_key(|h| h.largest()) {
            Some(holder) => holder.cut_largest(),
            None => self.relieved(),
        }
    }
}
