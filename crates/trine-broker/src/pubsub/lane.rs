//! A lane: the inbox of whoever fans out by itself. Many push, one takes.
//!
//! The wake protocol: a push into an empty inbox owes its lane one wake, which the publisher may give later (at the end of its turn) but gives without
//! fail; a taker always takes everything. So a delivery in an inbox is always behind a wake that was given or is owed.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use super::{
    CutOff, Delivery, OutboxLimits,
    sync::{AtomicUsize, Mutex, Ordering},
};

/// What happens when an inbox is full.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    /// Publishers hold back until there is room; the lane drains by itself without waiting for anybody. In bytes.
    Stall(usize),
    /// The lane is one subscriber, and is cut off.
    Cut(OutboxLimits),
}

/// One lane, shared by all that publish.
pub(super) struct Lane {
    bound: Bound,
    wake: Box<dyn Fn() + Send + Sync>,
    /// Deliveries in the inbox. Whoever holds the lock that orders a channel sees at least that channel's.
    queued: AtomicUsize,
    inbox: Mutex<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    deliveries: Vec<Delivery>,
    bytes: usize,
    /// Somebody waits for room.
    awaited: bool,
    soft_since: Option<Duration>,
    cut: Option<CutOff>,
}

/// What a push did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pushed {
    /// The inbox was empty: the lane must be woken.
    pub(super) first: bool,
    /// The inbox is at its bound: publish no more until there is room.
    pub(super) full: bool,
    /// The lane was cut off by this push.
    pub(super) cut: Option<CutOff>,
    /// By how much the subscriber's outbox grew.
    pub(super) grown: usize,
    /// How much of it was dropped with the subscriber.
    pub(super) freed: usize,
}

impl Lane {
    pub(super) fn new(bound: Bound, wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { bound, wake, queued: AtomicUsize::new(0), inbox: Mutex::default() }
    }

    pub(super) fn wake(&self) {
        (self.wake)();
    }

    /// Appends; never waits.
    pub(super) fn push(&self, delivery: Delivery, now: impl FnOnce() -> Duration) -> Pushed {
        let cost = delivery.cost();
        let mut inbox = self.inbox.lock();
        if inbox.cut.is_some() {
            return Pushed::default();
        }
        let first = inbox.deliveries.is_empty();
        inbox.deliveries.push(delivery);
        inbox.bytes += cost;
        self.queued.store(inbox.deliveries.len(), Ordering::Release);
        let bytes = inbox.bytes;
        match &self.bound {
            Bound::Stall(max) => {
                let full = bytes >= *max;
                inbox.awaited |= full;
                Pushed { first, full, ..Pushed::default() }
            }
            Bound::Cut(limits) => {
                let cut = limits.check(bytes, &mut inbox.soft_since, now);
                let freed = cut.map_or(0, |reason| self.cut_off(&mut inbox, reason));
                Pushed { first: first || cut.is_some(), full: false, cut, grown: cost, freed }
            }
        }
    }

    fn cut_off(&self, inbox: &mut Inbox, reason: CutOff) -> usize {
        inbox.cut = Some(reason);
        inbox.deliveries = Vec::new();
        self.queued.store(0, Ordering::Release);
        std::mem::take(&mut inbox.bytes)
    }

    /// Drops everything and says so to the taker; returns the bytes dropped, or `None` if it was cut off before.
    pub(super) fn cut(&self, reason: CutOff) -> Option<usize> {
        let mut inbox = self.inbox.lock();
        inbox.cut.is_none().then(|| self.cut_off(&mut inbox, reason))
    }

    /// Moves everything out, in order.
    pub(super) fn take(&self, into: &mut VecDeque<Delivery>) -> Taken {
        if self.queued.load(Ordering::Acquire) == 0 {
            return Taken::default();
        }
        let mut inbox = self.inbox.lock();
        into.extend(inbox.deliveries.drain(..));
        // A burst's room is not kept for good.
        if inbox.deliveries.capacity() > KEEP_CAPACITY {
            inbox.deliveries = Vec::new();
        }
        self.queued.store(0, Ordering::Release);
        inbox.soft_since = None;
        let bytes = std::mem::take(&mut inbox.bytes);
        let outbox_bytes = if matches!(self.bound, Bound::Cut(_)) { bytes } else { 0 };
        Taken { outbox_bytes, awaited: std::mem::take(&mut inbox.awaited) }
    }

    /// Why it was cut off, if it was.
    pub(super) fn cut_reason(&self) -> Option<CutOff> {
        self.inbox.lock().cut
    }

    /// Bytes waiting.
    pub(super) fn bytes(&self) -> usize {
        self.inbox.lock().bytes
    }

    /// Whether a publisher may go on; if not, [`Taken::awaited`] will be said once.
    pub(super) fn has_room(&self) -> bool {
        let Bound::Stall(max) = self.bound else { return true };
        let mut inbox = self.inbox.lock();
        let full = inbox.bytes >= max;
        inbox.awaited |= full;
        !full
    }
}

/// Deliveries an inbox keeps room for.
const KEEP_CAPACITY: usize = 4096;

/// What was taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// Bytes that count for the bound over all outboxes.
    pub(super) outbox_bytes: usize,
    /// Publishers wait for the room that is there now.
    pub(super) awaited: bool,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("bound", &self.bound).finish_non_exhaustive()
    }
}

/// A lane in the directory; equal when it is the same one.
#[derive(Clone, Debug)]
pub(super) struct LaneRef(pub(super) Arc<Lane>);

impl PartialEq for LaneRef {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
