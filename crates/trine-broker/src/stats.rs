//! Figures of the broker.

use std::sync::atomic::{AtomicU64, Ordering};

use trine_storage::StoreStats;

use crate::broker::Inner;

/// A number that many threads add to.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the broker counts.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) batches_appended: Counter,
    pub(crate) records_appended: Counter,
    pub(crate) bytes_appended: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) fetches: Counter,
    pub(crate) bytes_fetched: Counter,
    pub(crate) fetches_parked: Counter,
    pub(crate) refused: Counter,
    pub(crate) messages_sent: Counter,
    pub(crate) messages_received: Counter,
    pub(crate) messages_acked: Counter,
    pub(crate) messages_expired: Counter,
    pub(crate) messages_dead_lettered: Counter,
    pub(crate) messages_moved: Counter,
    pub(crate) receives_waiting: Counter,
    /// Forwards between queues that are being read or wait for a receipt.
    pub(crate) forwards_under_way: Counter,
    /// Messages handed out by a shard that their receiver does not have yet, counted per answer.
    pub(crate) deliveries_under_way: Counter,
}

/// Figures of the broker; counters are since start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerStats {
    /// Topics.
    pub topics: u64,
    /// Partitions of all topics.
    pub partitions: u64,
    /// Consumer groups.
    pub groups: u64,
    /// Producers' batches appended.
    pub batches_appended: u64,
    /// Records appended.
    pub records_appended: u64,
    /// Bytes appended.
    pub bytes_appended: u64,
    /// Repeated batches of idempotent producers that were answered without an append.
    pub duplicates: u64,
    /// Fetches answered.
    pub fetches: u64,
    /// Bytes fetched.
    pub bytes_fetched: u64,
    /// Fetches parked now.
    pub fetches_parked: u64,
    /// Queues.
    pub queues: u64,
    /// Messages sent to queues.
    pub messages_sent: u64,
    /// Deliveries of messages of queues.
    pub messages_received: u64,
    /// Messages acknowledged.
    pub messages_acked: u64,
    /// Messages dropped because their time was over.
    pub messages_expired: u64,
    /// Messages that went to a dead-letter queue.
    pub messages_dead_lettered: u64,
    /// Messages moved by move tasks.
    pub messages_moved: u64,
    /// Receives that wait for a message now.
    pub receives_waiting: u64,
    /// Operations refused because a bound was hit or the disk was full.
    pub refused: u64,
    /// Commands waiting in mailboxes now.
    pub mailbox_commands: u64,
    /// The store's own figures. What is per shard group is summed; what all groups share (syncs, files, cache) is taken once.
    pub store: StoreStats,
}

pub(crate) fn collect(inner: &Inner) -> BrokerStats {
    let catalog = inner.catalog.load();
    let counters = &inner.counters;
    let mut store = StoreStats::default();
    for one in inner.stores.iter().map(|store| store.stats()) {
        store.batches += one.batches;
        store.bytes += one.bytes;
        store.index_bytes += one.index_bytes;
        store.syncs = store.syncs.max(one.syncs);
        store.sync_us = store.sync_us.max(one.sync_us);
        store.wal_bytes = store.wal_bytes.max(one.wal_bytes);
        store.segment_bytes = store.segment_bytes.max(one.segment_bytes);
        store.cache_bytes = store.cache_bytes.max(one.cache_bytes);
        store.full |= one.full;
    }
    BrokerStats {
        topics: catalog.len() as u64,
        partitions: catalog.partitions_len(),
        groups: catalog.groups().count() as u64,
        batches_appended: counters.batches_appended.get(),
        records_appended: counters.records_appended.get(),
        bytes_appended: counters.bytes_appended.get(),
        duplicates: counters.duplicates.get(),
        fetches: counters.fetches.get(),
        bytes_fetched: counters.bytes_fetched.get(),
        fetches_parked: counters.fetches_parked.get(),
        queues: catalog.queues_len() as u64,
        messages_sent: counters.messages_sent.get(),
        messages_received: counters.messages_received.get(),
        messages_acked: counters.messages_acked.get(),
        messages_expired: counters.messages_expired.get(),
        messages_dead_lettered: counters.messages_dead_lettered.get(),
        messages_moved: counters.messages_moved.get(),
        receives_waiting: counters.receives_waiting.get(),
        refused: counters.refused.get(),
        mailbox_commands: inner.mailboxes.iter().map(|mailbox| mailbox.len() as u64).sum(),
        store,
    }
}
