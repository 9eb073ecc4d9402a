//! The directory: which lanes are interested in a channel, and how a publish reaches them.
//!
//! ## Order and counts
//!
//! Every channel has a stripe, and everything that changes or uses its interest happens under the stripe's lock: a publish reads the lanes, counts
//! their subscriptions and pushes to their inboxes; a subscribe adds to the count and takes the lane's own inbox out. So
//! - all lanes get the messages of a channel in one order;
//! - what a lane took out with a subscribe was counted without that subscription, what comes after was counted with it. A lane that hands out what it
//!   took before it changes its own tables delivers exactly what was counted, and nothing of a channel after it confirmed the end of a subscription.
//!
//! Patterns belong to no stripe: publishers hold a read lock while they push, a subscribe to a pattern the write lock. A publisher that saw no patterns
//! at all names none in its deliveries, so it needs no lock.
//!
//! Lock order: stripe, patterns, inbox. A publisher holds no lock when it wakes a lane.

use std::{
    collections::VecDeque,
    fmt,
    hash::BuildHasher,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use hashbrown::DefaultHashBuilder;
use tokio::sync::Notify;
use trine_core::pubsub::{Glob, Interest, Kind, Name, PatternIndex};
use trine_env::Clock;

use super::{
    CutOff, Delivery, Outboxes, Space,
    lane::{Lane, LaneRef},
    matching::{MatchCache, Matched},
    stats::{ChannelInfo, PubSubStats},
    sync::{AtomicU64, AtomicUsize, Mutex, Ordering, RwLock, RwLockReadGuard},
};

/// Locks over the channels. Many more than threads, so that two publishers rarely meet.
#[cfg(not(test))]
const STRIPES: usize = 128;
/// Few, so that the interleavings that are tried meet.
#[cfg(test)]
const STRIPES: usize = 2;
/// A payload shorter than this is copied before it goes to another thread: a slice of it would hold a whole read buffer.
const COPY_BELOW: usize = 16 << 10;

/// One stripe, on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe {
    inner: Mutex<Channels>,
}

#[derive(Debug, Default)]
struct Channels {
    global: Interest<LaneRef>,
    shard: Interest<LaneRef>,
    published: u64,
    published_bytes: u64,
    delivered: u64,
}

impl Channels {
    fn space(&mut self, space: Space) -> &mut Interest<LaneRef> {
        match space {
            Space::Global => &mut self.global,
            Space::Shard => &mut self.shard,
        }
    }
}

/// What a publish did.
#[derive(Clone, Debug, Default)]
pub(super) struct Published {
    /// Subscriptions it was queued for.
    pub(super) receivers: u64,
    /// A lane that is full: publish no more before it has room.
    pub(super) full: Option<LaneRef>,
    /// By how much outboxes of neutral subscribers grew and shrank.
    grown: usize,
    freed: usize,
}

/// What one publisher keeps from publish to publish.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    pub(super) cache: MatchCache,
    /// Lanes that are owed a wake.
    pub(super) owed: Vec<LaneRef>,
}

impl Publisher {
    /// Gives the wakes owed.
    pub(super) fn wake(&mut self) {
        for lane in self.owed.drain(..) {
            lane.0.wake();
        }
    }
}

/// The hub's shared state.
pub(super) struct Hub {
    hasher: DefaultHashBuilder,
    stripes: Box<[Stripe]>,
    patterns: RwLock<PatternIndex<LaneRef>>,
    pattern_count: AtomicUsize,
    pub(super) outboxes: Outboxes,
    pub(super) clock: Arc<dyn Clock>,
    /// Lanes whose owners must look whether they may publish again, when room was made.
    stalling: Mutex<Vec<Weak<Lane>>>,
    /// The same for neutral publishers.
    room: Notify,
    pub(super) subscribers: AtomicUsize,
    pub(super) stalls: AtomicU64,
    cut_offs: [AtomicU64; CutOff::ALL.len()],
}

impl Hub {
    pub(super) fn new(outbox_total: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            stripes: (0..STRIPES).map(|_| Stripe::default()).collect(),
            patterns: RwLock::default(),
            pattern_count: AtomicUsize::new(0),
            outboxes: Outboxes::new(outbox_total),
            clock,
            stalling: Mutex::new(Vec::new()),
            room: Notify::new(),
            subscribers: AtomicUsize::new(0),
            stalls: AtomicU64::new(0),
            cut_offs: [const { AtomicU64::new(0) }; CutOff::ALL.len()],
        }
    }

    pub(super) fn hash(&self, name: &[u8]) -> u64 {
        self.hasher.hash_one(name)
    }

    fn stripe(&self, hash: u64) -> &Mutex<Channels> {
        // The tables use the low bits and the top seven.
        &self.stripes[(hash >> 32) as usize % self.stripes.len()].inner
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.mono()
    }

    /// A lane whose owner publishes, and is woken when publishing may go on.
    pub(super) fn add_stalling(&self, lane: &Arc<Lane>) {
        let mut stalling = self.stalling.lock();
        stalling.retain(|lane| lane.strong_count() > 0);
        stalling.push(Arc::downgrade(lane));
    }

    /// Adds a subscription of a lane; what was in the lane's inbox, counted without it, is moved to `before`.
    pub(super) fn subscribe(
        &self,
        lane: &LaneRef,
        kind: Kind,
        hash: u64,
        name: &[u8],
        before: &mut VecDeque<Delivery>,
    ) -> Name {
        let Some(space) = space_of(kind) else {
            let mut patterns = self.patterns.write();
            let name = patterns.add(hash, name, lane);
            self.pattern_count.store(patterns.len(), Ordering::Release);
            self.take(lane, before);
            return name;
        };
        let mut channels = self.stripe(hash).lock();
        let name = channels.space(space).add(hash, name, lane);
        self.take(lane, before);
        name
    }

    /// Removes a subscription of a lane; what was in the lane's inbox, counted with it, is moved to `before`.
    pub(super) fn unsubscribe(
        &self,
        lane: &LaneRef,
        kind: Kind,
        hash: u64,
        name: &[u8],
        before: &mut VecDeque<Delivery>,
    ) {
        let Some(space) = space_of(kind) else {
            let mut patterns = self.patterns.write();
            patterns.remove(name, lane);
            self.pattern_count.store(patterns.len(), Ordering::Release);
            self.take(lane, before);
            return;
        };
        let mut channels = self.stripe(hash).lock();
        channels.space(space).remove(hash, name, lane);
        self.take(lane, before);
    }

    /// Publishes. If `own`, the publisher's lane, is interested, its delivery is appended to `here`, behind what was in its inbox.
    pub(super) fn publish(
        &self,
        publisher: &mut Publisher,
        own: Option<&LaneRef>,
        space: Space,
        channel: &[u8],
        payload: &Bytes,
        here: &mut VecDeque<Delivery>,
    ) -> Published {
        let published = self.push(publisher, own, space, channel, payload, here);
        if published.grown > 0 {
            self.outboxes.shrank(published.freed);
            self.outboxes.grew(published.grown);
        }
        published
    }

    fn push(
        &self,
        publisher: &mut Publisher,
        own: Option<&LaneRef>,
        space: Space,
        channel: &[u8],
        payload: &Bytes,
        here: &mut VecDeque<Delivery>,
    ) -> Published {
        let hash = self.hash(channel);
        let mut channels = self.stripe(hash).lock();
        channels.published += 1;
        channels.published_bytes += payload.len() as u64;
        let patterns = self.patterns_for(space);
        let matched = patterns.as_ref().and_then(|index| publisher.cache.matched(index, channel));
        let exact = channels.space(space).get(hash, channel);
        if exact.is_none() && matched.is_none() {
            return Published::default();
        }
        let name = exact.map_or_else(|| Name::from(channel), |(name, _)| Arc::clone(name));
        let mut push = Push {
            hub: self,
            owed: &mut publisher.owed,
            own,
            interested_here: false,
            moved: None,
            delivery: Delivery {
                space,
                channel: name,
                hash,
                payload: payload.clone(),
                patterns: matched.as_ref().map(|m| Arc::clone(&m.patterns)),
            },
            done: Published::default(),
        };
        let mut receivers = 0;
        for (lane, count) in exact.into_iter().flat_map(|(_, lanes)| lanes) {
            receivers += u64::from(*count);
            push.to(lane);
        }
        if let (Some(index), Some(matched)) = (&patterns, &matched) {
            receivers += push_to_patterns(&mut push, index, matched, exact.map(|(_, lanes)| lanes.as_slice()));
        }
        let Push { interested_here, delivery, done, .. } = push;
        if interested_here && let Some(own) = own {
            self.take(own, here);
            here.push_back(delivery);
        }
        channels.delivered += receivers;
        Published { receivers, ..done }
    }

    /// The patterns a publish has to look at, locked until it has pushed.
    fn patterns_for(&self, space: Space) -> Option<RwLockReadGuard<'_, PatternIndex<LaneRef>>> {
        (space == Space::Global && self.pattern_count.load(Ordering::Acquire) > 0).then(|| self.patterns.read())
    }

    /// Empties a lane's inbox; whoever waits for its room is woken.
    pub(super) fn take(&self, lane: &LaneRef, into: &mut VecDeque<Delivery>) {
        let taken = lane.0.take(into);
        self.outboxes.shrank(taken.outbox_bytes);
        if taken.awaited {
            // Rare: the inbox was at its bound.
            let stalling: Vec<_> = self.stalling.lock().iter().filter_map(Weak::upgrade).collect();
            for lane in stalling {
                lane.wake();
            }
            self.room.notify_waiters();
        }
    }

    /// Completes when a lane has room.
    pub(super) async fn room(&self, lane: &LaneRef) {
        loop {
            let made = self.room.notified();
            tokio::pin!(made);
            // Registered before the look, so that room made in between is not missed.
            made.as_mut().enable();
            if lane.0.has_room() {
                return;
            }
            made.await;
        }
    }

    pub(super) fn count_cut(&self, reason: CutOff) {
        self.cut_offs[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Channels with subscriptions, in no order.
    pub(super) fn channels(&self, space: Space, glob: Option<&Glob>, mut found: impl FnMut(&Name, u64)) {
        for stripe in &self.stripes {
            for (name, subscriptions) in stripe.inner.lock().space(space).iter() {
                if glob.is_none_or(|glob| glob.matches(name)) {
                    found(name, subscriptions);
                }
            }
        }
    }

    pub(super) fn subscriptions(&self, space: Space, channel: &[u8]) -> u64 {
        let hash = self.hash(channel);
        self.stripe(hash).lock().space(space).subscriptions(hash, channel)
    }

    pub(super) fn patterns_len(&self) -> usize {
        self.pattern_count.load(Ordering::Acquire)
    }

    pub(super) fn patterns(&self) -> Vec<ChannelInfo> {
        let patterns = self.patterns.read();
        patterns
            .iter()
            .map(|p| ChannelInfo {
                name: Arc::clone(p.name),
                subscriptions: p.lanes.iter().map(|(_, n)| u64::from(*n)).sum(),
            })
            .collect()
    }

    pub(super) fn stats(&self) -> PubSubStats {
        let mut stats = PubSubStats {
            patterns: self.patterns_len() as u64,
            subscribers: self.subscribers.load(Ordering::Relaxed) as u64,
            stalls: self.stalls.load(Ordering::Relaxed),
            outbox_bytes: self.outboxes.used() as u64,
            cut_offs: std::array::from_fn(|i| self.cut_offs[i].load(Ordering::Relaxed)),
            ..PubSubStats::default()
        };
        for stripe in &self.stripes {
            let channels = stripe.inner.lock();
            stats.channels += channels.global.len() as u64;
            stats.shard_channels += channels.shard.len() as u64;
            stats.messages_in += channels.published;
            stats.bytes_in += channels.published_bytes;
            stats.messages_out += channels.delivered;
        }
        stats
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

/// The space a kind of subscription listens to; patterns have a table of their own.
const fn space_of(kind: Kind) -> Option<Space> {
    match kind {
        Kind::Channel => Some(Space::Global),
        Kind::Shard => Some(Space::Shard),
        Kind::Pattern => None,
    }
}

/// One message on its way into inboxes.
struct Push<'a> {
    hub: &'a Hub,
    owed: &'a mut Vec<LaneRef>,
    own: Option<&'a LaneRef>,
    interested_here: bool,
    delivery: Delivery,
    /// The payload for other threads, once there is one.
    moved: Option<Bytes>,
    done: Published,
}

impl Push<'_> {
    fn to(&mut self, lane: &LaneRef) {
        if self.own == Some(lane) {
            self.interested_here = true;
            return;
        }
        let payload = self.moved.get_or_insert_with(|| match &self.delivery.payload {
            short if short.len() < COPY_BELOW => Bytes::copy_from_slice(short),
            long => long.clone(),
        });
        let delivery = Delivery { payload: payload.clone(), ..self.delivery.clone() };
        let pushed = lane.0.push(delivery, || self.hub.now());
        if pushed.first {
            self.owed.push(lane.clone());
        }
        if pushed.full {
            self.done.full = Some(lane.clone());
        }
        self.done.grown += pushed.grown;
        self.done.freed += pushed.freed;
        if let Some(reason) = pushed.cut {
            self.hub.count_cut(reason);
        }
    }
}

/// Pushes to lanes that only patterns lead to, and counts all subscriptions to patterns that match.
fn push_to_patterns(
    push: &mut Push<'_>,
    index: &PatternIndex<LaneRef>,
    matched: &Matched,
    exact: Option<&[(LaneRef, u32)]>,
) -> u64 {
    let mut receivers = 0;
    let mut reached: Vec<&LaneRef> = exact.unwrap_or(&[]).iter().map(|(lane, _)| lane).collect();
    for pattern in matched.slots.iter().filter_map(|slot| index.get(*slot)) {
        for (lane, count) in pattern.lanes {
            receivers += u64::from(*count);
            if !reached.contains(&lane) {
                reached.push(lane);
                push.to(lane);
            }
        }
    }
    receivers
}
