//! Decisions about queues of one turn: applied at once, so that the next decision sees them, and appended together, so that a message and its delivery to
//! somebody who waits become durable in one go.
//!
//! Applying before appending is safe because the append cannot be refused any more: what may be refused for want of space asked
//! [`admit`](trine_storage::ShardStore::admit) first, the batch uses the reserve, and a store that has stopped ends the process (law 7). Nothing is
//! answered or sent before the batch is durable.

use trine_storage::{Durability, Op, OpBatch};

use super::super::{
    Shard,
    progress::{Parked, Raise, Release},
};

/// An open batch is handed to the store when it has so many bytes: one atomic unit should not grow without need.
const OPEN_BATCH_BYTES_MAX: usize = 1 << 20;

/// What was decided and applied and is not yet handed to the store.
pub(crate) struct OpenQueues {
    durability: Durability,
    ops: Vec<Op>,
    bytes: usize,
    releases: Vec<Release>,
}

impl OpenQueues {
    pub(crate) const fn new() -> Self {
        Self { durability: Durability::Sync, ops: Vec::new(), bytes: 0, releases: Vec::new() }
    }

    pub(in crate::shard) fn clear(&mut self) {
        self.ops.clear();
        self.releases.clear();
        self.bytes = 0;
    }
}

impl Shard {
    /// Adds an operation that was decided and is applied by the caller right after.
    pub(super) fn queue_log(&mut self, durability: Durability, op: Op) {
        let bytes = op.meta.len() + op.run.as_ref().map_or(0, |run| run.batch.len());
        let full = self.open_queues.bytes > 0 && self.open_queues.bytes + bytes > OPEN_BATCH_BYTES_MAX;
        if self.open_queues.durability != durability || full {
            self.flush_queues();
            self.open_queues.durability = durability;
        }
        self.open_queues.bytes += bytes;
        self.open_queues.ops.push(op);
    }

    /// Runs `then` once everything that was decided about queues until now is as durable as `durability` says.
    pub(super) fn queue_then(&mut self, durability: Durability, then: impl FnOnce(&mut Self) + Send + 'static) {
        if self.open_queues.durability != durability {
            self.flush_queues();
            self.open_queues.durability = durability;
        }
        self.open_queues.releases.push(Release::Then(Box::new(then)));
    }

    /// Hands what is open to the store and parks who waits for it.
    pub(in crate::shard) fn flush_queues(&mut self) {
        let durability = self.open_queues.durability;
        if !self.open_queues.ops.is_empty() {
            let ops = std::mem::take(&mut self.open_queues.ops);
            self.open_queues.bytes = 0;
            match self.store.append(OpBatch { at: self.now, durability, reserve: true, ops }) {
                Ok(lsn) => self.applied = lsn,
                Err(error) => {
                    // What was applied is in no log: this process must not go on.
                    self.fail(&error.to_string().into());
                    return;
                }
            }
        }
        let mut releases = std::mem::take(&mut self.open_queues.releases);
        let lsn = self.applied;
        for release in releases.drain(..) {
            self.park(durability, Parked { lsn, raise: Raise::Nothing, release });
        }
        if self.open_queues.releases.is_empty() {
            self.open_queues.releases = releases;
        }
    }
}
