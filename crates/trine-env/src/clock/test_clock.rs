//! The clock of `dev --clock frozen`: users' tests move message time, connections live in real time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use trine_types::Timestamp;

use super::{Clock, SystemClock};

/// Message time stands still until moved; connection and wall time are real (decision E16: otherwise a frozen clock would hang every long poll and an
/// advanced one break every signature). Clones share it.
#[derive(Clone, Debug)]
pub struct TestClock {
    now_ms: Arc<AtomicI64>,
    real: Arc<SystemClock>,
}

impl TestClock {
    /// Frozen at `at`.
    #[must_use]
    pub fn frozen(at: Timestamp) -> Self {
        Self { now_ms: Arc::new(AtomicI64::new(at.0)), real: Arc::new(SystemClock::new(Timestamp::ZERO)) }
    }

    /// Frozen at the wall clock's time.
    #[must_use]
    pub fn frozen_now() -> Self {
        let clock = Self::frozen(Timestamp::ZERO);
        clock.now_ms.store(clock.wall().0, Ordering::SeqCst);
        clock
    }

    /// Moves message time forward (less than a millisecond is nothing) and returns the new time.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.set(self.now().plus_ms(ms))
    }

    /// Moves message time to `to`; an earlier time changes nothing, as message time never falls. Returns the resulting time.
    pub fn set(&self, to: Timestamp) -> Timestamp {
        Timestamp(self.now_ms.fetch_max(to.0, Ordering::SeqCst).max(to.0))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now_ms.load(Ordering::SeqCst))
    }

    fn mono(&self) -> Duration {
        self.real.mono()
    }

    fn wall(&self) -> Timestamp {
        self.real.wall()
    }

    fn is_frozen(&self) -> bool {
        true
    }

    fn move_to(&self, to: Timestamp) -> Option<Timestamp> {
        Some(self.set(to))
    }
}
