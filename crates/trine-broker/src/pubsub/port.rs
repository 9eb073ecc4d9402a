//! The side of a thread that owns many subscribers: it publishes, subscribes for them and gets what is theirs. It keeps the tables
//! (`trine_core::pubsub::Subscriptions`) and fans out by itself.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use trine_core::pubsub::{Kind, Name};

use super::{
    CutOff, Delivery, Hub, Outboxes, Space,
    hub::Publisher,
    lane::{Bound, Lane, LaneRef},
    sync::Ordering,
};

/// A thread's access to pub-sub.
///
/// Deliveries come out of [`Port::pop`], in order. [`Port::subscribe`] and [`Port::unsubscribe`] may bring some that were counted before them: hand
/// out all that [`Port::pop`] has before changing your own tables and before confirming.
#[derive(Debug)]
pub struct Port {
    hub: Arc<Hub>,
    lane: LaneRef,
    publisher: Publisher,
    ready: VecDeque<Delivery>,
}

/// What became of a message.
#[derive(Clone, Debug)]
pub struct Receivers {
    /// How many subscriptions it was queued for.
    pub count: u64,
    /// Set when a thread has too much to hand out: whoever published should publish no more until [`Stall::is_over`].
    pub stall: Option<Stall>,
}

/// A thread whose inbox is full.
#[derive(Clone, Debug)]
pub struct Stall(LaneRef);

impl Stall {
    /// Whether there is room again. When it becomes so, all ports are woken.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.0.has_room()
    }
}

impl Port {
    pub(super) fn new(hub: Arc<Hub>, inbox_bytes_max: usize, wake: Box<dyn Fn() + Send + Sync>) -> Self {
        let lane = Arc::new(Lane::new(Bound::Stall(inbox_bytes_max), wake));
        hub.add_stalling(&lane);
        Self { hub, lane: LaneRef(lane), publisher: Publisher::default(), ready: VecDeque::new() }
    }

    /// The hash of a name, for the tables.
    #[must_use]
    pub fn hash(&self, name: &[u8]) -> u64 {
        self.hub.hash(name)
    }

    /// Publishes. What is for this port's own subscribers comes out of [`Port::pop`] at once; others are woken by [`Port::wake_others`].
    pub fn publish(&mut self, space: Space, channel: &[u8], payload: &Bytes) -> Receivers {
        let Self { hub, lane, publisher, ready } = self;
        let published = hub.publish(publisher, Some(lane), space, channel, payload, ready);
        let stall = published.full.map(Stall);
        if stall.is_some() {
            hub.stalls.fetch_add(1, Ordering::Relaxed);
        }
        Receivers { count: published.receivers, stall }
    }

    /// Wakes the threads that got something. Call it before waiting and before slow work, at the latest at the end of a turn.
    pub fn wake_others(&mut self) {
        self.publisher.wake();
    }

    /// Counts one more subscription of this port; returns the name to keep.
    pub fn subscribe(&mut self, kind: Kind, hash: u64, name: &[u8]) -> Name {
        self.hub.subscribe(&self.lane, kind, hash, name, &mut self.ready)
    }

    /// Counts one subscription less.
    pub fn unsubscribe(&mut self, kind: Kind, hash: u64, name: &[u8]) {
        self.hub.unsubscribe(&self.lane, kind, hash, name, &mut self.ready);
    }

    /// The next delivery that has been taken out of the inbox.
    pub fn pop(&mut self) -> Option<Delivery> {
        self.ready.pop_front()
    }

    /// Whether [`Port::pop`] has more.
    #[must_use]
    pub fn has_next(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Takes out what is in the inbox, after a wake.
    pub fn take(&mut self) {
        self.hub.take(&self.lane, &mut self.ready);
        if self.ready.is_empty() && self.ready.capacity() > READY_KEPT {
            self.ready = VecDeque::new();
        }
    }

    /// One of this port's subscribers got its first subscription, or gave up its last.
    pub fn count_subscriber(&self, is_one: bool) {
        if is_one {
            self.hub.subscribers.fetch_add(1, Ordering::Relaxed);
        } else {
            self.hub.subscribers.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// One of this port's subscribers was cut off.
    pub fn count_cut(&self, reason: CutOff) {
        self.hub.count_cut(reason);
    }

    /// The bound over all outboxes.
    #[must_use]
    pub fn outboxes(&self) -> &Outboxes {
        &self.hub.outboxes
    }
}

/// Deliveries the queue keeps room for.
const READY_KEPT: usize = 4096;

impl Drop for Port {
    /// Wakes owed are given. Subscriptions must have been given up before.
    fn drop(&mut self) {
        self.publisher.wake();
    }
}
