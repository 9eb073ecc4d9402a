//! Figures of one queue, and what concerns all its messages.

use super::{QueueError, QueueRef, QueueStats, Queues};
use crate::Failure;

impl Queues<'_> {
    /// Figures of a queue. Nothing is read for them; a queue that nobody used costs nothing.
    pub async fn stats(self, queue: &QueueRef) -> Result<QueueStats, Failure> {
        let (inner, of) = (&self.broker.inner, queue.clone());
        inner.call(queue.entity(), move |shard, reply| shard.queue_stats(&of, reply)).await
    }

    /// Drops every message, in flight or not, and forgets deduplication ids; returns how many messages it dropped.
    pub async fn purge(self, queue: &QueueRef) -> Result<u64, QueueError> {
        let (inner, of) = (&self.broker.inner, queue.clone());
        inner.call(queue.entity(), move |shard, reply| shard.queue_purge(&of, reply)).await?
    }

    /// Stops deliveries, or lets them go on. Sends go on all the while. Part of the settings, so it outlives a restart.
    pub async fn set_paused(self, queue: &QueueRef, paused: bool) -> Result<(), QueueError> {
        let mut settings = (*queue.settings()).clone();
        settings.paused = paused;
        self.alter(queue, settings).await
    }
}
