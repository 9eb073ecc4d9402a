//! Three clocks (decision E16).

use std::time::Duration;

use trine_types::Timestamp;

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
}
