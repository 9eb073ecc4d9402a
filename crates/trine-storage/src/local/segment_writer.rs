//! Writing one stretch of a segment: batches become blocks, blocks become extents (one index entry each).

use std::{
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use trine_env::{File, OpenMode};
use trine_types::{EntityId, Offset};

use super::{
    files::{DataFile, FileKey},
    frame::{PAGE, padded},
    index::Entry,
    segment::{BLOCK_HEADER, SegmentHeader, seal_block},
    shared::Shared,
};

/// A piece of data with consecutive offsets under construction.
#[derive(Default)]
struct Piece {
    base: Offset,
    end: Offset,
    max_ts: i64,
}

impl Piece {
    fn extend(&mut self, fresh: bool, base: Offset, end: Offset, max_ts: i64) {
        if fresh {
            *self = Self { base, end, max_ts };
        } else {
            (self.end, self.max_ts) = (end, self.max_ts.max(max_ts));
        }
    }
}

/// The memory of one writer, for the next: a buffer of a megabyte that is made anew for every few megabytes costs as much in page faults as copying does.
#[derive(Default)]
pub(crate) struct Room(Vec<u8>);

/// See the module.
pub(crate) struct SegmentWriter {
    pub(crate) data: Arc<DataFile>,
    file: Arc<dyn File>,
    /// Not in the file table yet.
    pub(crate) fresh: bool,
    /// Where `buf` goes; a multiple of a page.
    pos: u64,
    buf: Vec<u8>,
    block: Piece,
    /// Where in `buf` the block begins that is not finished.
    block_at: Option<usize>,
    extent: Piece,
    extent_pos: u64,
    extent_len: u32,
    entries: Vec<Entry>,
    given: u64,
    block_bytes: u32,
    extent_bytes: u32,
}

impl SegmentWriter {
    /// A new segment. `room` is memory to use.
    pub(crate) fn create(shared: &Shared, owner: Option<EntityId>, room: Room) -> io::Result<Self> {
        let id = shared.next_segment.fetch_add(1, Relaxed);
        let key = FileKey::segment(id).ok_or_else(|| io::Error::other("the segment numbers are used up"))?;
        let data = DataFile::segment(key, &shared.dir, 0, 0, owner.is_some());
        let file = shared.fs.open(data.path(), OpenMode::CreateNew)?;
        let header = SegmentHeader { id, owner, uuid: shared.uuid };
        let mut this = Self::new(shared, data, file, true, 0, room);
        this.buf.extend_from_slice(&header.encode());
        Ok(this)
    }

    /// Goes on at the end of a segment. `room` is memory to use.
    pub(crate) fn resume(shared: &Shared, data: Arc<DataFile>, room: Room) -> io::Result<Self> {
        let file = shared.fs.open(data.path(), OpenMode::Write)?;
        let pos = padded(data.len.load(Relaxed) as usize) as u64;
        Ok(Self::new(shared, data, file, false, pos, room))
    }

    fn new(shared: &Shared, data: Arc<DataFile>, file: Arc<dyn File>, fresh: bool, pos: u64, room: Room) -> Self {
        Self {
            data,
            file,
            fresh,
            pos,
            buf: room.0,
            block: Piece::default(),
            block_at: None,
            extent: Piece::default(),
            extent_pos: 0,
            extent_len: 0,
            entries: Vec::new(),
            given: 0,
            block_bytes: shared.options.block_bytes,
            extent_bytes: shared.options.extent_bytes,
        }
    }

    /// Adds a batch of `entity` behind those before; a gap begins a new extent.
    pub(crate) fn batch(&mut self, entity: EntityId, base: Offset, end: Offset, max_ts: i64, bytes: &[u8]) {
        let first = match (self.extent_len > 0, self.block_at) {
            (true, _) => self.extent.base,
            (false, Some(_)) => self.block.base,
            (false, None) => base,
        };
        // An entry counts offsets in 32 bits.
        let wide = end.saturating_sub(first) > u64::from(u32::MAX);
        if let Some(begin) = self.block_at
            && (wide
                || base != self.block.end
                || self.buf.len() - begin - BLOCK_HEADER + bytes.len() > self.block_bytes as usize)
        {
            self.end_block(entity);
        }
        if self.block_at.is_none()
            && self.extent_len > 0
            && (wide || base != self.extent.end || self.extent_len >= self.extent_bytes)
        {
            self.end_extent();
        }
        self.block.extend(self.block_at.is_none(), base, end, max_ts);
        if self.block_at.is_none() {
            self.block_at = Some(self.buf.len());
            self.buf.resize(self.buf.len() + BLOCK_HEADER, 0);
        }
        self.buf.extend_from_slice(bytes);
    }

    fn end_block(&mut self, entity: EntityId) {
        let Some(begin) = self.block_at.take() else { return };
        let Piece { base, end, max_ts } = self.block;
        seal_block(&mut self.buf[begin..], entity, base, (end - base) as u32, max_ts);
        let fresh = self.extent_len == 0;
        if fresh {
            self.extent_pos = self.pos + begin as u64;
        }
        self.extent.extend(fresh, base, end, max_ts);
        self.extent_len += (self.buf.len() - begin) as u32;
    }

    fn end_extent(&mut self) {
        if self.extent_len == 0 {
            return;
        }
        let Piece { base, end, max_ts } = self.extent;
        self.entries.push(Entry {
            base,
            max_ts,
            count: (end - base) as u32,
            file: self.data.key,
            pos: self.extent_pos as u32,
            len: self.extent_len,
        });
        self.given += u64::from(self.extent_len);
        self.extent_len = 0;
    }

    /// The index entries for what was added since the last call.
    pub(crate) fn end_entity(&mut self, entity: EntityId) -> Vec<Entry> {
        self.end_block(entity);
        self.end_extent();
        std::mem::take(&mut self.entries)
    }

    /// Bytes the file will have.
    pub(crate) fn len(&self) -> u64 {
        self.pos + self.buf.len() as u64
    }

    /// Writes whole pages, at most about `bytes_max`; how many bytes.
    pub(crate) fn write_some(&mut self, bytes_max: usize) -> io::Result<usize> {
        let len = self.writable().min(bytes_max.max(PAGE) / PAGE * PAGE);
        if len > 0 {
            self.file.write_direct_at(&self.buf[..len], self.pos)?;
            self.buf.drain(..len);
            self.block_at = self.block_at.map(|begin| begin - len);
            self.pos += len as u64;
        }
        Ok(len)
    }

    /// Bytes that [`Self::write_some`] would write now.
    pub(crate) fn writable(&self) -> usize {
        self.block_at.unwrap_or(self.buf.len()) / PAGE * PAGE
    }

    /// Writes the rest and syncs; only then may the entries be used. Returns how many bytes were written.
    pub(crate) fn finish(&mut self) -> io::Result<usize> {
        self.buf.resize(padded(self.buf.len()), 0);
        let written = self.write_some(usize::MAX)?;
        self.file.sync_data()?;
        Ok(written)
    }

    /// The memory of a writer that is finished.
    pub(crate) fn take_room(&mut self) -> Room {
        let mut buf = std::mem::take(&mut self.buf);
        buf.clear();
        Room(buf)
    }

    /// Makes the file known with its new length.
    pub(crate) fn publish(&self, shared: &Shared) {
        let old = self.data.len.swap(self.pos, Relaxed);
        self.data.given.fetch_add(self.given, Relaxed);
        shared.counters.segments.fetch_add(self.pos - old, Relaxed);
        if self.fresh {
            shared.files.insert(Arc::clone(&self.data));
        }
    }

    /// Gives the space of a new file back.
    pub(crate) fn abandon(&self, shared: &Shared) {
        if self.fresh {
            let _ = shared.fs.remove_file(self.data.path());
        }
    }
}
