//! What happens when the log's ends move.

use std::sync::Arc;

use trine_storage::Durability;
use trine_types::{Lsn, Offset};

use super::{Reply, Shard, append::AppendReply, catalog::CatalogChange};
use crate::{
    streams::{AppendError, Appended, Permit},
    topic::{PartitionRef, Topic},
};

/// Something that must not be seen before an LSN is durable (or written).
pub(crate) struct Parked {
    /// Which LSN.
    pub(crate) lsn: Lsn,
    /// What everybody sees then.
    pub(crate) raise: Raise,
    /// Who is answered then.
    pub(crate) release: Release,
}

/// A change of what everybody sees.
pub(crate) enum Raise {
    /// Nothing.
    Nothing,
    /// A partition's high watermark.
    End { partition: PartitionRef, end: Offset, bytes: u32 },
    /// A partition's log start; the data below may be dropped.
    LogStart { partition: PartitionRef, to: Offset },
    /// A partition's leader epoch.
    Epoch { partition: PartitionRef, epoch: i32 },
    /// The catalogue.
    Catalog(Box<CatalogChange>),
}

/// An answer.
pub(crate) enum Release {
    /// Nobody waits.
    Nothing,
    /// An append.
    Append { reply: AppendReply, answer: Result<Appended, AppendError>, permit: Permit },
    /// Anything else.
    Then(Box<dyn FnOnce(&mut Shard) + Send>),
}

/// Memory that is used again.
#[derive(Default)]
pub(crate) struct Scratch {
    releases: Vec<Release>,
    wake: Vec<(PartitionRef, u64)>,
    pub(super) deleted: Vec<Arc<Topic>>,
}

impl Shard {
    /// Parks something behind everything that waits for the same end.
    pub(super) fn park(&mut self, durability: Durability, parked: Parked) {
        if self.failed {
            // Dropping the reply tells its sender that nobody knows.
            return;
        }
        match durability {
            Durability::Sync => self.until_durable.push_back(parked),
            Durability::Interval(_) => self.until_written.push_back(parked),
        }
    }

    /// Parks a change of what everybody sees that belongs to the batch just appended.
    pub(super) fn park_raise(&mut self, raise: Raise) {
        self.park(Durability::Sync, Parked { lsn: self.applied, raise, release: Release::Nothing });
    }

    /// Runs `then` once everything applied until now is durable.
    pub(crate) fn once_durable(&mut self, then: impl FnOnce(&mut Self) + Send + 'static) {
        if self.until_durable.is_empty() && self.applied <= self.durable && !self.failed {
            then(self);
            return;
        }
        let release = Release::Then(Box::new(then));
        self.park(Durability::Sync, Parked { lsn: self.applied, raise: Raise::Nothing, release });
    }

    /// Answers once everything applied until now is durable (decision E5).
    pub(crate) fn answer<T: Send + 'static>(&mut self, reply: Reply<T>, answer: T) {
        self.once_durable(move |_| reply.send(answer));
    }

    /// Looks at the log's ends: raises what everybody sees, then releases replies, then wakes waiters.
    pub(super) fn progress(&mut self) {
        if let Some(reason) = self.store.failure() {
            self.fail(&reason);
            return;
        }
        self.durable = self.store.durable();
        self.written = self.store.written().max(self.durable);
        // A release may apply and park more, which may be durable already (a memory store).
        while self.release_round() {
            self.durable = self.store.durable();
            self.written = self.store.written().max(self.durable);
        }
    }

    fn release_round(&mut self) -> bool {
        let ready = |queue: &std::collections::VecDeque<Parked>, end: Lsn| {
            queue.front().is_some_and(|parked| parked.lsn <= end)
        };
        if !ready(&self.until_durable, self.durable) && !ready(&self.until_written, self.written) {
            return false;
        }
        let mut releases = std::mem::take(&mut self.scratch.releases);
        let mut wake = std::mem::take(&mut self.scratch.wake);
        let mut snapshot = None;
        // Written first: a log start that is durable must not overtake an end that is written.
        while ready(&self.until_written, self.written) {
            let Some(parked) = self.until_written.pop_front() else { break };
            self.raise(parked.raise, &mut wake, &mut snapshot);
            releases.push(parked.release);
        }
        while ready(&self.until_durable, self.durable) {
            let Some(parked) = self.until_durable.pop_front() else { break };
            self.raise(parked.raise, &mut wake, &mut snapshot);
            releases.push(parked.release);
        }
        if let Some(snapshot) = snapshot {
            self.shared.catalog.store(Arc::new(snapshot));
        }
        for release in releases.drain(..) {
            match release {
                Release::Nothing => {}
                Release::Append { reply, answer, permit } => {
                    let _ = reply.send(answer);
                    drop(permit);
                }
                Release::Then(then) => then(self),
            }
        }
        for (partition, bytes) in wake.drain(..) {
            partition.view().wake_for(bytes);
        }
        for topic in std::mem::take(&mut self.scratch.deleted) {
            topic.views().for_each(crate::view::PartitionView::wake_all);
        }
        self.scratch.releases = releases;
        self.scratch.wake = wake;
        true
    }

    fn raise(
        &mut self,
        raise: Raise,
        wake: &mut Vec<(PartitionRef, u64)>,
        snapshot: &mut Option<crate::CatalogSnapshot>,
    ) {
        match raise {
            Raise::Nothing => {}
            Raise::End { partition, end, bytes } => {
                partition.view().raise_end(end);
                // Many appends to one partition in a row: one wake.
                match wake.last_mut() {
                    Some((last, sum)) if last.entity() == partition.entity() => *sum += u64::from(bytes),
                    _ => wake.push((partition, u64::from(bytes))),
                }
            }
            Raise::LogStart { partition, to } => {
                partition.view().raise_log_start(to);
                self.store.trim(partition.entity(), to);
            }
            Raise::Epoch { partition, epoch } => partition.view().raise_epoch(epoch),
            Raise::Catalog(change) => {
                let snapshot = snapshot.get_or_insert_with(|| (**self.shared.catalog.load()).clone());
                self.publish(*change, snapshot);
            }
        }
    }
}
