//! Time that only a test moves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use trine_types::Timestamp;

use super::Clock;

/// All three clocks by hand; clones share them.
#[derive(Clone, Debug)]
pub struct SimClock(Arc<Times>);

#[derive(Debug)]
struct Times {
    now_ms: AtomicI64,
    mono_ns: AtomicU64,
    wall_ms: AtomicI64,
}

impl SimClock {
    /// Message and wall time start at `start`, connection time at 0.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(Times {
            now_ms: AtomicI64::new(start.0),
            mono_ns: AtomicU64::new(0),
            wall_ms: AtomicI64::new(start.0),
        }))
    }

    /// Lets time pass on all three clocks. Message and wall time count whole milliseconds.
    pub fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.mono_ns.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
        self.0.now_ms.fetch_add(ms, Ordering::SeqCst);
        self.0.wall_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Moves message time alone, to `to` or, when that is earlier, not at all.
    pub fn set_now(&self, to: Timestamp) {
        self.0.now_ms.fetch_max(to.0, Ordering::SeqCst);
    }

    /// Moves connection time alone.
    pub fn advance_mono(&self, by: Duration) {
        self.0.mono_ns.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Sets the wall clock alone, forward or back.
    pub fn set_wall(&self, to: Timestamp) {
        self.0.wall_ms.store(to.0, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.now_ms.load(Ordering::SeqCst))
    }

    fn mono(&self) -> Duration {
        Duration::from_nanos(self.0.mono_ns.load(Ordering::SeqCst))
    }

    fn wall(&self) -> Timestamp {
        Timestamp(self.0.wall_ms.load(Ordering::SeqCst))
    }

    fn move_to(&self, to: Timestamp) -> Option<Timestamp> {
        self.set_now(to);
        Some(self.now())
    }
}
