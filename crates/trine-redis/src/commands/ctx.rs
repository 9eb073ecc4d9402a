//! What a handler may touch.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use trine_broker::pubsub::Space;
use trine_core::pubsub::{Kind, Name};

use crate::{
    conn::End,
    fanout::Fanout,
    frames,
    session::{Session, Subscribed},
    shared::Shared,
    wire::{Reply, Resp},
};

/// The running command's surroundings.
pub(crate) struct Ctx<'a> {
    /// What all workers share.
    pub(crate) shared: &'a Shared,
    /// The connection's state.
    pub(crate) session: &'a mut Session,
    /// The reply of this command (of all commands, inside EXEC). CLIENT REPLY OFF and SKIP are not the handler's business.
    pub(crate) out: &'a mut Reply,
    /// The worker's subscriptions and outboxes. Use the methods below.
    pub(crate) fan: &'a mut Fanout,
    /// The connection's number in the worker.
    pub(crate) id: u32,
    /// Monotonic milliseconds at the beginning of this turn.
    pub(crate) now_ms: u64,
}

impl Ctx<'_> {
    /// Switches the protocol version of everything from here on, this command's reply included.
    pub(crate) fn set_resp(&mut self, resp: Resp) {
        self.session.resp = resp;
        self.out.resp = resp;
        self.session.client.resp.store(if resp == Resp::V3 { 3 } else { 2 }, Ordering::Relaxed);
        if let Some(conn) = self.fan.conns.get_mut(self.id as usize) {
            conn.resp = resp;
        }
    }

    /// Publishes; returns how many subscriptions the message was queued for.
    pub(crate) fn publish(&mut self, space: Space, channel: &[u8], payload: &Bytes) -> u64 {
        self.fan.publish(self.id, space, channel, payload)
    }

    /// Subscribes and confirms.
    pub(crate) fn subscribe(&mut self, kind: Kind, name: &[u8]) {
        self.fan.subscribe(self.id, kind, name);
        self.count();
        self.confirm(words(kind).0, Some(name), self.shown_count(kind));
    }

    /// Unsubscribes (or not, if it is not subscribed) and confirms.
    pub(crate) fn unsubscribe(&mut self, kind: Kind, name: &[u8]) {
        self.fan.unsubscribe(self.id, kind, name);
        self.count();
        self.confirm(words(kind).1, Some(name), self.shown_count(kind));
    }

    /// Unsubscribes from everything of a kind and confirms each; with nothing to end, confirms that.
    pub(crate) fn unsubscribe_kind(&mut self, kind: Kind) {
        let names: Vec<Name> = self.fan.names_of(self.id, kind);
        if names.is_empty() {
            self.confirm(words(kind).1, None, self.shown_count(kind));
        }
        for name in names {
            self.unsubscribe(kind, &name);
        }
    }

    /// Gives up all subscriptions without a word (RESET).
    pub(crate) fn drop_subscriptions(&mut self) {
        self.fan.unsubscribe_all(self.id);
        self.count();
    }

    /// Until the whole reply is made, messages for this connection wait (EXEC).
    pub(crate) fn hold_messages(&mut self) {
        self.fan.hold(self.id);
    }

    /// Closes this connection at once, without writing what waits for it.
    pub(crate) fn close_now(&mut self) {
        self.fan.end(self.id, End::Now(None));
    }

    fn count(&mut self) {
        let [channels, patterns, shard] = Kind::ALL.map(|kind| self.fan.held_by(self.id, kind));
        self.session.subscribed = Subscribed { channels, patterns, shard };
    }

    /// The number in a confirmation: channels and patterns are counted together, shard channels apart.
    const fn shown_count(&self, kind: Kind) -> usize {
        let held = self.session.subscribed;
        match kind {
            Kind::Channel | Kind::Pattern => held.channels + held.patterns,
            Kind::Shard => held.shard,
        }
    }

    /// A confirmation goes to its place among the messages, whatever CLIENT REPLY says; inside EXEC it is an element of the reply.
    fn confirm(&mut self, word: &str, name: Option<&[u8]>, count: usize) {
        if self.session.in_exec {
            frames::confirmation(self.out.raw(), self.session.resp, word, name, count);
        } else {
            self.fan.confirm(self.id, self.session.resp, word, name, count);
        }
    }
}

/// The words of the confirmations of a beginning and of an end.
const fn words(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Channel => ("subscribe", "unsubscribe"),
        Kind::Pattern => ("psubscribe", "punsubscribe"),
        Kind::Shard => ("ssubscribe", "sunsubscribe"),
    }
}
