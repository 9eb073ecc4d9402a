//! Checking a data directory offline: every frame, segment block and checkpoint record.

use std::{collections::HashSet, path::Path};

use trine_env::{Fs, OpenMode};

use super::{
    checkpoint::checkpoint_name,
    control::Control,
    control_file, create,
    files::FileKey,
    frame::{PAGE_U64, WalPos, decode_batches},
    index_file::{SegmentInfo, decode_runs, decode_segments},
    read::read_bytes,
    scan::{Scan, corrupt_wal, io_error, numbered_files},
    section_file::{Content, Defect, SectionReader, kind},
    segment::{BLOCK_HEADER, BlockHeader, SEGMENT_START, SegmentHeader, segment_name},
};
use crate::{StoreError, Where, batch};

/// Bytes of a segment read at once.
const READ_BYTES: u64 = 4 << 20;

/// What [`super::LocalStore::verify`] saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Whether the store was closed properly.
    pub clean: bool,
    /// Valid control blocks, of two. One alone is enough; the other may have been torn by a power cut.
    pub control_blocks: u8,
    /// Frames of the log.
    pub frames: u64,
    /// Operation batches in them.
    pub batches: u64,
    /// Segment files.
    pub segments: u64,
    /// Blocks in them.
    pub blocks: u64,
    /// Checkpoints and saves of the run index.
    pub checkpoints: u64,
    /// Bytes looked at.
    pub bytes: u64,
    /// What is damaged, with file and position.
    pub damage: Vec<Where>,
}

impl super::LocalStore {
    /// Checks all frames, segments and checkpoints of a directory that no process has open. Changes nothing. `progress` is told how many bytes of how
    /// many were looked at.
    ///
    /// # Errors
    /// `Locked` when a process has the directory open; `Format` or `Io` when it cannot be looked at at all. Damage is in the report.
    pub fn verify(fs: &dyn Fs, dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<VerifyReport, StoreError> {
        let Some(format) = create::load(fs, dir)? else {
            return Err(StoreError::Format(format!(
                "{} is not a data directory: it has no FORMAT file",
                dir.display()
            )));
        };
        let _lock = create::lock(fs, dir)?;
        let mut verify = Verify { fs, dir, uuid: format.uuid, report: VerifyReport::default(), total: 0, progress };
        let control = match control_file::load_counted(fs, dir, &format.uuid) {
            Ok((control, valid)) => {
                verify.report.control_blocks = valid;
                control
            }
            Err(StoreError::Corrupt(_)) => {
                verify.report.damage.extend(control_file::neither());
                return Ok(verify.report);
            }
            Err(error) => return Err(error),
        };
        verify.report.clean = control.clean;
        verify.all(&control)?;
        Ok(verify.report)
    }
}

/// What a save of the run index says about segments.
#[derive(Default)]
struct Listed {
    segments: Vec<SegmentInfo>,
    /// Files in which something is alive.
    used: HashSet<FileKey>,
}

struct Verify<'a> {
    fs: &'a dyn Fs,
    dir: &'a Path,
    uuid: [u8; 16],
    report: VerifyReport,
    total: u64,
    progress: &'a mut dyn FnMut(u64, u64),
}

impl Verify<'_> {
    fn damage(&mut self, error: StoreError) -> Result<(), StoreError> {
        match error {
            StoreError::Corrupt(at) => {
                self.report.damage.push(at);
                Ok(())
            }
            other => Err(other),
        }
    }

    fn add(&mut self, bytes: u64) {
        self.report.bytes += bytes;
        (self.progress)(self.report.bytes.min(self.total), self.total);
    }

    fn all(&mut self, control: &Control) -> Result<(), StoreError> {
        for sub in ["wal", "ckpt", "seg"] {
            let failed = || io_error(format!("list {sub}"));
            for path in self.fs.read_dir(&self.dir.join(sub)).map_err(failed())? {
                self.total += self.fs.open(&path, OpenMode::Read).and_then(|f| f.len()).map_err(failed())?;
            }
        }
        for pair in &control.groups {
            self.sections(pair.prev.id, Content::Owner, true, &mut Listed::default())?;
            self.sections(pair.cur.id, Content::Owner, false, &mut Listed::default())?;
        }
        self.sections(control.index.prev.id, Content::Index, true, &mut Listed::default())?;
        let mut newest = Listed::default();
        self.sections(control.index.cur.id, Content::Index, false, &mut newest)?;
        for segment in &newest.segments {
            // One that nothing is alive in may have been freed after the save that lists it.
            let path = self.dir.join("seg").join(segment_name(segment.id));
            if !FileKey::segment(segment.id).is_some_and(|key| newest.used.contains(&key)) && !self.fs.exists(&path) {
                continue;
            }
            if let Err(error) = self.segment(segment) {
                self.damage(error)?;
            }
        }
        if let Err(error) = self.log(control, &newest.used) {
            self.damage(error)?;
        }
        (self.progress)(self.total, self.total);
        Ok(())
    }

    /// Checks a checkpoint or save of the index. With one control block gone, what only the older one names as the older may have been freed.
    fn sections(&mut self, id: u64, content: Content, older: bool, listed: &mut Listed) -> Result<(), StoreError> {
        let name = checkpoint_name(id);
        let path = self.dir.join("ckpt").join(&name);
        let freed = older && self.report.control_blocks < 2 && !self.fs.exists(&path);
        if id == 0 || freed {
            return Ok(());
        }
        let mut check = || -> Result<u64, Defect> {
            let file = self.fs.open(&path, OpenMode::Read).map_err(|e| Defect::from_io(0, e))?;
            let mut reader = SectionReader::open(&*file)?;
            if reader.header.id != id || reader.header.content != content || reader.header.uuid != self.uuid {
                return Err(Defect::Damaged(0, "the header is of another file".into()));
            }
            while let Some(record) = reader.next()? {
                let bad = || Defect::Damaged(0, "a record of the run index is not in its format".into());
                match record.kind {
                    kind::SEGMENTS => {
                        listed.segments.extend(decode_segments(&record.bytes).ok_or_else(bad)?);
                    }
                    kind::RUNS => {
                        let runs = decode_runs(&record.bytes).ok_or_else(bad)?;
                        listed.used.extend(runs.iter().map(|e| e.file));
                    }
                    _ => {}
                }
            }
            file.len().map_err(|e| Defect::from_io(0, e))
        };
        match check() {
            Ok(bytes) => {
                self.report.checkpoints += 1;
                self.add(bytes);
            }
            Err(defect) => self.damage(defect.into_error(format!("ckpt/{name}")))?,
        }
        Ok(())
    }

    fn segment(&mut self, info: &SegmentInfo) -> Result<(), StoreError> {
        let name = format!("seg/{}", segment_name(info.id));
        let corrupt = |pos: u64, what: &str| StoreError::Corrupt(Where { file: name.clone(), pos, what: what.into() });
        let path = self.dir.join(&name);
        let file = self.fs.open(&path, OpenMode::Read).map_err(|e| corrupt(0, &e.to_string()))?;
        if file.len().map_err(|e| corrupt(0, &e.to_string()))? < info.len {
            return Err(corrupt(0, "the file is too short"));
        }
        let read = |pos: u64, len: u64| {
            let bytes = read_bytes(&*file, pos, len as usize, true).map_err(|e| corrupt(pos, &e.to_string()))?;
            Ok::<_, StoreError>(bytes.unwrap_or_default())
        };
        let header = SegmentHeader::decode(&read(0, SEGMENT_START.min(info.len))?);
        if header.is_none_or(|h| h.id != info.id || h.uuid != self.uuid) {
            return Err(corrupt(0, "the file's header is damaged"));
        }
        self.report.segments += 1;
        let mut pos = SEGMENT_START;
        while pos < info.len {
            let mut bytes = read(pos, READ_BYTES.min(info.len - pos))?;
            let mut at = 0;
            while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
                let place = pos + at as u64;
                let Some(header) = BlockHeader::decode(rest) else {
                    // Zeros up to the next page end a round; a header may be cut by the end of what was read.
                    let padding = (place.next_multiple_of(PAGE_U64) - place) as usize;
                    if rest.len() < BLOCK_HEADER && place + (rest.len() as u64) < info.len {
                        break;
                    }
                    if padding == 0 || rest.get(..padding).is_none_or(|zeros| zeros.iter().any(|b| *b != 0)) {
                        return Err(corrupt(place, "no block lies here"));
                    }
                    at += padding;
                    continue;
                };
                let whole = BLOCK_HEADER + header.len;
                if place + whole as u64 > info.len {
                    return Err(corrupt(place, "the file ends within the block"));
                }
                if rest.len() < whole {
                    if at > 0 {
                        break;
                    }
                    bytes = read(pos, whole as u64)?;
                    continue;
                }
                if !header.verify(rest) {
                    return Err(corrupt(place, "the block fails its checksum"));
                }
                self.report.blocks += 1;
                at += whole;
            }
            self.add(at as u64);
            pos += at as u64;
            if at == 0 {
                return Err(corrupt(pos, "no block lies here"));
            }
        }
        Ok(())
    }

    /// All frames from the oldest file that is still in the chain. Before the place replay starts at, only the order of files is not known.
    fn log(&mut self, control: &Control, used: &HashSet<FileKey>) -> Result<(), StoreError> {
        let from = control.groups.iter().map(|g| g.cur.from).chain([control.index.cur.from]).min().unwrap_or_default();
        let scan = Scan {
            fs: self.fs,
            dir: self.dir,
            uuid: self.uuid,
            synced: control.synced,
            clean_end: control.clean.then_some(control.end),
        };
        let (mut frames, mut batches, mut bytes) = (0, 0, 0);
        let mut on_frame = |at: WalPos, header: &super::frame::FrameHeader, frame: &bytes::Bytes| {
            let decoded = decode_batches(frame, header);
            let decoded = decoded.ok_or_else(|| corrupt_wal(at, "the frame's batches are not in their format"))?;
            for batch in &decoded {
                for run in batch.ops.iter().filter_map(|op| op.run.as_ref()) {
                    batch::verify(&run.batch, run.base).map_err(|what| corrupt_wal(at, what))?;
                }
            }
            frames += 1;
            batches += decoded.len() as u64;
            bytes += frame.len() as u64;
            Ok(())
        };
        let scanned = scan.run(from, &mut on_frame);
        // Older files are kept for the data in them; each ends with an end frame of its own.
        let mut older = Vec::new();
        for no in numbered_files(self.fs, self.dir)?.into_iter().filter(|no| *no <= from.file) {
            let stop = WalPos { file: no, pos: if no == from.file { from.pos } else { u64::MAX } };
            // In a file that nothing needs any more something else may lie by now.
            let needed = no == from.file || FileKey::wal(no).is_some_and(|key| used.contains(&key));
            match scan.file(no, stop, &mut on_frame) {
                Err(error) if needed => older.push(error),
                _ => {}
            }
        }
        self.report.frames += frames;
        self.report.batches += batches;
        self.add(bytes);
        for error in older {
            self.damage(error)?;
        }
        scanned.map(|_| ())
    }
}
