//! Three clocks (decision E16).

mod anchor;
mod sim;
mod system;
mod test_clock;
#[cfg(test)]
mod tests;

use std::time::Duration;

use trine_types::Timestamp;

pub use anchor::ClockStep;
pub use sim::SimClock;
pub use system::SystemClock;
pub use test_clock::TestClock;

/// Message time, connection time and wall time.
pub trait Clock: Send + Sync + 'static {
    /// Message time: sent-at, visibility, delays, TTL, retention, offset expiry, LogAppendTime. Never falls while the process lives; a frozen test
    /// clock stops it.
    fn now(&self) -> Timestamp;

    /// Connection time since an arbitrary start: long polls, handshakes, group sessions, idle time-outs, the sync interval. Monotonic, always real
    /// (virtual only in simulation).
    fn mono(&self) -> Duration;

    /// Wall time: signatures, certificates, `Date` headers, logs.
    fn wall(&self) -> Timestamp;

    /// Whether message time stands still until somebody moves it, so that nothing comes by waiting for it.
    fn is_frozen(&self) -> bool {
        false
    }

    /// Moves message time to `to` (an earlier time changes nothing, as message time never falls) and returns the resulting time; `None` when this clock
    /// follows the world's.
    fn move_to(&self, _to: Timestamp) -> Option<Timestamp> {
        None
    }
}
