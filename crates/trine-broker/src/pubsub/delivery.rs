//! What travels between publishers and lanes.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use trine_core::pubsub::Name;

/// Counted for every delivery in an inbox beside its name and payload.
const OVERHEAD_BYTES: usize = 96;

/// Where a message is published: the two spaces do not see each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Space {
    /// Channels, which patterns match as well.
    Global,
    /// Shard channels.
    Shard,
}

/// A pattern that matched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MatchedPattern {
    /// Its hash, as the lane's tables know it.
    pub hash: u64,
    /// The pattern.
    pub name: Name,
}

/// One message for one lane, which hands it to its subscribers.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where it was published.
    pub space: Space,
    /// The channel.
    pub channel: Name,
    /// Its hash, as the lane's tables know it.
    pub hash: u64,
    /// The message.
    pub payload: Bytes,
    /// Patterns that matched, of whichever lane.
    pub patterns: Option<Arc<[MatchedPattern]>>,
}

impl Delivery {
    /// What it counts for in an inbox.
    pub(super) fn cost(&self) -> usize {
        self.channel.len() + self.payload.len() + OVERHEAD_BYTES
    }
}

/// Why a subscriber was cut off.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CutOff {
    /// Its outbox reached the hard limit.
    Hard,
    /// Its outbox was above the soft limit for too long.
    Soft,
    /// All outboxes together were too large, and its was the largest.
    Total,
}

impl CutOff {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::Hard, Self::Soft, Self::Total];

    /// The label in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Total => "total",
        }
    }
}

/// How much may wait for a subscriber that does not read. Zero: no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutboxLimits {
    /// Cut off at once, in bytes.
    pub hard_bytes: usize,
    /// Cut off after `soft_seconds` above it without a break, in bytes.
    pub soft_bytes: usize,
    /// How long.
    pub soft_seconds: u32,
}

impl Default for OutboxLimits {
    /// Redis's limits of the class `pubsub`.
    fn default() -> Self {
        Self { hard_bytes: 32 << 20, soft_bytes: 8 << 20, soft_seconds: 60 }
    }
}

impl OutboxLimits {
    /// Whether an outbox must be cut off. `soft_since` remembers since when it has been above the soft limit.
    pub fn check(
        &self,
        bytes: usize,
        soft_since: &mut Option<Duration>,
        now: impl FnOnce() -> Duration,
    ) -> Option<CutOff> {
        if self.hard_bytes > 0 && bytes >= self.hard_bytes {
            return Some(CutOff::Hard);
        }
        if self.soft_bytes == 0 || bytes < self.soft_bytes {
            *soft_since = None;
            return None;
        }
        let now = now();
        let since = *soft_since.get_or_insert(now);
        (now.saturating_sub(since) > Duration::from_secs(self.soft_seconds.into())).then_some(CutOff::Soft)
    }
}
