//! Patterns in force and which of them match a channel.
//!
//! Patterns are found by their literal prefix: for every length that occurs, one look-up with the channel's first bytes. Those that begin with a
//! wildcard share the empty prefix. So a match costs as much as there are prefix lengths and patterns with a fitting prefix, not as there are patterns.

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::HashMap;

use super::{
    Glob, Lanes, Name,
    interest::{add_lane, remove_lane},
};

/// All patterns, each once, with the lanes that subscribe to it.
#[derive(Debug)]
pub struct PatternIndex<L> {
    /// Patterns by slot; a free slot is used again.
    slots: Vec<Option<Entry<L>>>,
    free: Vec<u32>,
    by_name: HashMap<Name, u32>,
    by_prefix: HashMap<Box<[u8]>, Vec<u32>>,
    /// Prefix lengths that occur, and in how many buckets.
    lengths: BTreeMap<usize, u32>,
    generation: u64,
}

#[derive(Debug)]
struct Entry<L> {
    name: Name,
    hash: u64,
    glob: Glob,
    lanes: Lanes<L>,
}

/// One pattern.
#[derive(Debug)]
pub struct PatternRef<'a, L> {
    /// As it was given.
    pub name: &'a Name,
    /// The hash its subscribers gave.
    pub hash: u64,
    /// Who subscribes to it.
    pub lanes: &'a Lanes<L>,
}

impl<L> Default for PatternIndex<L> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_name: HashMap::default(),
            by_prefix: HashMap::default(),
            lengths: BTreeMap::new(),
            generation: 0,
        }
    }
}

impl<L: Clone + PartialEq> PatternIndex<L> {
    /// One more subscription of a lane. Returns the name to keep.
    pub fn add(&mut self, hash: u64, pattern: &[u8], lane: &L) -> Name {
        if let Some(&slot) = self.by_name.get(pattern)
            && let Some(Some(entry)) = self.slots.get_mut(slot as usize)
        {
            add_lane(&mut entry.lanes, lane);
            return Arc::clone(&entry.name);
        }
        let name: Name = pattern.into();
        let glob = Glob::new(pattern);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        let prefix: Box<[u8]> = glob.prefix().into();
        let length = prefix.len();
        let bucket = self.by_prefix.entry(prefix).or_default();
        if bucket.is_empty() {
            *self.lengths.entry(length).or_insert(0) += 1;
        }
        bucket.push(slot);
        let mut lanes = Lanes::new();
        add_lane(&mut lanes, lane);
        self.slots[slot as usize] = Some(Entry { name: Arc::clone(&name), hash, glob, lanes });
        self.by_name.insert(Arc::clone(&name), slot);
        self.generation += 1;
        name
    }

    /// One subscription of a lane less; whether there was one.
    pub fn remove(&mut self, pattern: &[u8], lane: &L) -> bool {
        let Some(&slot) = self.by_name.get(pattern) else { return false };
        let Some(place) = self.slots.get_mut(slot as usize) else { return false };
        let Some(entry) = place else { return false };
        let removed = remove_lane(&mut entry.lanes, lane);
        if !entry.lanes.is_empty() {
            return removed;
        }
        let prefix: Box<[u8]> = entry.glob.prefix().into();
        *place = None;
        self.free.push(slot);
        self.by_name.remove(pattern);
        if let Some(bucket) = self.by_prefix.get_mut(&prefix) {
            bucket.retain(|s| *s != slot);
            if bucket.is_empty() {
                let length = prefix.len();
                self.by_prefix.remove(&prefix);
                if let Some(buckets) = self.lengths.get_mut(&length) {
                    *buckets -= 1;
                    if *buckets == 0 {
                        self.lengths.remove(&length);
                    }
                }
            }
        }
        self.generation += 1;
        removed
    }

    /// Calls `found` with the slot of every pattern that matches. Slots stay valid while the generation is the same.
    pub fn matches(&self, channel: &[u8], mut found: impl FnMut(u32)) {
        for &length in self.lengths.keys() {
            let Some(prefix) = channel.get(..length) else { return };
            let Some(bucket) = self.by_prefix.get(prefix) else { continue };
            for &slot in bucket {
                if self.slots.get(slot as usize).and_then(Option::as_ref).is_some_and(|e| e.glob.matches(channel)) {
                    found(slot);
                }
            }
        }
    }

    /// The pattern of a slot.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<PatternRef<'_, L>> {
        let entry = self.slots.get(slot as usize)?.as_ref()?;
        Some(PatternRef { name: &entry.name, hash: entry.hash, lanes: &entry.lanes })
    }

    /// Changes whenever a pattern comes or goes, so that what was matched before may be kept meanwhile.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// How many distinct patterns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// All patterns, in no order.
    pub fn iter(&self) -> impl Iterator<Item = PatternRef<'_, L>> {
        self.slots.iter().flatten().map(|e| PatternRef { name: &e.name, hash: e.hash, lanes: &e.lanes })
    }
}
