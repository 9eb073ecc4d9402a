//! A neutral subscriber: an admin connection that follows channels, a command line.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use bytes::Bytes;
use tokio::sync::Notify;
use trine_core::pubsub::{Kind, Name, Subscriptions};

use super::{
    CutOff, Delivery, Hub, OutboxHolder, OutboxLimits, Space,
    lane::{Bound, Lane, LaneRef},
    sync::Ordering,
};

/// The only subscriber of its lane.
const SELF: u32 = 0;

/// One message for one subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Which subscription it is for.
    pub kind: Kind,
    /// The channel it was published to.
    pub channel: Name,
    /// The pattern that matched, for [`Kind::Pattern`].
    pub pattern: Option<Name>,
    /// What was published.
    pub payload: Bytes,
}

/// The subscriber reads too slowly and was cut off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("cut off because it reads too slowly (limit: {})", .0.as_str())]
pub struct Slow(pub CutOff);

/// A subscriber with an outbox of its own. Dropping it ends its subscriptions.
#[derive(Debug)]
pub struct Subscriber {
    hub: Arc<Hub>,
    lane: LaneRef,
    woken: Arc<Notify>,
    tables: Subscriptions,
    ready: VecDeque<Delivery>,
    messages: Vec<Message>,
    _holder: Arc<Holder>,
}

/// Lets the lane be cut off when all outboxes together are too large.
#[derive(Debug)]
struct Holder {
    hub: Weak<Hub>,
    lane: LaneRef,
}

impl OutboxHolder for Holder {
    fn largest(&self) -> usize {
        self.lane.0.bytes()
    }

    fn cut_largest(&self) {
        let Some(hub) = self.hub.upgrade() else { return };
        if let Some(freed) = self.lane.0.cut(CutOff::Total) {
            hub.outboxes.shrank(freed);
            hub.count_cut(CutOff::Total);
            self.lane.0.wake();
        }
        hub.outboxes.relieved();
    }
}

impl Subscriber {
    pub(super) fn new(hub: Arc<Hub>, limits: OutboxLimits) -> Self {
        let woken = Arc::new(Notify::new());
        let wake = {
            let woken = Arc::clone(&woken);
            Box::new(move || woken.notify_one())
        };
        let lane = LaneRef(Arc::new(Lane::new(Bound::Cut(limits), wake)));
        let holder = Arc::new(Holder { hub: Arc::downgrade(&hub), lane: lane.clone() });
        let weak: Weak<Holder> = Arc::downgrade(&holder);
        hub.outboxes.register(weak);
        Self {
            hub,
            lane,
            woken,
            tables: Subscriptions::default(),
            ready: VecDeque::new(),
            messages: Vec::new(),
            _holder: holder,
        }
    }

    /// Subscribes; `false` if it is subscribed already. Everything published after the return is received.
    pub fn subscribe(&mut self, kind: Kind, name: &[u8]) -> bool {
        let hash = self.hub.hash(name);
        if self.tables.holds(SELF, kind, hash, name) {
            return false;
        }
        let first = self.is_idle();
        let name = self.hub.subscribe(&self.lane, kind, hash, name, &mut self.ready);
        self.hand_out();
        self.tables.add(SELF, kind, hash, &name);
        if first {
            self.hub.subscribers.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// Unsubscribes; `false` if it was not subscribed. What was published before is still received, nothing after.
    pub fn unsubscribe(&mut self, kind: Kind, name: &[u8]) -> bool {
        let hash = self.hub.hash(name);
        if !self.tables.holds(SELF, kind, hash, name) {
            return false;
        }
        self.hub.unsubscribe(&self.lane, kind, hash, name, &mut self.ready);
        self.hand_out();
        self.tables.remove(SELF, kind, hash, name);
        if self.is_idle() {
            self.hub.subscribers.fetch_sub(1, Ordering::Relaxed);
        }
        true
    }

    /// Waits for messages and returns all there are, in order; never an empty list. Cancel-safe.
    pub async fn receive(&mut self) -> Result<Vec<Message>, Slow> {
        loop {
            if let Some(messages) = self.try_receive()? {
                return Ok(messages);
            }
            self.woken.notified().await;
        }
    }

    /// What there is now.
    pub fn try_receive(&mut self) -> Result<Option<Vec<Message>>, Slow> {
        self.hub.take(&self.lane, &mut self.ready);
        self.hand_out();
        if !self.messages.is_empty() {
            return Ok(Some(std::mem::take(&mut self.messages)));
        }
        self.lane.0.cut_reason().map_or(Ok(None), |reason| Err(Slow(reason)))
    }

    fn is_idle(&self) -> bool {
        Kind::ALL.iter().all(|kind| self.tables.count(SELF, *kind) == 0)
    }

    fn hand_out(&mut self) {
        while let Some(delivery) = self.ready.pop_front() {
            let Delivery { space, channel, hash, payload, patterns } = delivery;
            let kind = match space {
                Space::Global => Kind::Channel,
                Space::Shard => Kind::Shard,
            };
            let message =
                |kind, pattern| Message { kind, channel: Arc::clone(&channel), pattern, payload: payload.clone() };
            if self.tables.holds(SELF, kind, hash, &channel) {
                self.messages.push(message(kind, None));
            }
            for pattern in patterns.iter().flat_map(|p| p.iter()) {
                if self.tables.holds(SELF, Kind::Pattern, pattern.hash, &pattern.name) {
                    self.messages.push(message(Kind::Pattern, Some(Arc::clone(&pattern.name))));
                }
            }
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        if !self.is_idle() {
            self.hub.subscribers.fetch_sub(1, Ordering::Relaxed);
        }
        for kind in Kind::ALL {
            for (hash, name) in self.tables.names_of(SELF, kind) {
                self.hub.unsubscribe(&self.lane, kind, hash, &name, &mut self.ready);
            }
        }
        self.hub.take(&self.lane, &mut self.ready);
    }
}
