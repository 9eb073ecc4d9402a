//! Spare log files: written once with zeros, or recycled, so that later syncs need not commit the file system's journal.

use std::{io, path::PathBuf, sync::Arc};

use trine_env::{File, OpenMode};

use super::{
    files::{DataFile, FileKey},
    frame::{PAGE_U64, WalPos},
    options::LocalOptions,
    shared::Shared,
    wal_file::{WAL_START, WalHeader, wal_path},
};

/// A file without a number.
pub(crate) struct Spare {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn File>,
    pub(crate) len: u64,
}

/// A numbered file that the log is in or will be in next. Header and name are durable.
pub(crate) struct WalFile {
    pub(crate) no: u64,
    pub(crate) len: u64,
    pub(crate) salt: u64,
    pub(crate) file: Arc<dyn File>,
    pub(crate) data: Arc<DataFile>,
}

/// Files in stock.
pub(crate) struct Spares {
    /// Already has the number after the present file's.
    pub(crate) next: Option<WalFile>,
    pub(crate) pool: Vec<Spare>,
    /// Number of the file the log is in.
    pub(crate) current: u64,
    /// Number in the next spare's name.
    pub(crate) name: u64,
    /// How long a new file shall be.
    pub(crate) want_len: u64,
    /// Whether a new file is filled with zeros, as the frames of late were small enough for that to pay.
    pub(crate) zeroed: bool,
}

impl Spares {
    /// Files ready to be used.
    pub(crate) fn ready(&self) -> usize {
        self.pool.len() + usize::from(self.next.is_some())
    }

    /// Their bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.pool.iter().map(|spare| spare.len).chain(self.next.iter().map(|next| next.len)).sum()
    }

    /// Whether a file of `len` bytes that holds nothing is kept, beside a log of `wal` bytes: what was written once need not be filled with zeros, so files
    /// are kept as long as all of them together stay within the log's budget, and the few that are wanted anyway.
    pub(crate) fn keeps(&self, options: &LocalOptions, wal: u64, len: u64) -> bool {
        self.ready() < options.spares || (options.spares > 0 && wal + self.bytes() + len <= options.wal_budget)
    }
}

/// Gives a spare its number: header, then name, both durable when this returns.
pub(crate) fn assign(shared: &Shared, spare: Spare, no: u64) -> io::Result<WalFile> {
    let salt = shared.rng.next_u64();
    write_header(shared, &spare.file, no, spare.len, salt)?;
    let path = wal_path(&shared.dir, no);
    shared.fs.rename(&spare.path, &path)?;
    shared.fs.sync_dir(&shared.dir.join("wal"))?;
    wal_file(shared, spare.file, no, spare.len, salt)
}

/// A new file of which no block was written ahead: what the log goes on in when no spare is ready.
pub(crate) fn create_bare(shared: &Shared, no: u64, len: u64) -> io::Result<WalFile> {
    let path = wal_path(&shared.dir, no);
    let file = match shared.fs.open(&path, OpenMode::CreateNew) {
        // Left from an attempt that found the disk full: no frame can be in it, the log is still in the file before.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => shared.fs.open(&path, OpenMode::Write)?,
        opened => opened?,
    };
    lengthen(shared, &*file, len)?;
    let salt = shared.rng.next_u64();
    write_header(shared, &file, no, len, salt)?;
    shared.fs.sync_dir(&shared.dir.join("wal"))?;
    wal_file(shared, file, no, len, salt)
}

/// Gives an empty file its length, with its blocks reserved where a sync into blocks never written commits the journal: reserved ones cost it less.
pub(crate) fn lengthen(shared: &Shared, file: &dyn File, len: u64) -> io::Result<()> {
    if shared.fs.kind(&shared.dir).1 { file.allocate(len) } else { file.set_len(len) }
}

/// Makes a file long enough for one large batch.
pub(crate) fn grow(shared: &Shared, wal: &mut WalFile, len: u64) -> io::Result<()> {
    wal.file.set_len(len)?;
    write_header(shared, &wal.file, wal.no, len, wal.salt)?;
    wal.len = len;
    wal.data.len.store(len, std::sync::atomic::Ordering::Relaxed);
    Ok(())
}

/// Length of a file in which a frame of `frame` bytes and an end frame fit.
pub(crate) const fn room_for(frame: u64) -> u64 {
    WAL_START + frame + PAGE_U64
}

/// The place of a file's first frame.
pub(crate) const fn first_frame(no: u64) -> WalPos {
    WalPos { file: no, pos: WAL_START }
}

fn write_header(shared: &Shared, file: &Arc<dyn File>, no: u64, len: u64, salt: u64) -> io::Result<()> {
    let header = WalHeader { file_no: no, file_len: len, salt, uuid: shared.uuid };
    file.write_all_at(&header.encode(), 0)?;
    file.sync_data()
}

fn wal_file(shared: &Shared, file: Arc<dyn File>, no: u64, len: u64, salt: u64) -> io::Result<WalFile> {
    let key = FileKey::wal(no).ok_or_else(|| io::Error::other("the log has used up its file numbers"))?;
    let data = DataFile::wal(key, &shared.dir, len, Arc::clone(&file));
    Ok(WalFile { no, len, salt, file, data })
}
