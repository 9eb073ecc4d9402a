//! What the server is to Redis clients: its ids, since when it runs.

use std::fmt::Write;

use parking_lot::Mutex;
use trine_env::{Clock, Rng};

use crate::commands::Overrides;

/// Shortest time over which a rate is told.
const RATE_MS_MIN: u64 = 100;

/// The one node.
#[derive(Debug)]
pub(crate) struct Node {
    /// Of this run of the process: 40 hexadecimal digits, as the others.
    pub(crate) run_id: String,
    /// Of the node in a cluster.
    pub(crate) id: String,
    /// Of its shard.
    pub(crate) shard_id: String,
    /// Monotonic milliseconds.
    pub(crate) started_ms: u64,
    /// Milliseconds since the epoch.
    pub(crate) started_wall_ms: i64,
    /// What CONFIG SET was told.
    pub(crate) overrides: Overrides,
    rate: Mutex<Rate>,
}

/// Commands at a time, and the rate since the time before.
#[derive(Debug, Default)]
struct Rate {
    at_ms: u64,
    commands: u64,
    per_second: u64,
}

impl Node {
    pub(crate) fn new(clock: &dyn Clock, rng: &dyn Rng) -> Self {
        let id = || {
            let mut bytes = [0; 20];
            rng.fill(&mut bytes);
            bytes.iter().fold(String::with_capacity(40), |mut id, byte| {
                let _ = write!(id, "{byte:02x}");
                id
            })
        };
        let started_ms = clock.mono().as_millis() as u64;
        Self {
            run_id: id(),
            id: id(),
            shard_id: id(),
            started_ms,
            started_wall_ms: clock.wall().0,
            overrides: Overrides::default(),
            rate: Mutex::new(Rate { at_ms: started_ms, ..Rate::default() }),
        }
    }

    /// Commands per second since somebody asked last.
    pub(crate) fn commands_per_second(&self, now_ms: u64, commands: u64) -> u64 {
        let mut rate = self.rate.lock();
        let elapsed = now_ms.saturating_sub(rate.at_ms);
        if elapsed >= RATE_MS_MIN {
            let per_second = commands.saturating_sub(rate.commands).saturating_mul(1000) / elapsed;
            *rate = Rate { at_ms: now_ms, commands, per_second };
        }
        rate.per_second
    }
}
