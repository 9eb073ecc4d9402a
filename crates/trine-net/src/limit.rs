//! Counting connections and refusing those beyond the cap.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// A cap on open connections, shared by all addresses of one listener kind; cheap to clone.
#[derive(Clone, Debug)]
pub struct ConnectionLimit {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    max: usize,
    open: AtomicUsize,
    accepted: AtomicU64,
    refused: AtomicU64,
    idle: Notify,
}

/// Figures for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Connections open now.
    pub open: usize,
    /// The cap.
    pub max: usize,
    /// Connections served since start.
    pub accepted: u64,
    /// Connections closed at once because the cap was reached.
    pub refused: u64,
}

/// The right to one connection; dropping it gives it back.
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
}

impl ConnectionLimit {
    /// At most `max` connections at a time.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let shared = Shared {
            max,
            open: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            idle: Notify::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// A permit, or none beyond the cap.
    #[must_use]
    pub fn try_acquire(&self) -> Option<Permit> {
        let taken = self
            .shared
            .open
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |open| (open < self.shared.max).then_some(open + 1));
        if taken.is_err() {
            self.shared.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.shared.accepted.fetch_add(1, Ordering::Relaxed);
        Some(Permit { shared: Arc::clone(&self.shared) })
    }

    /// Figures now.
    #[must_use]
    pub fn counts(&self) -> ConnectionCounts {
        ConnectionCounts {
            open: self.shared.open.load(Ordering::Acquire),
            max: self.shared.max,
            accepted: self.shared.accepted.load(Ordering::Relaxed),
            refused: self.shared.refused.load(Ordering::Relaxed),
        }
    }

    /// Waits until no connection is open.
    pub async fn idle(&self) {
        loop {
            let notified = self.shared.idle.notified();
            tokio::pin!(notified);
            // Registered before the look, so that a permit dropped in between is not missed.
            notified.as_mut().enable();
            if self.counts().open == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.shared.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_cap_holds_and_permits_come_back() {
        let limit = ConnectionLimit::new(2);
        let a = limit.try_acquire().unwrap();
        let b = limit.try_acquire().unwrap();
        assert!(limit.try_acquire().is_none());
        drop(a);
        let c = limit.try_acquire().unwrap();
        assert_eq!(limit.counts(), ConnectionCounts { open: 2, max: 2, accepted: 3, refused: 1 });
        let waiting = tokio::spawn({
            let limit = limit.clone();
            async move { limit.idle().await }
        });
        drop((b, c));
        waiting.await.unwrap();
        assert_eq!(limit.counts().open, 0);
    }
}
