//! The subscriptions of one lane: who gets what, and what everybody holds. Owned by one thread; subscribers are small numbers that the owner gives out
//! and uses again.

use std::sync::Arc;

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::Name;

/// The three independent name spaces. The same name may be in all of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// A channel, by its exact name.
    Channel,
    /// All channels a pattern matches.
    Pattern,
    /// A shard channel.
    Shard,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::Shard];
}

/// A lane's tables.
#[derive(Debug, Default)]
pub struct Subscriptions {
    names: [HashTable<Entry>; 3],
    /// What each subscriber holds; `None`: nothing.
    held: Vec<Option<Box<Held>>>,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    name: Name,
    subscribers: SmallVec<[u32; 4]>,
}

#[derive(Debug, Default)]
struct Held {
    names: [HashTable<HeldName>; 3],
}

#[derive(Debug)]
struct HeldName {
    hash: u64,
    name: Name,
    /// Where the subscriber stands in the name's list.
    at: u32,
}

impl Subscriptions {
    /// Adds a subscription; `false` if it was there.
    pub fn add(&mut self, id: u32, kind: Kind, hash: u64, name: &Name) -> bool {
        let index = id as usize;
        if self.held.len() <= index {
            self.held.resize_with(index + 1, || None);
        }
        let held = &mut self.held[index].get_or_insert_default().names[kind as usize];
        let hashbrown::hash_table::Entry::Vacant(place) = held.entry(hash, |h| h.name == *name, |h| h.hash) else {
            return false;
        };
        let entry = self.names[kind as usize]
            .entry(hash, |e| e.name == *name, |e| e.hash)
            .or_insert_with(|| Entry { hash, name: Arc::clone(name), subscribers: SmallVec::new() })
            .into_mut();
        place.insert(HeldName { hash, name: Arc::clone(&entry.name), at: entry.subscribers.len() as u32 });
        entry.subscribers.push(id);
        true
    }

    /// Removes a subscription; `false` if there was none.
    pub fn remove(&mut self, id: u32, kind: Kind, hash: u64, name: &[u8]) -> bool {
        let Some(Some(held)) = self.held.get_mut(id as usize) else { return false };
        let Ok(found) = held.names[kind as usize].find_entry(hash, |h| *h.name == *name) else { return false };
        let (HeldName { at, .. }, _) = found.remove();
        if held.names.iter().all(HashTable::is_empty) {
            self.held[id as usize] = None;
        }
        self.unlist(kind, hash, name, at);
        true
    }

    /// Takes a subscriber out of a name's list. The last one takes its place.
    fn unlist(&mut self, kind: Kind, hash: u64, name: &[u8], at: u32) {
        let Ok(mut entry) = self.names[kind as usize].find_entry(hash, |e| *e.name == *name) else { return };
        let list = &mut entry.get_mut().subscribers;
        list.swap_remove(at as usize);
        let moved = list.get(at as usize).copied();
        if list.is_empty() {
            entry.remove();
        }
        if let Some(moved) = moved
            && let Some(Some(held)) = self.held.get_mut(moved as usize)
            && let Some(held) = held.names[kind as usize].find_mut(hash, |h| *h.name == *name)
        {
            held.at = at;
        }
    }

    /// Whether a subscriber holds a subscription.
    #[must_use]
    pub fn holds(&self, id: u32, kind: Kind, hash: u64, name: &[u8]) -> bool {
        self.held(id, kind).is_some_and(|held| held.find(hash, |h| *h.name == *name).is_some())
    }

    /// How many subscriptions of a kind a subscriber holds.
    #[must_use]
    pub fn count(&self, id: u32, kind: Kind) -> usize {
        self.held(id, kind).map_or(0, HashTable::len)
    }

    /// What a subscriber holds, with the hashes, in no order.
    #[must_use]
    pub fn names_of(&self, id: u32, kind: Kind) -> Vec<(u64, Name)> {
        self.held(id, kind).map_or_else(Vec::new, |held| held.iter().map(|h| (h.hash, Arc::clone(&h.name))).collect())
    }

    /// The subscribers of a name, in no order.
    #[must_use]
    pub fn subscribers(&self, kind: Kind, hash: u64, name: &[u8]) -> &[u32] {
        self.names[kind as usize].find(hash, |e| *e.name == *name).map_or(&[], |e| &e.subscribers)
    }

    fn held(&self, id: u32, kind: Kind) -> Option<&HashTable<HeldName>> {
        Some(&self.held.get(id as usize)?.as_ref()?.names[kind as usize])
    }
}
