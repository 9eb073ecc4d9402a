//! The local store: one write-ahead log for all shard groups, segments for what leaves it, checkpoints, two control blocks. The design is in
//! `docs/internals/wal.md` and `docs/internals/recovery.md`.
//!
//! ```text
//! LOCK FORMAT CONTROL.0 CONTROL.1     wal/<number>.wal wal/spare.<n>.wal     ckpt/<id>.ckpt     seg/<id>.seg
//! ```

mod cache;
mod checkpoint;
mod commit;
mod control;
mod control_file;
mod create;
mod engine;
mod files;
mod format;
mod frame;
mod hash;
mod index;
mod index_file;
mod index_save;
mod maintain;
mod options;
mod overlap;
mod pace;
mod read;
mod reclaim;
mod recover;
mod relocate;
mod rewrite;
mod scan;
mod section_file;
mod segment;
mod segment_writer;
mod shared;
mod spare;
mod store;
mod verify;
mod wal_file;
mod zero;

#[cfg(test)]
mod tests;

use std::{
    io,
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use trine_env::{Clock, Fs, OpenMode, Rng};
use trine_types::ShardId;

use self::{
    commit::Committer,
    control_file::ControlFile,
    engine::LocalEngine,
    frame::{FrameBuilder, WalPos},
    maintain::Maintainer,
    recover::{Progress, Recovery},
    scan::io_error,
    shared::{Heads, Recovered, Seams, Shard, Shared},
    spare::{Spare, Spares, WalFile, first_frame},
    store::LocalShard,
    wal_file::{WalName, parse_name, spare_name, wal_path},
};
pub use self::{
    options::{LocalOptions, SHARDS_MAX},
    verify::VerifyReport,
};
use crate::{Opened, Replay, ShardStore, StoreError, Waker};

/// Opens data directories.
pub struct LocalStore;

impl LocalStore {
    /// Opens (or creates) the directory and replays what it holds. `progress` is told how many bytes of how many were read.
    ///
    /// # Errors
    /// `Locked` when another process has it open, `Corrupt` when acknowledged data is damaged, `Format` for a directory of another version, `Io` for
    /// everything the operating system refuses.
    #[expect(
        clippy::too_many_arguments,
        reason = "five seams, one place and two callbacks; a struct would only rename them"
    )]
    pub fn open(
        fs: Arc<dyn Fs>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        dir: &Path,
        options: LocalOptions,
        waker: Waker,
        replay: &mut dyn Replay,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Opened, StoreError> {
        create::make_dirs(&*fs, dir)?;
        let lock = create::lock(&*fs, dir)?;
        let (format, fresh) = create::load_or_create(&*fs, &*rng, dir, &options)?;
        let control = control_file::load(&*fs, dir, &format.uuid)?;
        let unclean = !control.clean && !fresh;
        let space = fs.space(dir).map_err(io_error(format!("look at the free space of {}", dir.display())))?;
        let options = options.fit(space.total);
        // First of all: after a failed sync the block just read may be in the page cache only, and nothing may be done on its word that an older
        // block, found after a power cut, would contradict.
        let blocks = ControlFile::open(&*fs, dir, control.clone())
            .and_then(|blocks| blocks.rewrite().map(|()| blocks))
            .map_err(io_error(format!("write the control block of {}", dir.display())))?;
        let total = directory_bytes(&*fs, dir, &control)?;
        let mut progress = Progress { done: 0, total, report: progress };
        let recovery = recover::recover(&fs, dir, options.open_segments, control, replay, &mut progress)?;
        (progress.report)(total, total);

        let seams = Seams { fs, clock, rng, dir: dir.to_owned(), options, waker };
        let (shared, last, start) = assemble(seams, format.uuid, recovery)?;
        let shared = Arc::new(shared);
        let (control, wal, pos) = go_on(&shared, blocks, start, unclean)?;
        let stores = (0..shared.shards.len())
            .map(|at| Arc::new(LocalShard { shared: Arc::clone(&shared), at }) as Arc<dyn ShardStore>)
            .collect();
        let committer = Committer::new(Arc::clone(&shared), wal, pos);
        let mut maintainer = Maintainer::new(Arc::clone(&shared), control);
        maintainer.watch_space();
        let engine = Box::new(LocalEngine::new(shared, committer, maintainer, lock));
        Ok(Opened { stores, last, unclean, engine })
    }
}

/// Bytes that recovery may have to read.
fn directory_bytes(fs: &dyn Fs, dir: &Path, control: &control::Control) -> Result<u64, StoreError> {
    let len = |path: &Path| fs.open(path, OpenMode::Read).and_then(|f| f.len()).unwrap_or(0);
    let from = control.groups.iter().map(|g| g.cur.from).chain([control.index.cur.from]).min().unwrap_or_default();
    let mut total = 0;
    for id in control.groups.iter().map(|g| g.cur.id).chain([control.index.cur.id]).filter(|id| *id > 0) {
        total += len(&dir.join("ckpt").join(checkpoint::checkpoint_name(id)));
    }
    for no in scan::numbered_files(fs, dir)?.into_iter().filter(|no| *no >= from.file) {
        let skipped = if no == from.file { from.pos } else { 0 };
        total += len(&wal_path(dir, no)).saturating_sub(skipped);
    }
    Ok(total)
}

/// What [`go_on`] needs of a recovery.
struct Start {
    control: control::Control,
    end: scan::ScanEnd,
    /// Highest number of a log file on disk.
    highest: u64,
}

/// Builds the shared state; files that hold nothing become spares.
fn assemble(
    seams: Seams,
    uuid: [u8; 16],
    recovery: Recovery,
) -> Result<(Shared, Vec<trine_types::Lsn>, Start), StoreError> {
    let Recovery { control, last, indexes, files, end, loose, segment_bytes, next_segment } = recovery;
    let highest = loose.iter().copied().chain([end.at.file]).max().unwrap_or_default();
    let wal_bytes = files.list(false).iter().map(|f| f.len.load(Relaxed)).sum();
    let current = (end.at.file, end.header.file_len);
    let spares = collect_spares(&*seams.fs, &seams.dir, &seams.options, &loose, current, wal_bytes)?;
    let shards = indexes
        .into_iter()
        .zip(&last)
        .enumerate()
        .map(|(at, (mut index, last))| {
            index.indexed = *last;
            Shard::new(ShardId(at as u16), *last, index)
        })
        .collect();
    let recovered = Recovered {
        shards,
        files,
        heads: Heads { written: end.at, indexed: end.at, synced: end.at },
        spares,
        next_segment,
        next_id: control.next_id,
    };
    let shared = Shared::new(seams, uuid, recovered);
    shared.counters.wal.store(wal_bytes, Relaxed);
    shared.counters.segments.store(segment_bytes, Relaxed);
    Ok((shared, last, Start { control, end, highest }))
}

/// Spares left by the previous process, and numbered files that hold nothing.
fn collect_spares(
    fs: &dyn Fs,
    dir: &Path,
    options: &LocalOptions,
    loose: &[u64],
    (current, current_len): (u64, u64),
    wal_bytes: u64,
) -> Result<Spares, StoreError> {
    let want_len = current_len.clamp(options.wal_file_min, options.wal_file_max);
    let mut spares = Spares { next: None, pool: Vec::new(), current, name: 1, want_len, zeroed: true };
    let wal = dir.join("wal");
    let failed = |e: io::Error| StoreError::Io { what: format!("prepare {}", wal.display()), source: e };
    let mut paths = Vec::new();
    for path in fs.read_dir(&wal).map_err(failed)? {
        match parse_name(&path) {
            WalName::Spare(name) => {
                spares.name = spares.name.max(name + 1);
                paths.push(path);
            }
            WalName::File(_) => {}
            WalName::Other => fs.remove_file(&path).map_err(failed)?,
        }
    }
    for no in loose {
        let path = wal.join(spare_name(spares.name));
        spares.name += 1;
        fs.rename(&wal_path(dir, *no), &path).map_err(failed)?;
        paths.push(path);
    }
    for path in paths {
        let file = fs.open(&path, OpenMode::Write).map_err(failed)?;
        let len = file.len().map_err(failed)?;
        let usable = len >= options.wal_file_min && len % frame::PAGE_U64 == 0;
        if usable && spares.keeps(options, wal_bytes, len) {
            spares.pool.push(Spare { path, file, len });
        } else {
            fs.remove_file(&path).map_err(failed)?;
        }
    }
    fs.sync_dir(&wal).map_err(failed)?;
    Ok(spares)
}

/// Decides where the log goes on, and makes the control blocks say that the store is open.
fn go_on(
    shared: &Shared,
    mut blocks: ControlFile,
    start: Start,
    unclean: bool,
) -> Result<(ControlFile, WalFile, u64), StoreError> {
    let Start { mut control, end, highest } = start;
    let failed = || io_error(format!("prepare {}", shared.dir.display()));
    let key = files::FileKey::wal(end.at.file);
    let data =
        key.and_then(|key| shared.files.get(key)).ok_or_else(|| scan::corrupt_wal(end.at, "the file is missing"))?;
    let file = shared.files.handle(&data).map_err(failed())?;
    let old = WalFile { no: end.at.file, len: end.header.file_len, salt: end.header.salt, file, data };
    let (wal, at) = if unclean {
        let wal = new_file_after(shared, &old, end.at, highest + 1).map_err(failed())?;
        let at = first_frame(wal.no);
        (wal, at)
    } else {
        old.data.sealed.store(false, Relaxed);
        (old, end.at)
    };
    *shared.heads.lock() = Heads { written: at, indexed: at, synced: at };
    // A checkpoint may have begun behind a frame of other shard groups that was lost: the log now goes on before that place.
    control.move_back_to(end.at);
    // A block that says `clean` must not survive the first append, not even as the older of the two.
    (control.clean, control.end, control.synced) = (false, WalPos::default(), at);
    blocks.flip(control.clone()).and_then(|()| blocks.flip(control)).map_err(failed())?;
    Ok((blocks, wal, at.pos))
}

/// After an unclean stop: a new file, then the end frame at the cut that names it (decision E8).
fn new_file_after(shared: &Shared, old: &WalFile, cut: WalPos, no: u64) -> io::Result<WalFile> {
    let mut spares = shared.spares.lock();
    let wal = match spares.pool.pop() {
        Some(spare) => spare::assign(shared, spare, no)?,
        None => spare::create_bare(shared, no, shared.options.wal_file_min)?,
    };
    spares.current = no;
    let mut builder = FrameBuilder::default();
    old.file.write_all_at(builder.end_frame(old.salt, cut, cut, no), cut.pos)?;
    old.file.sync_data()?;
    shared.counters.wal.fetch_add(wal.len, Relaxed);
    shared.files.insert(Arc::clone(&wal.data));
    Ok(wal)
}
