//! The batches of a shard group's entities.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use bytes::Bytes;
use trine_types::{EntityId, Offset};

use crate::{Run, StoredBatch, batch};

#[derive(Clone)]
struct Stored {
    count: u32,
    max_ts: i64,
    bytes: Bytes,
}

impl Stored {
    fn end(&self, base: Offset) -> Offset {
        base + u64::from(self.count)
    }
}

/// See the module.
#[derive(Clone, Default)]
pub(super) struct Runs {
    entities: HashMap<EntityId, BTreeMap<Offset, Stored>>,
    bytes: u64,
    entries: u64,
}

/// Memory of an entry beside its bytes, approximately.
const ENTRY_BYTES: u64 = 64;

impl Runs {
    /// Adds a batch; how many bytes it takes.
    pub(super) fn push(&mut self, entity: EntityId, run: &Run) -> u64 {
        let bytes = batch::patched(&run.batch, run.base, run.leader_epoch);
        let len = bytes.len() as u64;
        let old = self
            .entities
            .entry(entity)
            .or_default()
            .insert(run.base, Stored { count: run.count, max_ts: run.max_ts, bytes });
        self.bytes += len;
        self.entries += 1;
        if let Some(old) = old {
            self.bytes -= old.bytes.len() as u64;
            self.entries -= 1;
        }
        len
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn index_bytes(&self) -> u64 {
        (self.entries + self.entities.len() as u64) * ENTRY_BYTES
    }

    /// Batches that overlap a range, in order.
    fn overlapping(&self, entity: EntityId, range: Range<Offset>) -> impl Iterator<Item = (Offset, &Stored)> {
        let runs = self.entities.get(&entity);
        let before = runs.and_then(|r| r.range(..range.start).next_back()).filter(|(b, s)| s.end(**b) > range.start);
        let begin = before.map_or(range.start, |(base, _)| *base);
        let runs = runs.filter(|_| begin < range.end);
        runs.into_iter().flat_map(move |r| r.range(begin..range.end)).map(|(base, stored)| (*base, stored))
    }

    pub(super) fn read(&self, entity: EntityId, from: Offset, below: Offset, bytes_max: usize) -> Vec<StoredBatch> {
        let (mut out, mut bytes) = (Vec::new(), 0_usize);
        for (base, stored) in self.overlapping(entity, from..below) {
            bytes = bytes.saturating_add(stored.bytes.len());
            if !out.is_empty() && bytes > bytes_max {
                break;
            }
            out.push(StoredBatch { base, count: stored.count, bytes: stored.bytes.clone() });
        }
        out
    }

    pub(super) fn find_time(&self, entity: EntityId, ts: i64) -> Option<Offset> {
        self.entities.get(&entity)?.iter().find(|(_, s)| s.max_ts >= ts).map(|(base, _)| *base)
    }

    pub(super) fn bytes_in(&self, entity: EntityId, range: &Range<Offset>) -> u64 {
        self.overlapping(entity, range.clone()).map(|(_, s)| s.bytes.len() as u64).sum()
    }

    pub(super) fn trim(&mut self, entity: EntityId, below: Offset) {
        let Some(runs) = self.entities.get_mut(&entity) else { return };
        // From the front: a trim costs what it takes away, whatever is left.
        while let Some(first) = runs.first_entry().filter(|first| first.get().end(*first.key()) <= below) {
            self.bytes -= first.remove().bytes.len() as u64;
            self.entries -= 1;
        }
        if runs.is_empty() {
            self.entities.remove(&entity);
        }
    }

    /// Entities of at least so many batches, with the offsets that their batches cover.
    pub(super) fn large(&self, batches_min: usize) -> Vec<(EntityId, Range<Offset>)> {
        let large = self.entities.iter().filter(|(_, runs)| runs.len() >= batches_min);
        let covered = large.filter_map(|(entity, runs)| {
            let (first, _) = runs.first_key_value()?;
            let (last, stored) = runs.last_key_value()?;
            Some((*entity, *first..stored.end(*last)))
        });
        let mut covered: Vec<_> = covered.collect();
        covered.sort_unstable_by_key(|(entity, _)| *entity);
        covered
    }

    pub(super) fn drop_entity(&mut self, entity: EntityId) {
        self.remove(entity, |_, _| true);
    }

    pub(super) fn rewrite(&mut self, entity: EntityId, range: &Range<Offset>, batches: &[Run]) {
        self.remove(entity, |base, stored| base >= range.start && stored.end(base) <= range.end);
        for run in batches {
            self.push(entity, run);
        }
    }

    pub(super) fn keep(&mut self, entity: EntityId, range: &Range<Offset>, live: &[Range<Offset>]) {
        self.remove(entity, |base, stored| {
            let end = stored.end(base);
            base >= range.start && end <= range.end && !live.iter().any(|l| l.start < end && base < l.end)
        });
    }

    fn remove(&mut self, entity: EntityId, dead: impl Fn(Offset, &Stored) -> bool) {
        let Some(runs) = self.entities.get_mut(&entity) else { return };
        let (bytes, entries) = (&mut self.bytes, &mut self.entries);
        runs.retain(|base, stored| {
            let dead = dead(*base, stored);
            if dead {
                *bytes -= stored.bytes.len() as u64;
                *entries -= 1;
            }
            !dead
        });
        if runs.is_empty() {
            self.entities.remove(&entity);
        }
    }
}
