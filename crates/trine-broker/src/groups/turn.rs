//! Commands to a group that is being made take turns, in the order in which they came.
//!
//! The first command for a name waits until the catalogue has it durably, then goes to the group's own shard. A second one that finds the name in the
//! catalogue a moment later must not overtake it: a client that sends two commits in a row means the second.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Mutex as Queue, OwnedMutexGuard};
use trine_types::GroupName;

/// Names that somebody is making a group of. As many as there are requests in flight at most, and each only as long.
pub(crate) type Making = Mutex<HashMap<GroupName, Arc<Queue<()>>>>;

/// A place in the order. The next one has its turn when this is dropped, whether or not the turn came.
pub(super) struct Turn<'a> {
    making: &'a Making,
    name: &'a GroupName,
    queue: Option<Arc<Queue<()>>>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl<'a> Turn<'a> {
    /// A place behind everybody who came before, if the group is being made or must be; else there is no order to keep but the mailbox's.
    pub(super) fn take(making: &'a Making, name: &'a GroupName, must_be_made: impl FnOnce() -> bool) -> Option<Self> {
        let mut names = making.lock();
        let queue = match names.get(name) {
            Some(queue) => Arc::clone(queue),
            // Looked at under the lock: whoever makes it leaves the table after the catalogue has it.
            None if must_be_made() => Arc::clone(names.entry(name.clone()).or_default()),
            None => return None,
        };
        Some(Self { making, name, queue: Some(queue), turn: None })
    }

    /// Waits for the turn. Places are in the order of the first polls.
    pub(super) async fn come(&mut self) {
        if let Some(queue) = &self.queue {
            self.turn = Some(Arc::clone(queue).lock_owned().await);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut names = self.making.lock();
        drop((self.turn.take(), self.queue.take()));
        if names.get(self.name).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            names.remove(self.name);
        }
    }
}
