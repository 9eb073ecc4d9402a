//! Which patterns match a channel, remembered while the set of patterns stays the same.

use std::sync::Arc;

use hashbrown::HashMap;
use trine_core::pubsub::{Name, PatternIndex};

use super::{MatchedPattern, lane::LaneRef};

/// Channels remembered; beyond it everything is forgotten.
const CHANNELS_MAX: usize = 4096;
/// Longest channel remembered, in bytes.
const CHANNEL_BYTES_MAX: usize = 256;

/// What matches one channel.
#[derive(Debug)]
pub(super) struct Matched {
    /// Slots in the index, valid in one generation.
    pub(super) slots: Vec<u32>,
    /// The same patterns by name.
    pub(super) patterns: Arc<[MatchedPattern]>,
}

/// A publisher's memory of matches.
#[derive(Debug, Default)]
pub(super) struct MatchCache {
    generation: u64,
    channels: HashMap<Name, Option<Arc<Matched>>>,
}

impl MatchCache {
    /// What matches a channel; `None`: nothing.
    pub(super) fn matched(&mut self, index: &PatternIndex<LaneRef>, channel: &[u8]) -> Option<Arc<Matched>> {
        if self.generation != index.generation() {
            self.generation = index.generation();
            self.channels.clear();
        }
        if let Some(known) = self.channels.get(channel) {
            return known.clone();
        }
        let found = find(index, channel).map(Arc::new);
        if channel.len() <= CHANNEL_BYTES_MAX {
            if self.channels.len() >= CHANNELS_MAX {
                self.channels.clear();
            }
            self.channels.insert(channel.into(), found.clone());
        }
        found
    }
}

/// What matches a channel, without remembering.
pub(super) fn find(index: &PatternIndex<LaneRef>, channel: &[u8]) -> Option<Matched> {
    let mut slots = Vec::new();
    index.matches(channel, |slot| slots.push(slot));
    if slots.is_empty() {
        return None;
    }
    let patterns = slots
        .iter()
        .filter_map(|slot| index.get(*slot))
        .map(|p| MatchedPattern { hash: p.hash, name: Arc::clone(p.name) })
        .collect();
    Some(Matched { slots, patterns })
}
