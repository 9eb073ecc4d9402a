//! Opening a directory: control block → checkpoints → run index → log (decisions E6, E7, E8).
//!
//! Order of what is made durable, so that a crash at any step leaves a directory that the next attempt recovers the same way: the frames that no
//! `synced` covers are rewritten in place and synced; after an unclean stop the new log file (header, name), then the end frame that names it; last both
//! control blocks, which no longer say `clean`.

use std::{
    io,
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use trine_env::{Fs, OpenMode};
use trine_types::{EntityId, Lsn, Offset, ShardId};

use super::{
    checkpoint::{checkpoint_name, parse_checkpoint_name},
    control::{Control, IndexRef, Pair},
    files::{DataFile, FileKey, Files},
    frame::{FrameHeader, WalPos, decode_batches},
    index::{Entry, Index},
    index_file::{SavedIndex, SegmentInfo, decode_runs, decode_segments},
    scan::{LogFile, Scan, ScanEnd, corrupt_wal, io_error},
    section_file::{Content, Defect, SectionReader, kind},
    segment::parse_segment_name,
};
use crate::{Replay, Section, StoreError, Where};

/// What recovery found.
pub(crate) struct Recovery {
    pub(crate) control: Control,
    pub(crate) last: Vec<Lsn>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) files: Files,
    pub(crate) end: ScanEnd,
    /// Numbered log files that hold nothing: they were being prepared when the process ended.
    pub(crate) loose: Vec<u64>,
    /// Bytes of segments.
    pub(crate) segment_bytes: u64,
    pub(crate) next_segment: u64,
}

/// Progress of the whole, in bytes.
pub(crate) struct Progress<'a> {
    pub(crate) done: u64,
    pub(crate) total: u64,
    pub(crate) report: &'a mut dyn FnMut(u64, u64),
}

impl Progress<'_> {
    fn add(&mut self, bytes: u64) {
        self.done = (self.done + bytes).min(self.total);
        (self.report)(self.done, self.total);
    }
}

fn corrupt(file: String, pos: u64, what: impl Into<String>) -> StoreError {
    StoreError::Corrupt(Where { file, pos, what: what.into() })
}

/// Loads everything a control block names and replays the log behind it.
pub(crate) fn recover(
    fs: &Arc<dyn Fs>,
    dir: &Path,
    open_segments: usize,
    mut control: Control,
    replay: &mut dyn Replay,
    progress: &mut Progress<'_>,
) -> Result<Recovery, StoreError> {
    let groups = control.groups.len();
    let files = Files::new(Arc::clone(fs), open_segments);
    for (at, group) in control.groups.iter_mut().enumerate() {
        load_checkpoint(&**fs, dir, &control.uuid, ShardId(at as u16), group, replay, progress)?;
    }
    let saved = load_index(&**fs, dir, &control.uuid, &mut control.index, progress)?;
    add_segments(&files, dir, &saved.segments)?;
    let mut state = Tail::new(&control, saved, groups)?;

    let from = control.groups.iter().map(|g| g.cur.from).chain([control.index.cur.from]).min().unwrap_or_default();
    let scan = Scan {
        fs: &**fs,
        dir,
        uuid: control.uuid,
        synced: control.synced,
        clean_end: control.clean.then_some(control.end),
    };
    let end = scan.run(from, &mut |at, header, frame| {
        state.frame(at, header, frame, replay)?;
        progress.add(frame.len() as u64);
        Ok(())
    })?;
    rewrite_tail(&**fs, dir, control.uuid, &end.tail)?;
    let loose = open_log_files(&**fs, dir, control.uuid, &state.indexes, &files, end.at.file)?;
    for index in &state.indexes {
        index.count_live(&files);
    }
    check_segments_exist(&state.indexes, &files)?;
    let next_segment = clean_segments(&**fs, dir, &files, control.clean)?;
    clean_checkpoints(&**fs, dir, &control)?;
    let segment_bytes = files.list(true).iter().map(|f| f.len.load(Relaxed)).sum();
    Ok(Recovery { control, last: state.last, indexes: state.indexes, files, end, loose, segment_bytes, next_segment })
}

/// Hands out the sections of the newest checkpoint that is whole.
fn load_checkpoint(
    fs: &dyn Fs,
    dir: &Path,
    uuid: &[u8; 16],
    shard: ShardId,
    pair: &mut Pair<super::control::CheckpointRef>,
    replay: &mut dyn Replay,
    progress: &mut Progress<'_>,
) -> Result<(), StoreError> {
    if pair.cur.id == 0 {
        return Ok(());
    }
    let mut first_defect = None;
    for candidate in [pair.cur, pair.prev] {
        if candidate.id == 0 {
            // Never published before: everything is still in the log.
            pair.cur = candidate;
            return Ok(());
        }
        let name = format!("ckpt/{}", checkpoint_name(candidate.id));
        match check_sections(fs, dir, uuid, candidate.id, Content::Owner) {
            Ok(()) => {
                pair.cur = candidate;
                return read_sections(fs, dir, candidate.id, progress, &mut |record| {
                    let entity = EntityId::from_bits(record.entity);
                    match (record.kind, entity) {
                        (kind::STATE, Some(entity)) => {
                            replay.section(shard, Section { entity, as_of: record.as_of, bytes: record.bytes.into() });
                            Ok(())
                        }
                        _ => Err(format!("a record of kind {} does not belong here", record.kind)),
                    }
                })
                .map_err(|defect| defect.into_error(name));
            }
            // A disk that does not give it now may do so later; only damage is a reason to go back.
            Err(defect @ Defect::Io(_)) => return Err(defect.into_error(name)),
            Err(defect) => {
                first_defect.get_or_insert((name, defect));
            }
        }
    }
    Err(no_candidate(first_defect))
}

fn load_index(
    fs: &dyn Fs,
    dir: &Path,
    uuid: &[u8; 16],
    pair: &mut Pair<IndexRef>,
    progress: &mut Progress<'_>,
) -> Result<SavedIndex, StoreError> {
    let mut first_defect = None;
    for candidate in [pair.cur, pair.prev] {
        if candidate.id == 0 {
            pair.cur = candidate;
            return Ok(SavedIndex::default());
        }
        let name = format!("ckpt/{}", checkpoint_name(candidate.id));
        match check_sections(fs, dir, uuid, candidate.id, Content::Index) {
            Ok(()) => {}
            Err(defect @ Defect::Io(_)) => return Err(defect.into_error(name)),
            Err(defect) => {
                first_defect.get_or_insert((name, defect));
                continue;
            }
        }
        pair.cur = candidate;
        let mut saved = SavedIndex::default();
        read_sections(fs, dir, candidate.id, progress, &mut |record| {
            let bad = || "a record of the run index is not in its format".to_owned();
            match record.kind {
                kind::RUNS => {
                    let entity = EntityId::from_bits(record.entity).ok_or_else(bad)?;
                    saved.entities.push((entity, record.as_of, decode_runs(&record.bytes).ok_or_else(bad)?));
                }
                kind::SHARD => saved.shards.push((record.entity, record.as_of)),
                kind::SEGMENTS => saved.segments.extend(decode_segments(&record.bytes).ok_or_else(bad)?),
                other => return Err(format!("a record of kind {other} does not belong here")),
            }
            Ok(())
        })
        .map_err(|defect| defect.into_error(name))?;
        return Ok(saved);
    }
    Err(no_candidate(first_defect))
}

/// Neither of two files can be used: the newer one's defect counts.
fn no_candidate(first: Option<(String, Defect)>) -> StoreError {
    let (name, defect) = first.unwrap_or_else(|| ("ckpt".into(), Defect::Damaged(0, "no file is named".into())));
    defect.into_error(name)
}

fn open_sections(fs: &dyn Fs, dir: &Path, id: u64) -> Result<Arc<dyn trine_env::File>, Defect> {
    let path = dir.join("ckpt").join(checkpoint_name(id));
    fs.open(&path, OpenMode::Read).map_err(|e| Defect::from_io(0, e))
}

/// A first pass over the whole file, so that nothing of a damaged one is handed out.
fn check_sections(fs: &dyn Fs, dir: &Path, uuid: &[u8; 16], id: u64, content: Content) -> Result<(), Defect> {
    let file = open_sections(fs, dir, id)?;
    let reader = SectionReader::open(&*file)?;
    if reader.header.id != id || reader.header.content != content || reader.header.uuid != *uuid {
        return Err(Defect::Damaged(0, "the header is of another file".into()));
    }
    reader.check().map(|_| ())
}

fn read_sections(
    fs: &dyn Fs,
    dir: &Path,
    id: u64,
    progress: &mut Progress<'_>,
    each: &mut dyn FnMut(super::section_file::Record) -> Result<(), String>,
) -> Result<(), Defect> {
    let file = open_sections(fs, dir, id)?;
    let mut reader = SectionReader::open(&*file)?;
    while let Some(record) = reader.next()? {
        progress.add(record.bytes.len() as u64);
        each(record).map_err(|what| Defect::Damaged(0, what))?;
    }
    Ok(())
}

fn add_segments(files: &Files, dir: &Path, segments: &[SegmentInfo]) -> Result<(), StoreError> {
    for segment in segments {
        let key =
            FileKey::segment(segment.id).ok_or_else(|| StoreError::Format("a segment's number is too large".into()))?;
        files.insert(DataFile::segment(key, dir, segment.len, segment.given, segment.own));
    }
    Ok(())
}

/// What replaying the log adds to.
struct Tail {
    last: Vec<Lsn>,
    /// Up to here the owner's checkpoint has everything.
    checkpointed: Vec<Lsn>,
    /// Whether a batch of the group was seen in the log.
    seen: Vec<bool>,
    indexes: Vec<Index>,
    /// Up to here the saved index has everything, for entities it does not list and for those it does.
    saved: Vec<Lsn>,
    /// Per listed entity also the end of what was saved: a save may have caught a batch whose LSN it does not count yet.
    saved_entities: std::collections::HashMap<EntityId, (Lsn, Offset), super::hash::IdHash>,
}

impl Tail {
    fn new(control: &Control, saved: SavedIndex, groups: usize) -> Result<Self, StoreError> {
        let mut this = Self {
            last: control.groups.iter().map(|g| g.cur.lsn).collect(),
            checkpointed: control.groups.iter().map(|g| g.cur.lsn).collect(),
            seen: vec![false; groups],
            indexes: (0..groups).map(|_| Index::default()).collect(),
            saved: vec![Lsn::ZERO; groups],
            saved_entities: Default::default(),
        };
        let bad = |what: &str| StoreError::Format(format!("the run index {what}"));
        for (shard, as_of) in saved.shards {
            *this.saved.get_mut(shard as usize).ok_or_else(|| bad("names a shard group that does not exist"))? = as_of;
        }
        for (entity, as_of, entries) in saved.entities {
            let index = &mut this.indexes[usize::from(entity.shard(groups as u16).0)];
            let end = entries.last().map_or(0, Entry::end);
            if index.end_of(entity).is_some() {
                return Err(bad("lists an entity twice"));
            }
            entries.into_iter().for_each(|entry| index.push(entity, entry));
            this.saved_entities.insert(entity, (as_of, end));
        }
        Ok(this)
    }

    fn frame(
        &mut self,
        at: WalPos,
        header: &FrameHeader,
        frame: &bytes::Bytes,
        replay: &mut dyn Replay,
    ) -> Result<(), StoreError> {
        let bad = |what: &str| corrupt_wal(at, what);
        let file = FileKey::wal(at.file).ok_or_else(|| bad("the file's number is too large"))?;
        let batches =
            decode_batches(frame, header).ok_or_else(|| bad("the frame's batches are not in their format"))?;
        for batch in batches {
            let group = usize::from(batch.shard.0);
            let Some(last) = self.last.get_mut(group) else {
                return Err(bad("a batch belongs to a shard group that does not exist"));
            };
            // Dense: the first one seen may repeat what the checkpoint has, later ones follow each other.
            let fits = if self.seen[group] && batch.lsn > self.checkpointed[group] {
                batch.lsn == last.next()
            } else {
                batch.lsn <= last.next()
            };
            if !fits {
                return Err(bad(&format!("shard group {group} goes from LSN {last} to {}", batch.lsn)));
            }
            self.seen[group] = true;
            *last = (*last).max(batch.lsn);
            self.index(group, file, at, &batch)?;
            if batch.lsn > self.checkpointed[group] {
                replay.batch(batch.shard, batch.lsn, batch.at, batch.ops);
            }
        }
        Ok(())
    }

    fn index(
        &mut self,
        group: usize,
        file: FileKey,
        at: WalPos,
        batch: &super::frame::DecodedBatch,
    ) -> Result<(), StoreError> {
        let runs = batch.ops.iter().filter_map(|op| op.run.as_ref().map(|run| (op.entity, run)));
        for ((entity, run), place) in runs.zip(&batch.places) {
            let (as_of, end) = self.saved_entities.get(&entity).copied().unwrap_or_default();
            if batch.lsn <= as_of.max(self.saved[group]) || run.base < end {
                continue;
            }
            let bad = |what: &str| corrupt_wal(at, format!("{what} (entity {entity}, offset {})", run.base));
            let pos = u32::try_from(at.pos + u64::from(*place)).map_err(|_| bad("a batch lies too far in the file"))?;
            let index = &mut self.indexes[group];
            if index.end_of(entity).is_some_and(|end| end > run.base) || run.count == 0 {
                return Err(bad("offsets go backwards"));
            }
            let len = run.batch.len() as u32;
            index.push(entity, Entry { base: run.base, max_ts: run.max_ts, count: run.count, file, pos, len });
        }
        Ok(())
    }
}

/// Frames that nothing says are durable become dirty again, and durable: after a failed sync they may be in the page cache only (decision E8).
fn rewrite_tail(fs: &dyn Fs, dir: &Path, uuid: [u8; 16], tail: &[(WalPos, u64)]) -> Result<(), StoreError> {
    const REWRITE_BYTES: u64 = 4 << 20;
    let mut at = 0;
    while let Some((first, _)) = tail.get(at) {
        let log = LogFile::open(fs, dir, uuid, first.file)?;
        let failed = || io_error(format!("rewrite the tail of log file {}", first.file));
        while let Some((pos, len)) = tail.get(at).filter(|(pos, _)| pos.file == first.file) {
            let mut done = 0;
            while done < *len {
                let piece = REWRITE_BYTES.min(len - done);
                let bytes = super::read::read_bytes(&*log.file, pos.pos + done, piece as usize, true);
                let bytes = bytes.map_err(failed())?.unwrap_or_default();
                log.file.write_all_at(&bytes, pos.pos + done).map_err(failed())?;
                done += piece;
            }
            at += 1;
        }
        log.file.sync_data().map_err(failed())?;
    }
    Ok(())
}

/// Opens all log files up to the last one of the log. Returns the numbers of those that hold nothing.
fn open_log_files(
    fs: &dyn Fs,
    dir: &Path,
    uuid: [u8; 16],
    indexes: &[Index],
    files: &Files,
    to: u64,
) -> Result<Vec<u64>, StoreError> {
    let mut numbers = super::scan::numbered_files(fs, dir)?;
    for index in indexes {
        numbers.extend(index.files().filter(|key| key.is_wal()).map(FileKey::number));
    }
    numbers.sort_unstable();
    numbers.dedup();
    let mut loose = Vec::new();
    for no in numbers {
        if no > to {
            loose.push(no);
            continue;
        }
        let log = match LogFile::open(fs, dir, uuid, no) {
            // The scan opened every file of the chain, so this is none of them.
            Err(StoreError::Corrupt(_)) if !in_index(indexes, no) => {
                loose.push(no);
                continue;
            }
            opened => opened?,
        };
        let key =
            FileKey::wal(no).ok_or_else(|| corrupt_wal(WalPos { file: no, pos: 0 }, "the number is too large"))?;
        let data = DataFile::wal(key, dir, log.header.file_len, log.file);
        data.sealed.store(true, Relaxed);
        files.insert(data);
    }
    Ok(loose)
}

fn in_index(indexes: &[Index], no: u64) -> bool {
    indexes.iter().any(|index| index.files().any(|key| key.is_wal() && key.number() == no))
}

fn check_segments_exist(indexes: &[Index], files: &Files) -> Result<(), StoreError> {
    for key in indexes.iter().flat_map(Index::files).filter(|key| key.is_segment()) {
        if files.get(key).is_none() {
            return Err(corrupt(key.name(), 0, "the run index names a segment that its list does not have"));
        }
    }
    Ok(())
}

/// Removes segments nothing durable names, cuts the others to what does. Returns the first number that is free.
fn clean_segments(fs: &dyn Fs, dir: &Path, files: &Files, clean: bool) -> Result<u64, StoreError> {
    let seg = dir.join("seg");
    let failed = |path: &Path| io_error(path.display().to_string());
    let paths = fs.read_dir(&seg).map_err(failed(&seg))?;
    let mut next = 1;
    let mut found = std::collections::HashSet::new();
    for path in paths {
        let Some(id) = parse_segment_name(&path) else { continue };
        next = next.max(id + 1);
        match FileKey::segment(id).and_then(|key| files.get(key)) {
            Some(data) => {
                found.insert(id);
                if clean {
                    continue;
                }
                let len = data.len.load(Relaxed);
                let file = fs.open(&path, OpenMode::Write).map_err(failed(&path))?;
                let there = file.len().map_err(failed(&path))?;
                if there > len {
                    file.set_len(len).and_then(|()| file.sync_data()).map_err(failed(&path))?;
                } else if there < len {
                    return Err(corrupt(data.key.name(), there, format!("the file is shorter than {len} bytes")));
                }
            }
            None => fs.remove_file(&path).map_err(failed(&path))?,
        }
    }
    for data in files.list(true) {
        next = next.max(data.key.number() + 1);
        if found.contains(&data.key.number()) {
            continue;
        }
        // Freed after the save that still lists it: nothing in it is alive.
        if data.live.load(Relaxed) > 0 {
            return Err(corrupt(data.key.name(), 0, "the file is missing"));
        }
        files.remove(data.key);
    }
    Ok(next)
}

/// Removes checkpoint files that the control block does not name.
fn clean_checkpoints(fs: &dyn Fs, dir: &Path, control: &Control) -> Result<(), StoreError> {
    let ckpt = dir.join("ckpt");
    let failed = |e: io::Error| StoreError::Io { what: ckpt.display().to_string(), source: e };
    for path in fs.read_dir(&ckpt).map_err(failed)? {
        if !parse_checkpoint_name(&path).is_some_and(|id| control.names(id)) {
            fs.remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}
