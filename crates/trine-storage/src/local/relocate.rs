//! Copying live data into segments: out of a log file that shall be recycled, out of a segment that is mostly dead, or out of many small extents.
//!
//! Reads are verified; what cannot be read stays where it is, and its file is marked so that nobody tries again. The index changes only after the copies
//! are synced, and only where it still says what was copied.

use std::{collections::VecDeque, io, ops::Range, sync::atomic::Ordering::Relaxed};

use trine_types::{EntityId, Offset};

use super::{
    files::FileKey,
    index::{Entry, Planned},
    read::ReadJob,
    segment_writer::{Room, SegmentWriter},
    shared::Shared,
};
use crate::{StoredBatch, batch};

/// Entries that follow each other without a gap.
pub(crate) struct Group {
    pub(crate) entries: VecDeque<Entry>,
}

/// Splits an entity's entries.
pub(crate) fn groups(entries: Vec<Entry>) -> Vec<Group> {
    let mut out: Vec<Group> = Vec::new();
    for entry in entries {
        match out.last_mut() {
            Some(group) if group.entries.back().is_some_and(|last| last.end() == entry.base) => {
                group.entries.push_back(entry);
            }
            _ => out.push(Group { entries: VecDeque::from([entry]) }),
        }
    }
    out
}

/// One entity's part of a relocation.
pub(crate) struct Move {
    pub(crate) entity: EntityId,
    pub(crate) groups: VecDeque<Group>,
    /// Into a segment of its own, or into a shared one.
    pub(crate) own: bool,
}

impl Move {
    pub(crate) fn new(entity: EntityId, entries: Vec<Entry>, own_from: u64) -> Self {
        let bytes: u64 = entries.iter().map(|e| u64::from(e.len)).sum();
        Self { entity, groups: groups(entries).into(), own: bytes >= own_from }
    }
}

/// Segments that more data of an entity goes to.
pub(crate) type OwnSegments = std::collections::HashMap<EntityId, FileKey, super::hash::IdHash>;

/// A relocation on its way.
pub(crate) struct Relocation {
    sources: Vec<FileKey>,
    moves: VecDeque<Move>,
    own: Option<SegmentWriter>,
    shared_writer: Option<SegmentWriter>,
    written: Vec<SegmentWriter>,
    /// Memory for the next segment of an entity's own.
    room: Room,
    moved: Vec<(EntityId, Range<Offset>, Vec<Entry>)>,
    /// The stretch being copied, from its first offset to the end of what was copied.
    copied: Option<Range<Offset>>,
}

impl Relocation {
    pub(crate) fn new(sources: Vec<FileKey>, moves: impl IntoIterator<Item = Move>) -> Self {
        Self {
            sources,
            moves: moves.into_iter().collect(),
            own: None,
            shared_writer: None,
            written: Vec::new(),
            room: Room::default(),
            moved: Vec::new(),
            copied: None,
        }
    }

    /// Copies a slice; `None` when all is copied, else how many bytes were written.
    pub(crate) fn step(&mut self, shared: &Shared, own: &mut OwnSegments) -> io::Result<Option<usize>> {
        let slice = shared.options.slice_bytes;
        loop {
            let writers = self.own.iter_mut().chain(&mut self.shared_writer);
            if let Some(writer) = writers.into_iter().find(|w| w.writable() >= slice) {
                return writer.write_some(slice).map(Some);
            }
            let Some(next) = self.moves.front_mut() else {
                return Ok(None);
            };
            let entity = next.entity;
            let Some(group) = next.groups.front_mut() else {
                self.moves.pop_front();
                if let Some(writer) = self.own.take() {
                    let written = self.finish_own(shared, own, entity, writer)?;
                    return Ok(Some(written));
                }
                continue;
            };
            let mut entries = Vec::new();
            let mut bytes = 0;
            while let (Some(entry), true) = (group.entries.pop_front(), bytes < slice) {
                bytes += entry.len as usize;
                entries.push(entry);
                if bytes >= slice {
                    break;
                }
            }
            let group_done = group.entries.is_empty();
            let whole = entries.is_empty() || self.copy(shared, own, &entries)?;
            if group_done || !whole {
                self.end_group(entity);
                if let Some(next) = self.moves.front_mut() {
                    next.groups.pop_front();
                }
            }
        }
    }

    /// Copies entries that follow each other; false when they could not all be read.
    fn copy(&mut self, shared: &Shared, own: &OwnSegments, entries: &[Entry]) -> io::Result<bool> {
        let (Some(first), Some(last), Some(next)) = (entries.first(), entries.last(), self.moves.front()) else {
            return Ok(true);
        };
        let (entity, is_own) = (next.entity, next.own);
        let batches = read_entries(shared, entity, entries);
        let whole = batches.last().is_some_and(|b| b.end() >= last.end());
        if !whole {
            for entry in entries {
                if let Some(file) = shared.files.get(entry.file) {
                    file.damaged.store(true, Relaxed);
                }
            }
        }
        let Some(end) = batches.last().map(StoredBatch::end) else { return Ok(whole) };
        let writer = if is_own {
            match &mut self.own {
                Some(writer) => writer,
                None => {
                    let room = std::mem::take(&mut self.room);
                    self.own.insert(own_writer(shared, own, entity, &self.sources, room)?)
                }
            }
        } else {
            match &mut self.shared_writer {
                Some(writer) => writer,
                None => self.shared_writer.insert(SegmentWriter::create(shared, None, Room::default())?),
            }
        };
        // Both are sorted by offset.
        let mut left = entries.iter().peekable();
        for stored in &batches {
            while left.next_if(|e| e.end() < stored.end()).is_some() {}
            let max_ts = left.peek().filter(|e| e.base <= stored.base).map(|e| e.max_ts);
            let max_ts = if first.file.is_segment() { batch::max_ts(&stored.bytes) } else { max_ts };
            writer.batch(entity, stored.base, stored.end(), max_ts.unwrap_or(i64::MAX), &stored.bytes);
        }
        let copied = self.copied.get_or_insert(first.base..first.base);
        copied.end = end.min(last.end());
        Ok(whole)
    }

    /// Remembers what the copied stretch becomes.
    fn end_group(&mut self, entity: EntityId) {
        let own = self.moves.front().is_some_and(|m| m.own);
        let writer = if own { &mut self.own } else { &mut self.shared_writer };
        if let (Some(writer), Some(range)) = (writer, self.copied.take()) {
            let entries = writer.end_entity(entity);
            self.moved.push((entity, range, entries));
        }
        if self.shared_writer.as_ref().is_some_and(|w| w.len() >= SHARED_BYTES_MAX) {
            self.written.extend(self.shared_writer.take());
        }
    }

    fn finish_own(
        &mut self,
        shared: &Shared,
        own: &mut OwnSegments,
        entity: EntityId,
        mut writer: SegmentWriter,
    ) -> io::Result<usize> {
        let written = writer.finish()?;
        self.room = writer.take_room();
        if writer.len() < shared.options.segment_bytes {
            own.insert(entity, writer.data.key);
        } else {
            own.remove(&entity);
        }
        self.written.push(writer);
        Ok(written)
    }

    /// Makes the copies durable and the index use them. Returns the entities that have new extents in shared segments.
    pub(crate) fn finish(&mut self, shared: &Shared) -> io::Result<Vec<EntityId>> {
        self.written.extend(self.own.take().into_iter().chain(self.shared_writer.take()));
        for writer in &mut self.written {
            writer.finish()?;
        }
        if self.written.iter().any(|w| w.fresh) {
            shared.fs.sync_dir(&shared.dir.join("seg"))?;
        }
        for writer in &self.written {
            writer.publish(shared);
        }
        let mut in_shared = Vec::new();
        for (entity, range, entries) in &self.moved {
            let Some(shard) = shared.shard_of(*entity) else { continue };
            shard.index.write().replace(*entity, range, entries, Some(&self.sources), &shared.files);
            if entries.iter().any(|e| shared.files.get(e.file).is_some_and(|f| !f.own)) {
                in_shared.push(*entity);
            }
        }
        in_shared.sort_unstable();
        in_shared.dedup();
        Ok(in_shared)
    }

    /// Whether a file is being copied from or to.
    pub(crate) fn uses(&self, key: FileKey) -> bool {
        let writers = self.written.iter().chain(&self.own).chain(&self.shared_writer);
        self.sources.contains(&key) || writers.into_iter().any(|w| w.data.key == key)
    }

    /// Gives the space back.
    pub(crate) fn abandon(&self, shared: &Shared) {
        for writer in self.written.iter().chain(&self.own).chain(&self.shared_writer) {
            writer.abandon(shared);
        }
    }
}

/// A shared segment takes no more data at this size: its positions must fit 32 bits.
const SHARED_BYTES_MAX: u64 = 1 << 30;

fn own_writer(
    shared: &Shared,
    own: &OwnSegments,
    entity: EntityId,
    sources: &[FileKey],
    room: Room,
) -> io::Result<SegmentWriter> {
    let last = own.get(&entity).filter(|key| !sources.contains(key)).and_then(|key| shared.files.get(*key));
    match last.filter(|data| data.live.load(Relaxed) > 0 && data.len.load(Relaxed) < shared.options.segment_bytes) {
        Some(data) => SegmentWriter::resume(shared, data, room),
        None => SegmentWriter::create(shared, Some(entity), room),
    }
}

/// The batches of entries that follow each other, as far as they can be read.
pub(crate) fn read_entries(shared: &Shared, entity: EntityId, entries: &[Entry]) -> Vec<StoredBatch> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Vec::new() };
    let plan = entries.iter().map(|e| (Planned::Stored(*e), shared.files.get(e.file))).collect();
    let job = ReadJob {
        shared,
        entity,
        from: first.base,
        below: last.end(),
        may_block: true,
        consumer: false,
        bytes_max: usize::MAX,
        out: Vec::new(),
        bytes: 0,
        full: false,
    };
    job.run(plan).unwrap_or_default()
}

/// The files entries lie in.
pub(crate) fn sources_of(entries: &[Entry]) -> Vec<FileKey> {
    let mut keys: Vec<_> = entries.iter().map(|e| e.file).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
