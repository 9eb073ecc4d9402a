//! Reading the log forwards, and telling its end from damage (decisions E7 and E8).
//!
//! A place without a valid frame is the end of the log unless something says that what lay there was durable: a later valid frame (of this file's life,
//! or in a later file) whose `synced` lies beyond it, a control block's `synced`, or a clean stop's `end`. Then it is corruption.

use std::{io, path::Path, sync::Arc};

use bytes::Bytes;
use trine_env::{File, Fs, OpenMode};

use super::{
    frame::{FRAME_HEADER, FrameHeader, FrameKind, PAGE, PAGE_U64, WalPos, next_file, padded},
    read::read_bytes,
    wal_file::{WAL_START, WalHeader, WalName, parse_name, wal_name, wal_path},
};
use crate::{StoreError, Where};

/// Bytes of the log read at once.
const READ_BYTES: usize = 4 << 20;

/// What the scan knows before it starts.
pub(crate) struct Scan<'a> {
    pub(crate) fs: &'a dyn Fs,
    pub(crate) dir: &'a Path,
    pub(crate) uuid: [u8; 16],
    /// Known durable.
    pub(crate) synced: WalPos,
    /// Where a clean stop says the log ends.
    pub(crate) clean_end: Option<WalPos>,
}

/// Where the log ends.
#[derive(Debug)]
pub(crate) struct ScanEnd {
    pub(crate) at: WalPos,
    pub(crate) header: WalHeader,
    /// Frames that nothing says are durable: place and padded length.
    pub(crate) tail: Vec<(WalPos, u64)>,
}

/// A file of the log being read.
pub(crate) struct LogFile {
    pub(crate) file: Arc<dyn File>,
    pub(crate) header: WalHeader,
    len: u64,
    chunk: Bytes,
    chunk_at: u64,
}

/// What lies at a place.
enum Found {
    Frame(FrameHeader, Bytes),
    Nothing(&'static str),
}

/// An I/O error while opening.
pub(crate) fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> StoreError {
    let what = what.into();
    move |source| StoreError::Io { what, source }
}

/// Damage of the log.
pub(crate) fn corrupt_wal(at: WalPos, what: impl Into<String>) -> StoreError {
    StoreError::Corrupt(Where { file: format!("wal/{}", wal_name(at.file)), pos: at.pos, what: what.into() })
}

impl LogFile {
    /// Opens a numbered file; an error if it is missing or its header is damaged.
    pub(crate) fn open(fs: &dyn Fs, dir: &Path, uuid: [u8; 16], no: u64) -> Result<Self, StoreError> {
        let at = WalPos { file: no, pos: 0 };
        let path = wal_path(dir, no);
        let file = match fs.open(&path, OpenMode::Write) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(corrupt_wal(at, "the file is missing")),
            opened => opened.map_err(io_error(format!("open {}", path.display())))?,
        };
        let len = file.len().map_err(io_error(path.display().to_string()))?;
        let page = read_page(&*file, len, 0).map_err(io_error(path.display().to_string()))?;
        let header = page.as_deref().and_then(WalHeader::decode);
        let header = header
            .filter(|h| h.file_no == no && h.uuid == uuid)
            .ok_or_else(|| corrupt_wal(at, "the file's header is damaged"))?;
        Ok(Self { file, header, len, chunk: Bytes::new(), chunk_at: 0 })
    }

    /// Bytes `[pos, pos + len)`, from the chunk or from the disk.
    fn bytes(&mut self, pos: u64, len: usize) -> io::Result<Option<Bytes>> {
        if pos.saturating_add(len as u64) > self.len {
            return Ok(None);
        }
        let end = self.chunk_at + self.chunk.len() as u64;
        if pos < self.chunk_at || pos + len as u64 > end {
            let want = (len.max(READ_BYTES) as u64).min(self.len - pos) as usize;
            let chunk = read_bytes(&*self.file, pos, want, true)?;
            (self.chunk, self.chunk_at) = (chunk.unwrap_or_default(), pos);
        }
        let from = (pos - self.chunk_at) as usize;
        Ok((from + len <= self.chunk.len()).then(|| self.chunk.slice(from..from + len)))
    }

    fn frame(&mut self, pos: u64) -> io::Result<Found> {
        let Some(head) = self.bytes(pos, FRAME_HEADER)? else { return Ok(Found::Nothing("the file ends")) };
        let Some(header) = FrameHeader::peek(&head) else { return Ok(Found::Nothing("no frame lies here")) };
        if header.salt != self.header.salt || header.at != (WalPos { file: self.header.file_no, pos }) {
            return Ok(Found::Nothing("the frame is of an earlier life of the file"));
        }
        match self.bytes(pos, padded(header.len))? {
            Some(frame) if header.verify(&frame) => Ok(Found::Frame(header, frame)),
            Some(_) => Ok(Found::Nothing("the frame fails its checksum")),
            None => Ok(Found::Nothing("the file ends within the frame")),
        }
    }

    /// A valid frame at or after `pos` that proves that `bad` was durable.
    fn proof(&mut self, mut pos: u64, bad: WalPos) -> io::Result<bool> {
        while pos + PAGE_U64 <= self.len {
            let head = self.bytes(pos, FRAME_HEADER)?;
            let header = head.as_deref().and_then(FrameHeader::peek);
            if header.is_some_and(|h| h.salt == self.header.salt && h.at.pos == pos && h.synced > bad)
                && matches!(self.frame(pos)?, Found::Frame(..))
            {
                return Ok(true);
            }
            pos += PAGE_U64;
        }
        Ok(false)
    }
}

fn read_page(file: &dyn File, len: u64, pos: u64) -> io::Result<Option<Bytes>> {
    if pos + PAGE_U64 > len { Ok(None) } else { read_bytes(file, pos, PAGE, true) }
}

impl Scan<'_> {
    /// Calls `on_frame` for every data frame from `from` to the end of the log.
    pub(crate) fn run(
        &self,
        from: WalPos,
        on_frame: &mut dyn FnMut(WalPos, &FrameHeader, &Bytes) -> Result<(), StoreError>,
    ) -> Result<ScanEnd, StoreError> {
        let mut synced = self.synced;
        let mut tail: Vec<(WalPos, u64)> = Vec::new();
        let mut at = from;
        let mut log = self.open(at.file)?;
        loop {
            if self.clean_end == Some(at) {
                return Ok(ScanEnd { at, header: log.header, tail: Vec::new() });
            }
            let found = log.frame(at.pos).map_err(io_error(format!("read wal/{}", wal_name(at.file))))?;
            let (header, frame) = match found {
                Found::Frame(header, frame) => (header, frame),
                Found::Nothing(what) => {
                    self.must_be_the_end(&mut log, at, synced, what)?;
                    return Ok(ScanEnd { at, header: log.header, tail });
                }
            };
            if header.synced > synced {
                synced = header.synced;
                tail.retain(|(at, _)| *at >= synced);
            }
            let len = padded(header.len) as u64;
            if at >= synced {
                tail.push((at, len));
            }
            match header.kind {
                FrameKind::Data => {
                    on_frame(at, &header, &frame)?;
                    at.pos += len;
                }
                FrameKind::End => {
                    let next = next_file(&frame).filter(|next| *next > at.file);
                    let next = next.ok_or_else(|| corrupt_wal(at, "the end frame names no later file"))?;
                    at = WalPos { file: next, pos: WAL_START };
                    log = self.open(next)?;
                }
            }
        }
    }

    /// Calls `on_frame` for the data frames of one file up to its end frame or `stop`; something else before that is damage. A file whose header was
    /// already written for another number is one that was freed: it holds nothing.
    pub(crate) fn file(
        &self,
        no: u64,
        stop: WalPos,
        on_frame: &mut dyn FnMut(WalPos, &FrameHeader, &Bytes) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut log = self.open(no)?;
        let mut at = WalPos { file: no, pos: WAL_START };
        while at < stop {
            match log.frame(at.pos).map_err(io_error(format!("read wal/{}", wal_name(no))))? {
                Found::Frame(header, _) if header.kind == FrameKind::End => return Ok(()),
                Found::Frame(header, frame) => {
                    on_frame(at, &header, &frame)?;
                    at.pos += padded(header.len) as u64;
                }
                Found::Nothing(what) => return Err(corrupt_wal(at, what)),
            }
        }
        Ok(())
    }

    fn open(&self, no: u64) -> Result<LogFile, StoreError> {
        LogFile::open(self.fs, self.dir, self.uuid, no)
    }

    fn must_be_the_end(&self, log: &mut LogFile, at: WalPos, synced: WalPos, what: &str) -> Result<(), StoreError> {
        let damaged = |how: &str| Err(corrupt_wal(at, format!("{what}, but {how}")));
        if self.clean_end.is_some() {
            return damaged("the store was closed later in the log");
        }
        if synced > at {
            return damaged("an earlier record says that data here was durable");
        }
        let read = io_error(format!("read wal/{}", wal_name(at.file)));
        if log.proof(at.pos + PAGE_U64, at).map_err(read)? {
            return damaged("a later frame says that it was durable");
        }
        for no in numbered_files(self.fs, self.dir)?.into_iter().filter(|no| *no > at.file) {
            // A header that is not valid belongs to a file that was being prepared: the end frame that names a file is younger than its header.
            let mut later = match self.open(no) {
                Err(StoreError::Corrupt(_)) => continue,
                opened => opened?,
            };
            let read = io_error(format!("read wal/{}", wal_name(no)));
            if let Found::Frame(header, _) = later.frame(WAL_START).map_err(read)?
                && header.synced > at
            {
                return damaged("a frame of a later file says that it was durable");
            }
        }
        Ok(())
    }
}

/// Numbers of the numbered log files, ascending.
pub(crate) fn numbered_files(fs: &dyn Fs, dir: &Path) -> Result<Vec<u64>, StoreError> {
    let wal = dir.join("wal");
    let paths = fs.read_dir(&wal).map_err(io_error(format!("list {}", wal.display())))?;
    let mut numbers: Vec<_> = paths
        .iter()
        .filter_map(|path| match parse_name(path) {
            WalName::File(no) => Some(no),
            _ => None,
        })
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}
