//! Receives that wait: one list per queue, first come first served, whoever they are. A free message wakes exactly one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::sync::oneshot;
use trine_types::{EntityId, Timestamp};

use crate::queues::{Receive, ReceiveError, Taken};

/// A receive that waits.
pub(super) struct Waiter {
    pub(super) receive: Receive,
    pub(super) reply: oneshot::Sender<Result<Taken, ReceiveError>>,
    /// When it has waited long enough, in connection time.
    pub(super) ends: Duration,
    /// The same in message time: whichever comes first (decision Q12).
    pub(super) ends_at: Timestamp,
    /// The caller's share of the bound on waiting receives.
    pub(super) room: tokio::sync::OwnedSemaphorePermit,
}

/// The waiters of a queue by ticket: tickets rise in the order in which they came.
pub(super) type Waiters = BTreeMap<u64, Waiter>;

/// When waits of a shard end.
#[derive(Default)]
pub(super) struct Ends {
    mono: BTreeSet<(Duration, u64, EntityId)>,
    message: BTreeSet<(Timestamp, u64, EntityId)>,
}

impl Ends {
    pub(super) fn insert(&mut self, queue: EntityId, ticket: u64, waiter: &Waiter) {
        self.mono.insert((waiter.ends, ticket, queue));
        self.message.insert((waiter.ends_at, ticket, queue));
    }

    pub(super) fn remove(&mut self, queue: EntityId, ticket: u64, waiter: &Waiter) {
        self.mono.remove(&(waiter.ends, ticket, queue));
        self.message.remove(&(waiter.ends_at, ticket, queue));
    }

    /// A wait that is over, if any is. It stays until it is removed.
    pub(super) fn ended(&self, mono: Duration, now: Timestamp) -> Option<(EntityId, u64)> {
        let by_mono =
            self.mono.first().filter(|(ends, _, _)| *ends <= mono).map(|(_, ticket, queue)| (*queue, *ticket));
        by_mono.or_else(|| {
            let (_, ticket, queue) = self.message.first().filter(|(ends, _, _)| *ends <= now)?;
            Some((*queue, *ticket))
        })
    }

    pub(super) fn next_mono(&self) -> Option<Duration> {
        self.mono.first().map(|(ends, _, _)| *ends)
    }

    pub(super) fn next_message(&self) -> Option<Timestamp> {
        self.message.first().map(|(ends, _, _)| *ends)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
