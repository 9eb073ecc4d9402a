//! The broker: one handle that every edge calls.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::{Access, BrokerConfig, CatalogSnapshot, Groups, Producers, Streams, Topics};

/// The broker. Clones share it.
#[derive(Clone)]
pub struct Broker {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: BrokerConfig,
    pub(crate) catalog: ArcSwap<CatalogSnapshot>,
    pub(crate) access: Access,
}

impl Broker {
    /// What exists now, as far as it is durable.
    #[must_use]
    pub fn catalog(&self) -> Arc<CatalogSnapshot> {
        self.inner.catalog.load_full()
    }

    /// How it was configured.
    #[must_use]
    pub fn config(&self) -> &BrokerConfig {
        &self.inner.config
    }

    /// Creating, deleting and altering topics.
    #[must_use]
    pub const fn topics(&self) -> Topics<'_> {
        Topics { broker: self }
    }

    /// Reading and writing partitions.
    #[must_use]
    pub const fn streams(&self) -> Streams<'_> {
        Streams { broker: self }
    }

    /// Consumer groups.
    #[must_use]
    pub const fn groups(&self) -> Groups<'_> {
        Groups { broker: self }
    }

    /// Ids of idempotent producers.
    #[must_use]
    pub const fn producers(&self) -> Producers<'_> {
        Producers { broker: self }
    }

    /// Who may do what.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.inner.access
    }

    /// Figures for metrics and `status`.
    #[must_use]
    pub fn stats(&self) -> BrokerStats {
        crate::later()
    }

    /// Completes when the store has failed, with the reason: the process must report it and end (law 7).
    pub async fn failure(&self) -> Arc<str> {
        crate::later()
    }

    /// Stops: parked fetches and joins are answered, new work is refused, every shard writes a checkpoint, the store is closed. Takes at most about
    /// `drain`; what is not answered by then gets no answer.
    pub async fn shutdown(&self, drain: std::time::Duration) -> Result<(), trine_storage::StoreError> {
        let _ = drain;
        crate::later()
    }
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
    /// Batches appended.
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
    /// Operations refused because a bound was hit or the disk was full.
    pub refused: u64,
    /// Commands waiting in mailboxes now.
    pub mailbox_commands: u64,
    /// Replies waiting for the disk now.
    pub replies_parked: u64,
    /// The store's own figures, summed over shard groups where they are per group.
    pub store: trine_storage::StoreStats,
}
