//! The test clock (decision Q12): message time that users' tests move by hand, and everything that was to happen until then.

use std::time::Duration;

use trine_types::Timestamp;

use crate::{Broker, Failure, shard::Shard};

/// How long to wait for what is on its way between two looks, in connection time.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Rounds after which the cascade is taken for endless; one round per queue that dead letters pass through is enough.
const ROUNDS_MAX: usize = 10_000;

/// Rounds without anything due after which a receiver that does not take its messages is not waited for any more.
const IDLE_MAX: usize = 1000;

/// What moving the clock did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockMoved {
    /// Message time now.
    pub now: Timestamp,
    /// How much became due and was done: messages that became available or were dropped, waits that ended, steps of move tasks.
    pub due: u64,
}

/// Why the clock was not moved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// The server runs on real time.
    #[error(
        "message time follows the real clock; only a server with a frozen clock (trine dev --clock frozen) can be moved"
    )]
    NotFrozen,
    /// What the move began goes on and on.
    #[error("the clock was moved, but after {ROUNDS_MAX} rounds there is still something to do")]
    Endless,
    /// Not about the clock.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl Broker {
    /// Message time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Whether message time stands still until it is moved.
    #[must_use]
    pub fn clock_is_frozen(&self) -> bool {
        self.inner.clock.is_frozen()
    }

    /// Moves message time forward, see [`Broker::set_clock`].
    pub async fn advance_clock(&self, by: Duration) -> Result<ClockMoved, ClockError> {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.move_clock(|now| now.plus_ms(ms)).await
    }

    /// Moves message time to `to` in one jump, as if the server had slept: what happens in the jump is stamped with the new time. (An earlier time changes
    /// nothing, but what is due is done all the same.) Complete once nothing is due any more: expired messages are gone, available ones were handed to
    /// whoever waited, dead letters have arrived in their queues in whatever shard, and all of that is durable.
    pub async fn set_clock(&self, to: Timestamp) -> Result<ClockMoved, ClockError> {
        self.move_clock(|_| to).await
    }

    async fn move_clock(&self, to: impl FnOnce(Timestamp) -> Timestamp) -> Result<ClockMoved, ClockError> {
        let inner = &self.inner;
        let _one_at_a_time = inner.clock_move.lock().await;
        let now = inner.clock.move_to(to(inner.clock.now())).ok_or(ClockError::NotFrozen)?;
        let (mut due, mut idle) = (0, 0);
        for _ in 0..ROUNDS_MAX {
            let mut done = 0;
            for shard in 0..inner.mailboxes.len() {
                done += inner.call_shard(shard, Shard::clock_round).await?;
            }
            due += done;
            idle = if done == 0 { idle + 1 } else { 0 };
            // What is on its way between shards or to a connection is in no mailbox while its bodies are read.
            let counters = &inner.counters;
            if counters.forwards_under_way.get() == 0 && (counters.deliveries_under_way.get() == 0 || idle > IDLE_MAX) {
                if done == 0 {
                    return Ok(ClockMoved { now, due });
                }
            } else {
                inner.host.sleep(LOOK_EVERY).await;
            }
        }
        Err(ClockError::Endless)
    }
}
