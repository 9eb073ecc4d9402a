//! Reading batches back, verified (G6, decision E9). No lock is held during I/O.

use std::{io, sync::Arc};

use bytes::{Bytes, BytesMut};
use trine_env::File;
use trine_types::{EntityId, Offset};

use super::{
    files::{DataFile, FileKey},
    frame::{PREFIX_CRC_BYTES, WalPos},
    index::{Entry, Planned},
    segment::{BLOCK_HEADER, BlockHeader},
    shared::Shared,
};
use crate::{ReadError, StoredBatch, Where, batch, codec::Reader};

/// Batches of the log whose gap is at most this are read in one go.
const GAP_BYTES: u32 = 4096;
/// Most bytes of the log read in one go (unless one batch is larger).
const SPAN_BYTES: usize = 1 << 20;
/// A read this close to the end of the log counts as one of a consumer that keeps up.
const NEAR_TAIL_BYTES: u64 = 4 << 20;

/// One call of [`crate::ShardStore::read`].
pub(crate) struct ReadJob<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) entity: EntityId,
    pub(crate) from: Offset,
    pub(crate) below: Offset,
    pub(crate) may_block: bool,
    /// Whether a consumer reads, not background work.
    pub(crate) consumer: bool,
    pub(crate) bytes_max: usize,
    pub(crate) out: Vec<StoredBatch>,
    pub(crate) bytes: usize,
    pub(crate) full: bool,
}

/// Entries of one file with little between them.
struct Span {
    file: Arc<DataFile>,
    entries: Vec<Entry>,
}

impl ReadJob<'_> {
    /// Whether another batch of `len` bytes belongs in the answer. Once one does not, nothing behind it does, however small.
    fn wants(&mut self, base: Offset, len: usize) -> bool {
        self.full |= base >= self.below || (!self.out.is_empty() && self.bytes.saturating_add(len) > self.bytes_max);
        !self.full
    }

    fn take(&mut self, base: Offset, count: u32, bytes: Bytes) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.out.push(StoredBatch { base, count, bytes });
    }

    /// Reads what was planned. An error after the first batch only ends the answer; the next call meets it again.
    pub(crate) fn run(mut self, plan: Vec<(Planned, Option<Arc<DataFile>>)>) -> Result<Vec<StoredBatch>, ReadError> {
        if self.consumer {
            self.note_tail(&plan);
        }
        let mut span: Option<Span> = None;
        for (planned, file) in plan {
            let result = match (planned, file) {
                (Planned::Pending(entry, bytes, epoch), _) => self.flush(span.take()).map(|()| {
                    if self.wants(entry.base, bytes.len()) {
                        self.take(entry.base, entry.count, batch::patched(&bytes, entry.base, epoch));
                    }
                }),
                (Planned::Stored(entry), Some(file)) if entry.file.is_segment() => {
                    self.flush(span.take()).and_then(|()| self.segment(&file, &entry))
                }
                (Planned::Stored(entry), Some(file)) => match self.shared.cache.get(self.entity, entry.base) {
                    Some(bytes) => self.flush(span.take()).map(|()| {
                        if self.wants(entry.base, bytes.len()) {
                            self.take(entry.base, entry.count, bytes);
                        }
                    }),
                    None => match &mut span {
                        Some(span) if joins(span, &entry) => {
                            span.entries.push(entry);
                            Ok(())
                        }
                        _ => self.flush(span.replace(Span { file, entries: vec![entry] })),
                    },
                },
                (Planned::Stored(entry), None) => Err(corrupt(entry.file, entry.pos, "the file is missing")),
            };
            if let Err(error) = result {
                return if self.out.is_empty() { Err(error) } else { Ok(self.out) };
            }
        }
        match self.flush(span) {
            Err(error) if self.out.is_empty() => Err(error),
            _ => Ok(self.out),
        }
    }

    /// Somebody reads near the tail: fill the cache for them.
    fn note_tail(&self, plan: &[(Planned, Option<Arc<DataFile>>)]) {
        let near = match plan.last() {
            None => true,
            Some((Planned::Pending(..), _)) => true,
            Some((Planned::Stored(entry), _)) => {
                let head = self.shared.heads.lock().written;
                let at = WalPos { file: entry.file.number(), pos: u64::from(entry.pos) };
                entry.file.is_wal() && at.file == head.file && at.pos + NEAR_TAIL_BYTES >= head.pos
            }
        };
        if near {
            self.shared.cache.note_read(self.shared.clock.mono());
        }
    }

    fn flush(&mut self, span: Option<Span>) -> Result<(), ReadError> {
        let Some(span) = span else { return Ok(()) };
        let (Some(first), Some(last)) = (span.entries.first(), span.entries.last()) else { return Ok(()) };
        if !self.wants(first.base, first.len as usize) {
            return Ok(());
        }
        // Each batch is preceded by a checksum of its first bytes.
        let Some(begin) = first.pos.checked_sub(PREFIX_CRC_BYTES as u32) else {
            return Err(corrupt(first.file, first.pos, "no record batch can lie here"));
        };
        let len = (last.pos - begin) as usize + last.len as usize;
        let bytes = self.bytes_at(&span.file, u64::from(begin), len)?;
        for entry in &span.entries {
            let at = (entry.pos - begin) as usize;
            let Some(stored) = bytes.get(at..at + entry.len as usize) else { break };
            if !self.wants(entry.base, stored.len()) {
                break;
            }
            let bad = |what: &str| corrupt(entry.file, entry.pos, what);
            let (Some(base), Some(count)) = (batch::base(stored), batch::count(stored)) else {
                return Err(bad("no record batch lies here"));
            };
            let prefix = bytes.get(at - PREFIX_CRC_BYTES..at).and_then(|crc| Reader::new(crc).u32());
            if prefix != Some(batch::prefix_crc(stored)) {
                return Err(bad("the record batch's header fails its checksum"));
            }
            batch::verify(stored, base).map_err(|what| bad(&what))?;
            // Equal, unless a rewrite clipped the entry: then the batch reaches over it.
            if base > entry.base || entry.end() > base.saturating_add(u64::from(count)) {
                return Err(bad(&format!("the record batch has base offset {base} instead of {}", entry.base)));
            }
            let bytes = bytes.slice(at..at + entry.len as usize);
            self.take(base, count, bytes);
        }
        Ok(())
    }

    /// Reads from a stretch of blocks. Blocks in front of the wanted ones are passed by their headers alone, without their checksums: that their offsets
    /// follow each other, and reach the entry's end, is what shows that none was passed on the word of a damaged header.
    fn segment(&mut self, file: &Arc<DataFile>, entry: &Entry) -> Result<(), ReadError> {
        let end = u64::from(entry.pos) + u64::from(entry.len);
        let mut pos = u64::from(entry.pos);
        let from = self.from.max(entry.base);
        let mut passed: Option<Offset> = None;
        while pos < end && self.wants(entry.base.max(self.from), 0) {
            let header = self.block_header(file, entry, pos)?;
            // A rewrite may have clipped the entry: then the stretch begins before it.
            if !passed.map_or(header.base <= entry.base, |passed| header.base == passed) {
                return Err(corrupt(entry.file, pos as u32, "the block's offsets do not follow those before it"));
            }
            let whole = (BLOCK_HEADER + header.len) as u64;
            if header.end() <= from {
                pos += whole;
                passed = Some(header.end());
                continue;
            }
            if header.base >= entry.end() || !self.wants(header.base, 0) {
                return Ok(());
            }
            // This block, and more if more is wanted.
            let left = self.bytes_max.saturating_sub(self.bytes);
            let len = (end - pos).min(whole.max(left as u64));
            let bytes = self.bytes_at(file, pos, len as usize)?;
            let (mut at, mut full) = (0, false);
            while let (Some(header), false) = (bytes.get(at..).and_then(BlockHeader::decode), full) {
                let Some(body) = bytes.get(at + BLOCK_HEADER..at + BLOCK_HEADER + header.len) else { break };
                let block_at = pos + at as u64;
                if header.entity != self.entity || !bytes.get(at..).is_some_and(|block| header.verify(block)) {
                    return Err(corrupt(entry.file, block_at as u32, "the block fails its checksum"));
                }
                full = !self.block(&bytes.slice_ref(body), entry, block_at + BLOCK_HEADER as u64)?;
                at += BLOCK_HEADER + header.len;
                passed = Some(header.end());
            }
            if at == 0 {
                return Err(corrupt(entry.file, pos as u32, "the block is longer than what it is part of"));
            }
            if full {
                return Ok(());
            }
            pos += at as u64;
        }
        if pos >= end && passed.is_none_or(|passed| passed < entry.end()) {
            return Err(corrupt(entry.file, pos as u32, "the last block ends before it should"));
        }
        Ok(())
    }

    fn block_header(&self, file: &Arc<DataFile>, entry: &Entry, pos: u64) -> Result<BlockHeader, ReadError> {
        let header = BlockHeader::decode(&self.bytes_at(file, pos, BLOCK_HEADER)?);
        header
            .filter(|h| h.entity == self.entity && h.len as u64 <= u64::from(entry.len))
            .ok_or_else(|| corrupt(entry.file, pos as u32, "no block of the entity lies here"))
    }

    /// Takes the wanted batches of a block; false when the answer is full.
    fn block(&mut self, body: &Bytes, entry: &Entry, pos: u64) -> Result<bool, ReadError> {
        let mut at = 0;
        while at < body.len() {
            let bad = |what: &str| corrupt(entry.file, (pos + at as u64) as u32, what);
            let rest = body.get(at..).unwrap_or_default();
            let (Some(len), Some(base), Some(count)) = (batch::length(rest), batch::base(rest), batch::count(rest))
            else {
                return Err(bad("no record batch lies here"));
            };
            let end = base.saturating_add(u64::from(count));
            if end > self.from.max(entry.base) && base < entry.end() {
                if !self.wants(base, len) {
                    return Ok(false);
                }
                // The block's checksum covers the batch with its base offset.
                self.take(base, count, body.slice(at..at + len));
            }
            at += len;
        }
        Ok(true)
    }

    fn bytes_at(&self, file: &Arc<DataFile>, pos: u64, len: usize) -> Result<Bytes, ReadError> {
        let name = || file.key.name();
        let io_error = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => corrupt(file.key, pos as u32, "the file is too short"),
            _ => ReadError::Io(format!("{} at byte {pos}: {error}", name()).into()),
        };
        let handle = self.shared.files.handle(file).map_err(io_error)?;
        read_bytes(&*handle, pos, len, self.may_block).map_err(io_error)?.ok_or(ReadError::WouldBlock)
    }
}

/// Whether an entry goes on where a span ends.
fn joins(span: &Span, entry: &Entry) -> bool {
    let (Some(first), Some(last)) = (span.entries.first(), span.entries.last()) else { return false };
    let Some(end) = last.pos.checked_add(last.len) else { return false };
    entry.file == last.file
        && entry.pos.checked_sub(end).is_some_and(|gap| gap <= GAP_BYTES)
        && (entry.pos - first.pos) as usize + entry.len as usize <= SPAN_BYTES
}

/// Bytes of a file; `None` when they are not in memory and waiting is not allowed.
pub(crate) fn read_bytes(file: &dyn File, pos: u64, len: usize, may_block: bool) -> io::Result<Option<Bytes>> {
    let mut buf = BytesMut::zeroed(len);
    let there = if may_block {
        file.read_exact_at(&mut buf, pos).map(|()| true)
    } else {
        file.try_read_exact_at(&mut buf, pos)
    }?;
    Ok(there.then(|| buf.freeze()))
}

fn corrupt(file: FileKey, pos: u32, what: &str) -> ReadError {
    ReadError::Corrupt(Where { file: file.name(), pos: u64::from(pos), what: what.into() })
}
