//! The run index of one shard group: which offsets of an entity lie where (decision E1). The store's own state: machines know offsets only.
//!
//! An entry stands for one batch in the log (or not written yet), or for a stretch of batches in a segment. Entries of an entity are sorted by offset
//! and do not overlap; an entity without data has no entry at all.

use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
};

use bytes::Bytes;
use trine_types::{EntityId, Lsn, Offset};

use super::{
    files::{FileKey, Files},
    hash::IdHash,
};

/// One entry; 32 bytes, because there can be a million.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) base: Offset,
    pub(crate) max_ts: i64,
    /// Offsets it covers, at least 1.
    pub(crate) count: u32,
    pub(crate) file: FileKey,
    /// Byte position in the file; for a pending entry the low bits of its number.
    pub(crate) pos: u32,
    /// Bytes there.
    pub(crate) len: u32,
}

const _: () = assert!(size_of::<Entry>() == 32);

impl Entry {
    pub(crate) const fn end(&self) -> Offset {
        self.base.saturating_add(self.count as u64)
    }
}

/// Memory of an entity beside its entries: a slot of the map and the deque's smallest allocation.
const ENTITY_BYTES: u64 = 64;

/// A batch that was appended and is not in a file yet.
struct Pending {
    entity: EntityId,
    base: Offset,
    epoch: i32,
    batch: Bytes,
}

/// Where a frame put the next pending batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) pos: u32,
    pub(crate) len: u32,
}

/// An entry to read, with what is needed to do so without the index's lock.
pub(crate) enum Planned {
    /// The producer's bytes, still to be patched.
    Pending(Entry, Bytes, i32),
    /// In a file.
    Stored(Entry),
}

/// See the module.
#[derive(Default)]
pub(crate) struct Index {
    entities: HashMap<EntityId, VecDeque<Entry>, IdHash>,
    pending: VecDeque<Pending>,
    /// Number of the first of `pending`.
    pending_first: u64,
    /// All batches up to this LSN are in files.
    pub(crate) indexed: Lsn,
    entries: usize,
    wal_entries: usize,
}

impl Index {
    /// Adds an appended batch. Offsets of an entity only grow.
    pub(crate) fn push_pending(&mut self, entity: EntityId, run: &crate::Run) {
        let number = self.pending_first + self.pending.len() as u64;
        self.pending.push_back(Pending { entity, base: run.base, epoch: run.leader_epoch, batch: run.batch.clone() });
        self.push(
            entity,
            Entry {
                base: run.base,
                max_ts: run.max_ts,
                count: run.count,
                file: FileKey::PENDING,
                pos: number as u32,
                len: run.batch.len() as u32,
            },
        );
    }

    /// Adds an entry behind all others of its entity (recovery and loading do so too).
    pub(crate) fn push(&mut self, entity: EntityId, entry: Entry) {
        let runs = self.entities.entry(entity).or_default();
        debug_assert!(runs.back().is_none_or(|last| last.end() <= entry.base), "{entity}: {runs:?} then {entry:?}");
        runs.push_back(entry);
        self.entries += 1;
        self.wal_entries += usize::from(!entry.file.is_segment());
    }

    /// The end of what an entity has.
    pub(crate) fn end_of(&self, entity: EntityId) -> Option<Offset> {
        self.entities.get(&entity)?.back().map(Entry::end)
    }

    /// The oldest pending batches were written to `file`. `cache` is offered each that is still wanted.
    pub(crate) fn place(
        &mut self,
        file: FileKey,
        placed: &[Placed],
        mut cache: impl FnMut(EntityId, Offset, Placed),
    ) -> u64 {
        let mut live = 0;
        for at in placed {
            let number = self.pending_first as u32;
            let Some(pending) = self.pending.pop_front() else { break };
            self.pending_first += 1;
            let Some(runs) = self.entities.get_mut(&pending.entity) else { continue };
            let Some(entry) = find(runs, pending.base).and_then(|at| runs.get_mut(at)) else { continue };
            if entry.file == FileKey::PENDING && entry.pos == number {
                (entry.file, entry.pos) = (file, at.pos);
                live += u64::from(at.len);
                cache(pending.entity, pending.base, *at);
            }
        }
        live
    }

    /// What to read for offsets from `from` (or after a gap) below `below`, until `bytes_max`; the first always.
    pub(crate) fn plan(&self, entity: EntityId, from: Offset, below: Offset, bytes_max: usize) -> Vec<Planned> {
        let Some(runs) = self.entities.get(&entity) else { return Vec::new() };
        let (mut out, mut bytes) = (Vec::new(), 0_usize);
        for entry in runs.range(first_ending_after(runs, from)..) {
            let (Some(left), true) = (bytes_max.checked_sub(bytes), entry.base < below) else { break };
            if !out.is_empty() && (left == 0 || (!entry.file.is_segment() && entry.len as usize > left)) {
                break;
            }
            // Of a stretch of batches that begins before `from`, only the rest counts.
            let rest = entry.end() - entry.base.max(from);
            let share = u64::from(entry.len) * rest / u64::from(entry.count.max(1));
            bytes = bytes.saturating_add(share as usize);
            out.push(self.planned(*entry));
        }
        out
    }

    fn planned(&self, entry: Entry) -> Planned {
        if entry.file == FileKey::PENDING {
            let at = entry.pos.wrapping_sub(self.pending_first as u32) as usize;
            if let Some(pending) = self.pending.get(at) {
                return Planned::Pending(entry, pending.batch.clone(), pending.epoch);
            }
        }
        Planned::Stored(entry)
    }

    /// Base of the first entry with a timestamp at or after `ts`.
    pub(crate) fn find_time(&self, entity: EntityId, ts: i64) -> Option<Offset> {
        self.entities.get(&entity)?.iter().find(|e| e.max_ts >= ts).map(|e| e.base)
    }

    /// Bytes of the entries that overlap the range.
    pub(crate) fn bytes_in(&self, entity: EntityId, range: &Range<Offset>) -> u64 {
        let Some(runs) = self.entities.get(&entity) else { return 0 };
        let first = first_ending_after(runs, range.start);
        runs.range(first..).take_while(|e| e.base < range.end).map(|e| u64::from(e.len)).sum()
    }

    /// Forgets entries that end at or before `below`.
    pub(crate) fn trim(&mut self, entity: EntityId, below: Offset, files: &Files) {
        let Some(runs) = self.entities.get_mut(&entity) else { return };
        while runs.front().is_some_and(|e| e.end() <= below) {
            let Some(entry) = runs.pop_front() else { break };
            self.entries -= 1;
            self.wal_entries -= usize::from(!entry.file.is_segment());
            files.add_live(entry.file, -i64::from(entry.len));
        }
        if runs.is_empty() {
            self.entities.remove(&entity);
        } else {
            give_back(runs);
        }
    }

    /// Forgets an entity.
    pub(crate) fn drop_entity(&mut self, entity: EntityId, files: &Files) {
        self.trim(entity, Offset::MAX, files);
    }

    /// Replaces what lies in `range` by `new` entries (sorted, within the range; their bytes are not counted live yet). Entries that reach over the
    /// range's ends keep the part outside. With `only_in`, `new` is a copy of what lay in these files when it was made: nothing happens unless the
    /// range has entries and all lie there still, and of `new` only the offsets count that they still cover, because the rest was trimmed or
    /// compacted away meanwhile and must not come back.
    pub(crate) fn replace(
        &mut self,
        entity: EntityId,
        range: &Range<Offset>,
        new: &[Entry],
        only_in: Option<&[FileKey]>,
        files: &Files,
    ) -> bool {
        let empty = VecDeque::new();
        let runs = self.entities.get(&entity).unwrap_or(&empty);
        let first = first_ending_after(runs, range.start);
        let last = runs.partition_point(|e| e.base < range.end).max(first);
        if let Some(sources) = only_in
            && (first == last || runs.range(first..last).any(|e| !sources.contains(&e.file)))
        {
            return false;
        }
        let covered: Vec<Entry>;
        let new = if only_in.is_some() {
            covered = within(new, runs.range(first..last));
            &covered[..]
        } else {
            new
        };
        // What stands before the range, which is little, and what takes the range's place; the rest stays where it is.
        let old: Vec<Entry> = runs.range(first..last).copied().collect();
        let before = old.iter().filter(|e| e.base < range.start);
        let before = before.map(|e| Entry { count: (range.start - e.base) as u32, ..*e });
        let behind = old.iter().filter(|e| e.end() > range.end);
        let behind = behind.map(|e| Entry { base: range.end, count: (e.end() - range.end) as u32, ..*e });
        let head: Vec<Entry> =
            runs.range(..first).copied().chain(before).chain(new.iter().copied()).chain(behind).collect();
        for entry in &old {
            let clipped = u32::from(entry.base < range.start) + u32::from(entry.end() > range.end);
            files.add_live(entry.file, i64::from(entry.len) * (i64::from(clipped) - 1));
        }
        for entry in new {
            files.add_live(entry.file, i64::from(entry.len));
        }
        let in_log = |entries: &[Entry]| entries.iter().filter(|e| !e.file.is_segment()).count();
        self.entries = self.entries + head.len() - first - old.len();
        self.wal_entries = self.wal_entries + in_log(&head[first..]) - in_log(&old);
        let runs = self.entities.entry(entity).or_default();
        runs.drain(..last);
        for entry in head.into_iter().rev() {
            runs.push_front(entry);
        }
        if runs.is_empty() {
            self.entities.remove(&entity);
        } else {
            give_back(runs);
        }
        true
    }

    /// Forgets the entries in `file` and `range` that no `live` range touches: their owner said that they are dead.
    pub(crate) fn drop_dead(
        &mut self,
        entity: EntityId,
        range: &Range<Offset>,
        live: &[Range<Offset>],
        file: FileKey,
        files: &Files,
    ) {
        let Some(runs) = self.entities.get_mut(&entity) else { return };
        let is_dead = |e: &Entry| {
            let asked = e.file == file && e.base >= range.start && e.end() <= range.end;
            asked && !live.iter().any(|l| l.start < e.end() && e.base < l.end)
        };
        let first = first_ending_after(runs, range.start);
        if !runs.range(first..).take_while(|e| e.base < range.end).any(is_dead) {
            return;
        }
        let before = runs.len();
        runs.retain(|e| {
            let dead = is_dead(e);
            if dead {
                files.add_live(file, -i64::from(e.len));
            }
            !dead
        });
        let gone = before - runs.len();
        self.entries -= gone;
        if !file.is_segment() {
            self.wal_entries -= gone;
        }
        if runs.is_empty() {
            self.entities.remove(&entity);
        }
    }

    /// Entities that have data, sorted.
    pub(crate) fn entities(&self) -> Vec<EntityId> {
        let mut ids: Vec<_> = self.entities.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// An entity's entries.
    pub(crate) fn entries_of(&self, entity: EntityId) -> impl Iterator<Item = &Entry> {
        self.entities.get(&entity).into_iter().flatten()
    }

    /// What lies in a file: for each entity the entries, sorted.
    pub(crate) fn in_file(&self, file: FileKey) -> Vec<(EntityId, Vec<Entry>)> {
        let mut found: Vec<_> = self
            .entities
            .iter()
            .filter_map(|(id, runs)| {
                // What was appended later lies in later log files.
                let behind = |e: &Entry| file.is_wal() && e.file.is_wal() && e.file.number() > file.number();
                let entries: Vec<_> =
                    runs.iter().take_while(|e| !behind(e)).filter(|e| e.file == file).copied().collect();
                (!entries.is_empty()).then_some((*id, entries))
            })
            .collect();
        found.sort_unstable_by_key(|(id, _)| *id);
        found
    }

    /// The files entries name, with repetitions of those that follow each other left out.
    pub(crate) fn files(&self) -> impl Iterator<Item = FileKey> {
        let mut last = FileKey::PENDING;
        self.entities
            .values()
            .flatten()
            .map(|e| e.file)
            .filter(move |file| std::mem::replace(&mut last, *file) != *file)
    }

    /// Memory, approximately.
    pub(crate) fn bytes(&self) -> u64 {
        self.entries as u64 * size_of::<Entry>() as u64 + self.entities.len() as u64 * ENTITY_BYTES
    }

    /// Memory of entries for data that is not in segments.
    pub(crate) fn wal_bytes(&self) -> u64 {
        self.wal_entries as u64 * size_of::<Entry>() as u64
    }

    /// Sets the live bytes of all files from the entries (after recovery).
    pub(crate) fn count_live(&self, files: &Files) {
        for entry in self.entities.values().flatten() {
            files.add_live(entry.file, i64::from(entry.len));
        }
    }
}

/// The parts of `new` whose offsets `old` covers; entries of `old` that follow each other count as one.
fn within<'a>(new: &[Entry], old: impl Iterator<Item = &'a Entry>) -> Vec<Entry> {
    let mut stretches: Vec<Range<Offset>> = Vec::new();
    for entry in old {
        match stretches.last_mut() {
            Some(last) if last.end == entry.base => last.end = entry.end(),
            _ => stretches.push(entry.base..entry.end()),
        }
    }
    let mut out = Vec::with_capacity(new.len());
    for stretch in &stretches {
        let first = new.partition_point(|e| e.end() <= stretch.start);
        for entry in new[first..].iter().take_while(|e| e.base < stretch.end) {
            let (base, end) = (entry.base.max(stretch.start), entry.end().min(stretch.end));
            out.push(Entry { base, count: (end - base) as u32, ..*entry });
        }
    }
    out
}

/// Index of the first entry that ends after `offset`.
fn first_ending_after(runs: &VecDeque<Entry>, offset: Offset) -> usize {
    runs.partition_point(|e| e.end() <= offset)
}

/// Gives memory back when most of it is not used.
fn give_back(runs: &mut VecDeque<Entry>) {
    if runs.capacity() > 64 && runs.len() * 4 < runs.capacity() {
        runs.shrink_to(runs.len() * 2);
    }
}

/// Index of the entry with exactly this base. Whoever asks wants one of the last: the search begins there, in steps that double, and does not touch the
/// memory of the others.
fn find(runs: &VecDeque<Entry>, base: Offset) -> Option<usize> {
    let mut high = runs.len();
    let mut low = high.saturating_sub(1);
    while low > 0 && runs.get(low).is_some_and(|e| e.base >= base) {
        let step = 2 * (runs.len() - low);
        high = low;
        low = low.saturating_sub(step);
    }
    // The first entry with at least this base is in low..=high.
    while low < high {
        let middle = low + (high - low) / 2;
        if runs.get(middle).is_some_and(|e| e.base < base) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    (runs.get(low)?.base == base).then_some(low)
}

#[cfg(test)]
#[path = "index/tests.rs"]
mod tests;
