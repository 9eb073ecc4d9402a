//! Pub-sub: the hub every edge uses. Messages are handed to whoever is subscribed at that moment and kept nowhere.
//!
//! A *lane* is a receiver that fans out by itself: a thread that owns many subscribers ([`Port`]), or one neutral [`Subscriber`]. The hub knows which
//! lanes are interested in a channel and how many subscriptions each has; it pushes one delivery to each and answers with the sum. No publish waits for
//! a subscriber: a subscriber whose outbox is too large is cut off; a thread whose inbox is full makes publishers pause, and nothing is dropped.

mod budget;
mod delivery;
mod hub;
mod lane;
mod matching;
mod port;
mod stats;
mod subscriber;
mod sync;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use trine_core::pubsub::{Glob, Name};
use trine_env::Clock;

use self::hub::{Hub, Publisher};
pub use self::{
    budget::{OutboxHolder, Outboxes},
    delivery::{CutOff, Delivery, MatchedPattern, OutboxLimits, Space},
    port::{Port, Receivers, Stall},
    stats::{ChannelInfo, PubSubStats},
    subscriber::{Message, Slow, Subscriber},
};

/// Bytes that may wait for one thread; beyond it publishers hold back (decision Q19).
pub const INBOX_BYTES_MAX: usize = 64 << 20;
/// Most bytes in all outboxes by default; a server takes a quarter of the memory if that is less.
pub const OUTBOX_TOTAL_DEFAULT: usize = 1 << 30;

/// Pub-sub; clones share it.
#[derive(Clone, Debug)]
pub struct PubSub {
    hub: Arc<Hub>,
}

impl PubSub {
    /// A hub of its own. `outbox_total` bounds all outboxes together, in bytes.
    #[must_use]
    pub fn new(outbox_total: usize, clock: Arc<dyn Clock>) -> Self {
        Self { hub: Arc::new(Hub::new(outbox_total, clock)) }
    }

    /// Publishes to a channel; returns how many subscriptions the message was queued for. Waits for nobody, except that a message to a thread with a
    /// full inbox is answered only when there is room again (the message itself is queued at once).
    pub async fn publish(&self, space: Space, channel: &[u8], payload: &Bytes) -> u64 {
        let mut publisher = Publisher::default();
        let published = self.hub.publish(&mut publisher, None, space, channel, payload, &mut Default::default());
        publisher.wake();
        if let Some(lane) = published.full {
            self.hub.stalls.fetch_add(1, sync::Ordering::Relaxed);
            self.hub.room(&lane).await;
        }
        published.receivers
    }

    /// A neutral subscriber, cut off at these limits.
    #[must_use]
    pub fn subscriber(&self, limits: OutboxLimits) -> Subscriber {
        Subscriber::new(Arc::clone(&self.hub), limits)
    }

    /// Access for a thread that owns subscribers. `wake` is called from any thread when something waits for it, or when publishing may go on.
    #[must_use]
    pub fn port(&self, wake: impl Fn() + Send + Sync + 'static) -> Port {
        self.port_bounded(INBOX_BYTES_MAX, wake)
    }

    /// As [`PubSub::port`] with another bound of the inbox, in bytes.
    #[must_use]
    pub fn port_bounded(&self, inbox_bytes_max: usize, wake: impl Fn() + Send + Sync + 'static) -> Port {
        Port::new(Arc::clone(&self.hub), inbox_bytes_max, Box::new(wake))
    }

    /// Channels with subscriptions that match, sorted by name: at most `limit` of those after `after`.
    #[must_use]
    pub fn channels(&self, space: Space, glob: Option<&Glob>, after: Option<&[u8]>, limit: usize) -> Vec<ChannelInfo> {
        let mut all = Vec::new();
        self.hub.channels(space, glob, |name, subscriptions| {
            if after.is_none_or(|after| **name > *after) {
                all.push(ChannelInfo { name: Arc::clone(name), subscriptions });
            }
        });
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all.truncate(limit);
        all
    }

    /// Names of all channels with subscriptions that match, in no order.
    #[must_use]
    pub fn channel_names(&self, space: Space, glob: Option<&Glob>) -> Vec<Name> {
        let mut all = Vec::new();
        self.hub.channels(space, glob, |name, _| all.push(Arc::clone(name)));
        all
    }

    /// Subscriptions to a channel by its exact name.
    #[must_use]
    pub fn subscriptions(&self, space: Space, channel: &[u8]) -> u64 {
        self.hub.subscriptions(space, channel)
    }

    /// How many distinct patterns are subscribed to.
    #[must_use]
    pub fn patterns_len(&self) -> usize {
        self.hub.patterns_len()
    }

    /// The patterns and their subscriptions, sorted.
    #[must_use]
    pub fn patterns(&self) -> Vec<ChannelInfo> {
        let mut all = self.hub.patterns();
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The bound over all outboxes.
    #[must_use]
    pub fn outboxes(&self) -> &Outboxes {
        &self.hub.outboxes
    }

    /// Figures.
    #[must_use]
    pub fn stats(&self) -> PubSubStats {
        self.hub.stats()
    }
}
