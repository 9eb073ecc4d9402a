//! The heart of a worker: subscriptions of its connections, deliveries to them, and the writing at the end of a turn.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use slab::Slab;
use trine_broker::pubsub::{CutOff, Delivery, OutboxLimits, Port, Space};
use trine_core::pubsub::{Kind, Name, Subscriptions};

use crate::{
    acl::User,
    clients::Client,
    conn::{Conn, Dirty, End},
    frames::{self, Frame},
    output::SLICES_MAX,
    shared::Shared,
    wire::Resp,
};

/// A connection's first bytes that its outbox limits do not count, as Redis's reply buffer.
const UNCOUNTED_BYTES: usize = 16 << 10;
/// Growth of outboxes is told to the common bound at the latest when it is so much.
const ACCOUNT_BYTES: usize = 1 << 20;
/// Bytes written to one connection before the others get their turn.
const WRITE_BYTES_MAX: usize = 1 << 20;

/// A worker's connections and what they are subscribed to.
pub(crate) struct Fanout {
    pub(crate) shared: Arc<Shared>,
    pub(crate) port: Port,
    pub(crate) conns: Slab<Conn>,
    tables: Subscriptions,
    limits: OutboxLimits,
    /// Below so many counted bytes no limit can be exceeded.
    limit_from: usize,
    /// To be written, those with replies first.
    replies: VecDeque<u32>,
    pushes: VecDeque<u32>,
    /// Connections that must not publish for now.
    stalled: Vec<u32>,
    frame: Frame,
    /// Bytes that outboxes grew by and that the common bound does not know yet.
    grown: usize,
    shrunk: usize,
    /// Bytes appended since the last [`Fanout::new_turn`].
    pub(crate) turn_bytes: usize,
    /// Connection time at the beginning of the turn.
    pub(crate) now: Duration,
    pub(crate) bytes_out: u64,
}

impl Fanout {
    pub(crate) fn new(shared: Arc<Shared>, port: Port) -> Self {
        let limits = shared.config.outbox;
        let limit_from = match (limits.hard_bytes, limits.soft_bytes) {
            (0, 0) => usize::MAX,
            (0, one) | (one, 0) => one,
            (hard, soft) => hard.min(soft),
        };
        Self {
            shared,
            port,
            conns: Slab::new(),
            tables: Subscriptions::default(),
            limits,
            limit_from: limit_from.saturating_add(UNCOUNTED_BYTES),
            replies: VecDeque::new(),
            pushes: VecDeque::new(),
            stalled: Vec::new(),
            frame: Frame::default(),
            grown: 0,
            shrunk: 0,
            turn_bytes: 0,
            now: Duration::ZERO,
            bytes_out: 0,
        }
    }

    pub(crate) fn new_turn(&mut self) {
        self.turn_bytes = 0;
        self.now = self.shared.broker.clock().mono();
    }

    /// Hands out everything taken out of the inbox; with a budget, until so many bytes were appended in this turn.
    pub(crate) fn deliver(&mut self, budget: Option<usize>) {
        while budget.is_none_or(|budget| self.turn_bytes < budget) {
            let Some(delivery) = self.port.pop() else { break };
            self.deliver_one(&delivery);
        }
    }

    fn deliver_one(&mut self, delivery: &Delivery) {
        let Delivery { space, channel, hash, payload, patterns } = delivery;
        let (kind, word) = match space {
            Space::Global => (Kind::Channel, "message"),
            Space::Shard => (Kind::Shard, "smessage"),
        };
        if !self.tables.subscribers(kind, *hash, channel).is_empty() {
            self.frame.message(word, None, channel, payload);
            self.append_to(kind, *hash, channel);
        }
        for pattern in patterns.iter().flat_map(|p| p.iter()) {
            if !self.tables.subscribers(Kind::Pattern, pattern.hash, &pattern.name).is_empty() {
                self.frame.message("pmessage", Some(&pattern.name), channel, payload);
                self.append_to(Kind::Pattern, pattern.hash, &pattern.name);
            }
        }
        self.frame.release();
    }

    /// Appends the frame to all subscribers of a name.
    fn append_to(&mut self, kind: Kind, hash: u64, name: &[u8]) {
        let Self { tables, conns, frame, pushes, limits, limit_from, shared, now, .. } = self;
        let mut grown = 0;
        for &id in tables.subscribers(kind, hash, name) {
            let Some(conn) = conns.get_mut(id as usize) else { continue };
            if matches!(conn.end, End::Now(_)) {
                continue;
            }
            if conn.holding {
                frame.append(&mut conn.held, conn.resp);
                continue;
            }
            grown += frame.append(&mut conn.out, conn.resp);
            if conn.dirty == Dirty::No && !conn.blocked {
                conn.dirty = Dirty::Push;
                pushes.push_back(id);
            }
            if conn.out.len() >= *limit_from
                && let Some(reason) = limits.check(conn.out.len() - UNCOUNTED_BYTES, &mut conn.soft_since, || *now)
            {
                self.shrunk += cut(shared, conn, reason);
                self.port.count_cut(reason);
            }
        }
        self.turn_bytes += grown;
        self.grew(grown);
    }

    fn grew(&mut self, bytes: usize) {
        self.grown += bytes;
        if self.grown > ACCOUNT_BYTES {
            self.account();
        }
    }

    /// Tells the common bound what changed.
    pub(crate) fn account(&mut self) {
        let (grown, shrunk) = (std::mem::take(&mut self.grown), std::mem::take(&mut self.shrunk));
        self.port.outboxes().grew(grown.saturating_sub(shrunk));
        self.port.outboxes().shrank(shrunk.saturating_sub(grown));
    }

    /// Appends a reply.
    pub(crate) fn reply(&mut self, id: u32, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let Some(conn) = self.conns.get_mut(id as usize) else { return };
        if matches!(conn.end, End::Now(_)) {
            return;
        }
        conn.out.copy(bytes);
        self.has_reply(id, bytes.len());
    }

    /// Appends a long reply without copying it.
    pub(crate) fn reply_owned(&mut self, id: u32, bytes: Vec<u8>) {
        let Some(conn) = self.conns.get_mut(id as usize) else { return };
        if matches!(conn.end, End::Now(_)) {
            return;
        }
        let len = bytes.len();
        conn.out.share(bytes.into());
        self.has_reply(id, len);
    }

    fn has_reply(&mut self, id: u32, bytes: usize) {
        if let Some(conn) = self.conns.get_mut(id as usize)
            && conn.dirty != Dirty::Reply
            && !conn.blocked
        {
            conn.dirty = Dirty::Reply;
            self.replies.push_back(id);
        }
        self.turn_bytes += bytes;
        self.grew(bytes);
    }

    /// Messages for a connection wait until [`Fanout::release_held`]: a reply of several parts is being made.
    pub(crate) fn hold(&mut self, id: u32) {
        if let Some(conn) = self.conns.get_mut(id as usize) {
            conn.holding = true;
        }
    }

    /// Appends what was held.
    pub(crate) fn release_held(&mut self, id: u32) {
        let Some(conn) = self.conns.get_mut(id as usize) else { return };
        conn.holding = false;
        if conn.held.is_empty() {
            return;
        }
        let grown = conn.held.len();
        conn.out.append(std::mem::take(&mut conn.held));
        self.has_reply(id, grown);
    }

    /// Publishes for a connection; returns how many subscriptions the message was queued for. If it has to hold back, it reads no further.
    pub(crate) fn publish(&mut self, id: u32, space: Space, channel: &[u8], payload: &Bytes) -> u64 {
        let receivers = self.port.publish(space, channel, payload);
        if receivers.stall.is_some()
            && let Some(conn) = self.conns.get_mut(id as usize)
        {
            conn.stall = receivers.stall;
            self.stalled.push(id);
        }
        receivers.count
    }

    /// Lets connections go on whose thread has room again.
    pub(crate) fn resume_stalled(&mut self) {
        let Self { stalled, conns, .. } = self;
        stalled.retain(|id| {
            let Some(conn) = conns.get_mut(*id as usize) else { return false };
            match &conn.stall {
                Some(stall) if !stall.is_over() => true,
                _ => {
                    conn.stall = None;
                    conn.wake();
                    false
                }
            }
        });
    }

    /// Subscribes a connection; whether it was not subscribed before.
    pub(crate) fn subscribe(&mut self, id: u32, kind: Kind, name: &[u8]) -> bool {
        let hash = self.port.hash(name);
        if self.tables.holds(id, kind, hash, name) {
            return false;
        }
        let name = self.port.subscribe(kind, hash, name);
        // What came before was counted without it.
        self.deliver(None);
        self.tables.add(id, kind, hash, &name);
        self.count(id);
        true
    }

    /// Unsubscribes a connection; whether it was subscribed.
    pub(crate) fn unsubscribe(&mut self, id: u32, kind: Kind, name: &[u8]) -> bool {
        let hash = self.port.hash(name);
        if !self.tables.holds(id, kind, hash, name) {
            return false;
        }
        self.port.unsubscribe(kind, hash, name);
        // What came before was counted with it.
        self.deliver(None);
        self.tables.remove(id, kind, hash, name);
        self.count(id);
        true
    }

    /// Gives up all subscriptions of a connection, silently.
    pub(crate) fn unsubscribe_all(&mut self, id: u32) {
        for kind in Kind::ALL {
            let names = self.tables.names_of(id, kind);
            for (hash, name) in &names {
                self.port.unsubscribe(kind, *hash, name);
            }
            self.deliver(None);
            for (hash, name) in &names {
                self.tables.remove(id, kind, *hash, name);
            }
        }
        self.count(id);
    }

    /// Names a connection is subscribed to.
    pub(crate) fn names_of(&self, id: u32, kind: Kind) -> Vec<Name> {
        self.tables.names_of(id, kind).into_iter().map(|(_, name)| name).collect()
    }

    /// How many subscriptions of a kind a connection has.
    pub(crate) fn held_by(&self, id: u32, kind: Kind) -> usize {
        self.tables.count(id, kind)
    }

    /// Keeps the counts that others see.
    fn count(&mut self, id: u32) {
        let [sub, psub, ssub] = Kind::ALL.map(|kind| self.tables.count(id, kind));
        let Some(conn) = self.conns.get_mut(id as usize) else { return };
        conn.client.sub.store(sub, Ordering::Relaxed);
        conn.client.psub.store(psub, Ordering::Relaxed);
        conn.client.ssub.store(ssub, Ordering::Relaxed);
        let is_one = sub + psub + ssub > 0;
        if is_one != conn.subscriber {
            conn.subscriber = is_one;
            conn.soft_since = None;
            self.port.count_subscriber(is_one);
        }
    }

    /// The confirmation of a subscription's beginning or end, in its place among messages.
    pub(crate) fn confirm(&mut self, id: u32, resp: Resp, kind: &str, name: Option<&[u8]>, count: usize) {
        let mut frame = Vec::with_capacity(kind.len() + name.map_or(0, <[u8]>::len) + 48);
        frames::confirmation(&mut frame, resp, kind, name, count);
        self.reply(id, &frame);
    }

    /// Ends a connection: at once, or once everything is written.
    pub(crate) fn end(&mut self, id: u32, end: End) {
        if let Some(conn) = self.conns.get_mut(id as usize)
            && !matches!(conn.end, End::Now(_))
        {
            conn.end = end;
            conn.wake();
        }
    }

    /// Cuts the largest outbox off; clients that asked not to be evicted come last.
    pub(crate) fn cut_largest(&mut self) {
        self.account();
        let largest = self
            .conns
            .iter_mut()
            .filter(|(_, conn)| !conn.out.is_empty() && !matches!(conn.end, End::Now(_)))
            .max_by_key(|(_, conn)| (!conn.client.has(crate::clients::FLAG_NO_EVICT), conn.out.len()));
        if let Some((_, conn)) = largest {
            self.shrunk += cut(&self.shared, conn, CutOff::Total);
            self.port.count_cut(CutOff::Total);
        }
        self.account();
        self.port.outboxes().relieved();
    }

    /// Cuts off subscribers that have been above the soft limit for too long; returns the size of the largest outbox.
    pub(crate) fn check_soft_limits(&mut self) -> usize {
        let Self { conns, limits, shared, now, .. } = self;
        let mut largest = 0;
        let mut cut_off = Vec::new();
        for (_, conn) in conns.iter_mut().filter(|(_, conn)| !conn.out.is_empty()) {
            largest = largest.max(conn.out.len());
            let counted = conn.out.len().saturating_sub(UNCOUNTED_BYTES);
            if conn.subscriber
                && !matches!(conn.end, End::Now(_))
                && let Some(reason) = limits.check(counted, &mut conn.soft_since, || *now)
            {
                self.shrunk += cut(shared, conn, reason);
                cut_off.push(reason);
            }
        }
        for reason in cut_off {
            self.port.count_cut(reason);
        }
        self.account();
        largest
    }

    /// Closes the connections of a user that hold subscriptions it may no longer have. The one that asked for it gets its reply before.
    pub(crate) fn recheck(&mut self, user: &User, by: u64) {
        let rules = user.rules();
        let holds_forbidden = |id: u32| {
            Kind::ALL
                .into_iter()
                .any(|kind| self.names_of(id, kind).iter().any(|name| !rules.may_hold(name, kind == Kind::Pattern)))
        };
        let forbidden: Vec<(u32, End)> = self
            .conns
            .iter()
            .filter(|(id, conn)| {
                // Not whoever bears the same name: guests of an anonymous listener are no users.
                conn.session.as_ref().is_some_and(|session| std::ptr::eq(&*session.user, user))
                    && holds_forbidden(*id as u32)
            })
            .map(|(id, conn)| (id as u32, if conn.client.id == by { End::Flushed } else { End::Now(None) }))
            .collect();
        for (id, end) in forbidden {
            self.end(id, end);
        }
    }

    /// Whether somebody waits to be written.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.replies.is_empty() || !self.pushes.is_empty()
    }

    /// The socket of a connection takes bytes again.
    pub(crate) fn writable(&mut self, id: u32) {
        if let Some(conn) = self.conns.get_mut(id as usize) {
            conn.blocked = false;
            if conn.dirty == Dirty::No && !conn.out.is_empty() {
                conn.dirty = Dirty::Push;
                self.pushes.push_back(id);
            }
        }
    }

    /// Writes to at most `max` connections with replies, then to as many with pushes only, so that neither starves the other; returns the largest
    /// outbox that is left among them.
    pub(crate) fn flush(&mut self, max: usize) -> usize {
        let mut largest = 0;
        for _ in 0..max.min(self.replies.len()) {
            let Some(id) = self.replies.pop_front() else { break };
            largest = largest.max(self.flush_one(id));
        }
        for _ in 0..max.min(self.pushes.len()) {
            let Some(id) = self.pushes.pop_front() else { break };
            largest = largest.max(self.flush_one(id));
        }
        largest
    }

    fn flush_one(&mut self, id: u32) -> usize {
        let Some(conn) = self.conns.get_mut(id as usize) else { return 0 };
        // Written already, from the other list.
        if conn.dirty == Dirty::No {
            return 0;
        }
        conn.dirty = Dirty::No;
        let before = conn.out.len();
        let more = write(conn);
        let left = conn.out.len();
        self.shrunk += before - left;
        self.bytes_out += (before - left) as u64;
        if left < self.limits.soft_bytes {
            conn.soft_since = None;
        }
        if left != conn.shown_bytes {
            conn.shown_bytes = left;
            conn.client.outbox_bytes.store(left, Ordering::Relaxed);
        }
        if more && conn.dirty == Dirty::No {
            conn.dirty = Dirty::Push;
            self.pushes.push_back(id);
        }
        left
    }

    /// Forgets a connection; returns it.
    pub(crate) fn remove(&mut self, id: u32) -> Option<Conn> {
        self.unsubscribe_all(id);
        let mut conn = self.conns.try_remove(id as usize)?;
        self.shrunk += conn.out.clear();
        Some(conn)
    }
}

/// Drops what waits for a connection and ends it; returns the bytes dropped.
fn cut(shared: &Shared, conn: &mut Conn, reason: CutOff) -> usize {
    let Client { id, addr, .. } = &*conn.client;
    tracing::warn!(
        client = id,
        %addr,
        outbox_bytes = conn.out.len(),
        limit = reason.as_str(),
        "a client that does not read is cut off"
    );
    shared.counters.cut(reason);
    conn.end = End::Now(Some(reason));
    conn.wake();
    conn.held.clear();
    conn.out.clear()
}

/// Writes as much as the socket takes, within reason; whether it would take more now.
fn write(conn: &mut Conn) -> bool {
    let Some(socket) = &conn.socket else { return false };
    let mut left = WRITE_BYTES_MAX;
    while !conn.out.is_empty() {
        if left == 0 {
            return true;
        }
        let result = match conn.out.single() {
            Some(slice) => socket.try_write(slice),
            None => {
                let mut slices = [io::IoSlice::new(&[]); SLICES_MAX];
                let used = conn.out.slices(&mut slices);
                socket.try_write_vectored(slices.get(..used).unwrap_or(&[]))
            }
        };
        match result {
            Ok(written) => {
                conn.out.advance(written);
                left = left.saturating_sub(written);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                conn.blocked = true;
                conn.wake();
                return false;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                conn.end = End::Now(None);
                conn.wake();
                return false;
            }
        }
    }
    if conn.waits_for_room || conn.end == End::Flushed {
        conn.wake();
    }
    false
}
