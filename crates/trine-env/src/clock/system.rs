//! The machine's clocks.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use trine_types::Timestamp;

use super::{
    Clock,
    anchor::{Anchor, ClockStep},
};

/// How often [`Clock::now`] compares itself with the wall clock, nanoseconds: a step is followed after at most this.
const OBSERVE_EVERY: i64 = 10_000_000;

/// The clocks of a production process (decision E16): message time runs with the time since boot, which goes on while the machine sleeps, and follows
/// the wall clock's steps forward at once, back at no more than 1 %.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    anchor: Mutex<Anchor>,
    /// The anchor's offset and the time of the next look at the wall clock, nanoseconds, readable without the lock.
    offset: AtomicI64,
    next_look: AtomicI64,
    /// The largest time told, milliseconds: threads that race with a new offset must not see time fall.
    told: AtomicI64,
}

impl SystemClock {
    /// A clock whose message time starts at the later of the wall clock and `last_at`, the newest time in the data directory ([`Timestamp::ZERO`]
    /// when there is none).
    #[must_use]
    pub fn new(last_at: Timestamp) -> Self {
        let boot = boot_ns();
        let anchor = Anchor::new(boot, wall_ns(), last_at.0.saturating_mul(1_000_000));
        Self {
            start: Instant::now(),
            offset: AtomicI64::new(anchor.offset()),
            next_look: AtomicI64::new(boot.saturating_add(OBSERVE_EVERY)),
            anchor: Mutex::new(anchor),
            told: AtomicI64::new(last_at.0),
        }
    }

    /// Steps of the wall clock seen since the last call, oldest first, at most 16: the caller logs them.
    #[must_use]
    pub fn take_steps(&self) -> Vec<ClockStep> {
        self.anchor.lock().take_steps()
    }

    fn look(&self, boot: i64) -> i64 {
        // Whoever holds the lock is doing the same.
        if let Some(mut anchor) = self.anchor.try_lock() {
            self.next_look.store(boot.saturating_add(OBSERVE_EVERY), Ordering::Relaxed);
            let wall = wall_ns();
            // Suspended between the two readings, the process would see a step that never was.
            if boot_ns().saturating_sub(boot) < OBSERVE_EVERY {
                self.offset.store(anchor.observe(boot, wall), Ordering::Relaxed);
            }
        }
        self.offset.load(Ordering::Relaxed)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let boot = boot_ns();
        let offset = if boot >= self.next_look.load(Ordering::Relaxed) {
            self.look(boot)
        } else {
            self.offset.load(Ordering::Relaxed)
        };
        let now = boot.saturating_add(offset).div_euclid(1_000_000);
        let told = self.told.load(Ordering::Relaxed);
        // Most calls fall into a millisecond already told: they need no write to shared memory.
        if told >= now {
            return Timestamp(told);
        }
        Timestamp(self.told.fetch_max(now, Ordering::Relaxed).max(now))
    }

    fn mono(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall(&self) -> Timestamp {
        Timestamp(wall_ns().div_euclid(1_000_000))
    }
}

/// Time since boot, suspension included.
#[cfg(target_os = "linux")]
fn boot_ns() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

/// Elsewhere the monotonic clock, since the first call.
#[cfg(not(target_os = "linux"))]
fn boot_ns() -> i64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    i64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(i64::MAX)
}

fn wall_ns() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}
