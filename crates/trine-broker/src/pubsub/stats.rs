//! Figures of pub-sub.

use trine_core::pubsub::Name;

use super::CutOff;

/// A channel or a pattern with subscriptions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelInfo {
    /// Its name.
    pub name: Name,
    /// How many subscriptions it has.
    pub subscriptions: u64,
}

/// Figures; those without "now" are since start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct PubSubStats {
    /// Channels with subscriptions now.
    pub channels: u64,
    /// Shard channels with subscriptions now.
    pub shard_channels: u64,
    /// Distinct patterns now.
    pub patterns: u64,
    /// Connections and other receivers with at least one subscription now.
    pub subscribers: u64,
    /// Messages published.
    pub messages_in: u64,
    /// Bytes of their payloads.
    pub bytes_in: u64,
    /// Deliveries queued: one for each subscription reached.
    pub messages_out: u64,
    /// Bytes waiting in outboxes now.
    pub outbox_bytes: u64,
    /// How often a publisher was held back because a thread had too much to hand out.
    pub stalls: u64,
    /// Subscribers cut off, in the order of [`CutOff::ALL`].
    pub cut_offs: [u64; CutOff::ALL.len()],
}
