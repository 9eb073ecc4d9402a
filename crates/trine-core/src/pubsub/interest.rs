//! Who is interested in a name: for each channel the lanes with subscriptions, and how many each of them holds. A lane is whatever fans out by itself
//! (a worker's thread, a single neutral subscriber). The caller hashes names, once for everything it looks up.

use std::sync::Arc;

use hashbrown::HashTable;
use smallvec::SmallVec;

/// Below so many names the table is never shrunk.
const SHRINK_MIN: usize = 1024;

/// The name of a channel or a pattern: any bytes, also none. Shared by everything that holds it.
pub type Name = Arc<[u8]>;

/// Lanes and the number of their subscriptions, in no order; never empty, no count is zero.
pub type Lanes<L> = SmallVec<[(L, u32); 1]>;

/// A table of names.
#[derive(Debug)]
pub struct Interest<L> {
    table: HashTable<Entry<L>>,
}

#[derive(Debug)]
struct Entry<L> {
    hash: u64,
    name: Name,
    lanes: Lanes<L>,
}

impl<L> Default for Interest<L> {
    fn default() -> Self {
        Self { table: HashTable::new() }
    }
}

impl<L: Clone + PartialEq> Interest<L> {
    /// One more subscription of a lane. Returns the name to keep: one copy serves all.
    pub fn add(&mut self, hash: u64, name: &[u8], lane: &L) -> Name {
        let entry = self.table.entry(hash, |e| *e.name == *name, |e| e.hash).or_insert_with(|| Entry {
            hash,
            name: name.into(),
            lanes: SmallVec::new(),
        });
        let entry = entry.into_mut();
        add_lane(&mut entry.lanes, lane);
        Arc::clone(&entry.name)
    }

    /// One subscription of a lane less; whether there was one.
    pub fn remove(&mut self, hash: u64, name: &[u8], lane: &L) -> bool {
        let Ok(mut entry) = self.table.find_entry(hash, |e| *e.name == *name) else { return false };
        let removed = remove_lane(&mut entry.get_mut().lanes, lane);
        if entry.get().lanes.is_empty() {
            entry.remove();
            if self.table.capacity() > SHRINK_MIN && self.table.len() < self.table.capacity() / 8 {
                self.table.shrink_to(self.table.len() * 2, |e| e.hash);
            }
        }
        removed
    }

    /// The shared name and its lanes; `None` if nobody is interested.
    #[must_use]
    pub fn get(&self, hash: u64, name: &[u8]) -> Option<(&Name, &Lanes<L>)> {
        self.table.find(hash, |e| *e.name == *name).map(|e| (&e.name, &e.lanes))
    }

    /// How many subscriptions a name has.
    #[must_use]
    pub fn subscriptions(&self, hash: u64, name: &[u8]) -> u64 {
        self.get(hash, name).map_or(0, |(_, lanes)| subscriptions(lanes))
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// All names and their subscriptions, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, u64)> {
        self.table.iter().map(|e| (&e.name, subscriptions(&e.lanes)))
    }
}

/// The sum over all lanes.
pub(super) fn subscriptions<L>(lanes: &Lanes<L>) -> u64 {
    lanes.iter().map(|(_, n)| u64::from(*n)).sum()
}

pub(super) fn add_lane<L: Clone + PartialEq>(lanes: &mut Lanes<L>, lane: &L) {
    match lanes.iter_mut().find(|(l, _)| l == lane) {
        Some((_, count)) => *count += 1,
        None => lanes.push((lane.clone(), 1)),
    }
}

pub(super) fn remove_lane<L: PartialEq>(lanes: &mut Lanes<L>, lane: &L) -> bool {
    let Some(at) = lanes.iter().position(|(l, _)| l == lane) else { return false };
    let (_, count) = &mut lanes[at];
    *count -= 1;
    if *count == 0 {
        lanes.swap_remove(at);
    }
    true
}
