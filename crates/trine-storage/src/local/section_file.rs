//! Checkpoints and saves of the run index: a header, records, a footer, padded to a page.
//!
//! ```text
//! header   "TRINCKP1" | u16 version | u16 content (1 owner's state, 2 run index) | u16 shard | u16 0 | u64 id | u64 lsn | 16 B uuid | u32 CRC-32C
//! record   u32 len | u32 CRC-32C of what follows | u16 kind | u16 0 | u64 entity | u64 as_of | `len` bytes
//! footer   a record of kind 65535 whose bytes are: u64 records | u32 CRC-32C of everything before the footer
//! ```

use std::io;

use trine_env::File;
use trine_types::Lsn;

use super::frame::{PAGE, padded};
use crate::{StoreError, Where, codec::Reader};

const MAGIC: &[u8; 8] = b"TRINCKP1";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 52;
const RECORD_BYTES: usize = 28;
const FOOTER_KIND: u16 = u16::MAX;
/// Longest record: the state of one entity.
const RECORD_BYTES_MAX: usize = 1 << 30;
/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;

/// What a file holds. The numbers are permanent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    /// Sections of the owner of one shard group.
    Owner = 1,
    /// The run index of all shard groups.
    Index = 2,
}

/// Kinds of records. The numbers are permanent.
pub(crate) mod kind {
    /// The owner's state of an entity.
    pub(crate) const STATE: u16 = 1;
    /// The run index of an entity.
    pub(crate) const RUNS: u16 = 2;
    /// The segments.
    pub(crate) const SEGMENTS: u16 = 3;
    /// Up to which LSN a shard group's index is complete; the entity field holds the group.
    pub(crate) const SHARD: u16 = 4;
}

/// First bytes of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SectionHeader {
    pub(crate) content: Content,
    pub(crate) shard: u16,
    pub(crate) id: u64,
    pub(crate) lsn: Lsn,
    pub(crate) uuid: [u8; 16],
}

impl SectionHeader {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES + 4);
        out.extend_from_slice(MAGIC);
        for field in [VERSION, self.content as u16, self.shard, 0] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.lsn.0.to_le_bytes());
        out.extend_from_slice(&self.uuid);
        out.extend_from_slice(&[0; HEADER_BYTES - 48]);
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let crc = crc32c::crc32c(bytes.get(..HEADER_BYTES)?);
        let mut r = Reader::new(bytes);
        if r.bytes(8)? != MAGIC || r.u16()? != VERSION {
            return None;
        }
        let content = match r.u16()? {
            1 => Content::Owner,
            2 => Content::Index,
            _ => return None,
        };
        let shard = r.u16()?;
        r.u16()?;
        let (id, lsn, uuid) = (r.u64()?, Lsn(r.u64()?), r.bytes(16)?.try_into().ok()?);
        r.bytes(HEADER_BYTES - 48)?;
        (r.u32()? == crc).then_some(Self { content, shard, id, lsn, uuid })
    }
}

/// Builds the bytes of a file, given out page by page.
pub(crate) struct SectionSink {
    buf: Vec<u8>,
    /// Where `buf` begins in the file.
    pos: u64,
    crc: u32,
    records: u64,
}

impl SectionSink {
    pub(crate) fn new(header: &SectionHeader) -> Self {
        let buf = header.encode();
        let crc = crc32c::crc32c(&buf);
        Self { buf, pos: 0, crc, records: 0 }
    }

    pub(crate) fn push(&mut self, kind: u16, entity: u64, as_of: Lsn, bytes: &[u8]) {
        let begin = self.record(kind, entity, as_of, bytes);
        self.crc = crc32c::crc32c_append(self.crc, &self.buf[begin..]);
        self.records += 1;
    }

    fn record(&mut self, kind: u16, entity: u64, as_of: Lsn, bytes: &[u8]) -> usize {
        let begin = self.buf.len();
        self.buf.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.buf.extend_from_slice(&[0; 4]);
        self.buf.extend_from_slice(&kind.to_le_bytes());
        self.buf.extend_from_slice(&[0; 2]);
        self.buf.extend_from_slice(&entity.to_le_bytes());
        self.buf.extend_from_slice(&as_of.0.to_le_bytes());
        self.buf.extend_from_slice(bytes);
        let crc = crc32c::crc32c(&self.buf[begin + 8..]);
        self.buf[begin + 4..begin + 8].copy_from_slice(&crc.to_le_bytes());
        begin
    }

    /// Ends the file; everything left can be taken then.
    pub(crate) fn finish(&mut self) {
        let mut body = self.records.to_le_bytes().to_vec();
        body.extend_from_slice(&self.crc.to_le_bytes());
        self.record(FOOTER_KIND, 0, Lsn::ZERO, &body);
        self.buf.resize(padded(self.buf.len()), 0);
    }

    /// Bytes not taken yet.
    pub(crate) fn buffered(&self) -> usize {
        self.buf.len()
    }

    /// Length of the file so far.
    pub(crate) fn len(&self) -> u64 {
        self.pos + self.buf.len() as u64
    }

    /// Whole pages, at most about `bytes_max`, and where they go.
    pub(crate) fn take_pages(&mut self, bytes_max: usize) -> Option<(u64, Vec<u8>)> {
        let len = self.buf.len().min(bytes_max.max(PAGE)) / PAGE * PAGE;
        if len == 0 {
            return None;
        }
        let rest = self.buf.split_off(len);
        let pages = std::mem::replace(&mut self.buf, rest);
        let at = self.pos;
        self.pos += len as u64;
        Some((at, pages))
    }
}

/// One record.
pub(crate) struct Record {
    pub(crate) kind: u16,
    pub(crate) entity: u64,
    pub(crate) as_of: Lsn,
    pub(crate) bytes: Vec<u8>,
}

/// Reads a file record by record. Errors say what is wrong and where.
pub(crate) struct SectionReader<'a> {
    file: &'a dyn File,
    len: u64,
    buf: Vec<u8>,
    /// How much of `buf` was consumed.
    at: usize,
    /// Where `buf` begins in the file.
    pos: u64,
    crc: u32,
    records: u64,
    pub(crate) header: SectionHeader,
}

/// Why a file cannot be used.
#[derive(Debug)]
pub(crate) enum Defect {
    /// The disk did not give it.
    Io(io::Error),
    /// What is wrong, and at which byte.
    Damaged(u64, String),
}

impl Defect {
    /// An error of a file that should be there and long enough: if it is not, that is damage.
    pub(crate) fn from_io(pos: u64, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Damaged(pos, "the file is missing".into()),
            io::ErrorKind::UnexpectedEof => Self::Damaged(pos, "the file ends too early".into()),
            _ => Self::Io(error),
        }
    }

    /// What the caller of `open` is told.
    pub(crate) fn into_error(self, file: String) -> StoreError {
        match self {
            Self::Io(source) => StoreError::Io { what: format!("read {file}"), source },
            Self::Damaged(pos, what) => StoreError::Corrupt(Where { file, pos, what }),
        }
    }
}

impl<'a> SectionReader<'a> {
    pub(crate) fn open(file: &'a dyn File) -> Result<Self, Defect> {
        let len = file.len().map_err(|e| Defect::from_io(0, e))?;
        let header = SectionHeader { content: Content::Owner, shard: 0, id: 0, lsn: Lsn::ZERO, uuid: [0; 16] };
        let mut this = Self { file, len, buf: Vec::new(), at: 0, pos: 0, crc: 0, records: 0, header };
        let bytes = this.take(HEADER_BYTES + 4)?;
        this.crc = crc32c::crc32c(&bytes);
        this.header =
            SectionHeader::decode(&bytes).ok_or_else(|| Defect::Damaged(0, "no checkpoint header lies here".into()))?;
        Ok(this)
    }

    fn position(&self) -> u64 {
        self.pos + self.at as u64
    }

    fn take(&mut self, bytes: usize) -> Result<Vec<u8>, Defect> {
        let begin = self.position();
        if begin.saturating_add(bytes as u64) > self.len {
            return Err(Defect::Damaged(begin, "the file ends too early".into()));
        }
        if self.buf.len() - self.at < bytes {
            self.buf.drain(..self.at);
            self.pos += self.at as u64;
            self.at = 0;
            let have = self.buf.len();
            let at = self.pos + have as u64;
            let want = (bytes - have).max(READ_BYTES).min((self.len - at) as usize);
            self.buf.resize(have + want, 0);
            self.file.read_exact_at(&mut self.buf[have..], at).map_err(|e| Defect::from_io(at, e))?;
        }
        let taken = self.buf[self.at..self.at + bytes].to_vec();
        self.at += bytes;
        Ok(taken)
    }

    /// The next record, `None` after a correct footer.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, Defect> {
        let begin = self.position();
        let head = self.take(RECORD_BYTES)?;
        let bad = || Defect::Damaged(begin, "no record lies here".into());
        let mut r = Reader::new(&head);
        let mut fields = || Some((r.u32()? as usize, r.u32()?, r.u16()?, r.u16()?, r.u64()?, Lsn(r.u64()?)));
        let (len, crc, kind, _, entity, as_of) = fields().ok_or_else(bad)?;
        if len > RECORD_BYTES_MAX {
            return Err(bad());
        }
        let bytes = self.take(len)?;
        if crc32c::crc32c_append(crc32c::crc32c(&head[8..]), &bytes) != crc {
            return Err(Defect::Damaged(begin, "a record fails its checksum".into()));
        }
        if kind == FOOTER_KIND {
            let mut r = Reader::new(&bytes);
            return if r.u64() == Some(self.records) && r.u32() == Some(self.crc) {
                Ok(None)
            } else {
                Err(Defect::Damaged(begin, "the footer does not fit the records".into()))
            };
        }
        self.crc = crc32c::crc32c_append(crc32c::crc32c_append(self.crc, &head), &bytes);
        self.records += 1;
        Ok(Some(Record { kind, entity, as_of, bytes }))
    }

    /// Reads to the end and checks everything.
    pub(crate) fn check(mut self) -> Result<u64, Defect> {
        while self.next()?.is_some() {}
        Ok(self.records)
    }
}

#[cfg(test)]
#[path = "section_file/tests.rs"]
mod tests;
