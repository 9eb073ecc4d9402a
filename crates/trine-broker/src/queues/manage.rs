//! Which queues there are: create, look up, alter, delete.

use trine_core::{catalog::TOMBSTONE_KEEP_MS, queues::QueueSettings};
use trine_types::{Namespace, QueueName, Timestamp};

use super::{NewQueue, QueueError, QueueRef, Queues};

impl Queues<'_> {
    /// Creates a queue; durable and visible to everybody when this returns. [`QueueError::Exists`] when the name is taken, whatever its settings: the
    /// edge compares them.
    pub async fn create(self, new: NewQueue) -> Result<QueueRef, QueueError> {
        let inner = &self.broker.inner;
        let cooldown_ms = i64::try_from(new.cooldown.as_millis()).unwrap_or(i64::MAX).min(TOMBSTONE_KEEP_MS);
        let new = trine_core::catalog::NewQueue {
            id: inner.random_id(),
            namespace: new.namespace,
            name: new.name,
            settings: new.settings,
            cooldown_ms,
        };
        inner.call_catalog(move |shard, reply| shard.create_queue(&new, reply)).await?
    }

    /// The queue of this name, if it exists and is durable. Asks nobody.
    #[must_use]
    pub fn get(self, namespace: &Namespace, name: &QueueName) -> Option<QueueRef> {
        self.broker.inner.catalog.load().queue(namespace, name.as_str()).cloned()
    }

    /// Up to `limit` queues whose names begin with `prefix` and come after `after`, by name. Costs O(log n + limit).
    #[must_use]
    pub fn list(self, namespace: &Namespace, prefix: &str, after: Option<&str>, limit: usize) -> Vec<QueueRef> {
        let catalog = self.broker.inner.catalog.load();
        let found = catalog.catalog.queues_from(namespace, prefix, after);
        found.filter_map(|info| catalog.queues.get(&info.id).cloned()).take(limit).collect()
    }

    /// Queues that send their dead letters to this one, by name.
    #[must_use]
    pub fn dead_letter_sources(self, queue: &QueueRef) -> Vec<QueueRef> {
        let catalog = self.broker.inner.catalog.load();
        let info = queue.info();
        let found = catalog.catalog.dead_letter_sources(&info.namespace, info.name.as_str());
        found.filter_map(|info| catalog.queues.get(&info.id).cloned()).collect()
    }

    /// When the queue that last had this name was deleted, if that was within the last minute.
    #[must_use]
    pub fn deleted_at(self, namespace: &Namespace, name: &QueueName) -> Option<Timestamp> {
        self.broker.inner.catalog.load().catalog.queue_deleted_at(namespace, name.as_str())
    }

    /// Gives a queue these settings; in effect when this returns.
    pub async fn alter(self, queue: &QueueRef, settings: QueueSettings) -> Result<(), QueueError> {
        let id = queue.id();
        self.broker.inner.call_catalog(move |shard, reply| shard.alter_queue(id, &settings, reply)).await?
    }

    /// Deletes a queue and its messages. Receives that wait on it are answered with [`ReceiveError::Deleted`](super::ReceiveError::Deleted).
    pub async fn delete(self, queue: &QueueRef) -> Result<(), QueueError> {
        let id = queue.id();
        self.broker.inner.call_catalog(move |shard, reply| shard.delete_queue(id, reply)).await?
    }
}
