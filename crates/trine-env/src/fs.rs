//! Files as a seam (decision E13).

use std::{io, path::Path, path::PathBuf, sync::Arc};

/// Positions and lengths of [`File::write_direct_at`] are multiples of this; others are refused with `InvalidInput`.
pub const DIRECT_ALIGN: usize = 4096;

/// How to open a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenMode {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing.
    Write,
    /// A new file, for reading and writing; fails with `AlreadyExists` when the name is taken.
    CreateNew,
}

/// Space of the file system that holds a directory, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    /// Size of the file system.
    pub total: u64,
    /// What an unprivileged process can still allocate.
    pub free: u64,
}

/// A file system. Nothing is durable before the matching sync: data by [`File::sync_data`], names by [`Fs::sync_dir`].
pub trait Fs: Send + Sync + 'static {
    /// Opens a file.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>>;
    /// Creates a directory and its missing parents. Durable after a `sync_dir` of each parent.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Paths of the entries of a directory, sorted by name.
    fn read_dir(&self, path: &Path) -> io::Result<Vec<PathBuf>>;
    /// Renames atomically, replacing the target. Durable after a `sync_dir` of the target's directory.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Whether a file or directory exists.
    fn exists(&self, path: &Path) -> bool;
    /// Space of the file system that holds `path`.
    fn space(&self, path: &Path) -> io::Result<Space>;
    /// Takes an exclusive advisory lock on a file (created if absent), held until the value drops or the process ends. `WouldBlock` when another
    /// process holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;
    /// Whether writing zeros ahead makes later syncs cheaper here (ext4, XFS: yes; tmpfs, btrfs, ZFS, overlay: no). The name is for the start-up
    /// block.
    fn kind(&self, path: &Path) -> (String, bool);
}

/// An open file. Positioned I/O only, so that a handle can be shared.
#[expect(clippy::len_without_is_empty, reason = "asking for the length is a system call that can fail, not a property")]
pub trait File: Send + Sync + 'static {
    /// Fills the buffer from `pos`; `UnexpectedEof` when the file ends before.
    fn read_exact_at(&self, buf: &mut [u8], pos: u64) -> io::Result<()>;
    /// Like `read_exact_at`, but returns `Ok(false)`, with the buffer in an unspecified state, instead of waiting for the disk when the data is not in
    /// the page cache. A file system that cannot tell waits.
    fn try_read_exact_at(&self, buf: &mut [u8], pos: u64) -> io::Result<bool> {
        self.read_exact_at(buf, pos).map(|()| true)
    }
    /// Writes the whole buffer at `pos`, extending the file if needed. `StorageFull` when there is no space.
    fn write_all_at(&self, buf: &[u8], pos: u64) -> io::Result<()>;
    /// Like `write_all_at`, past the page cache where the platform can (O_DIRECT), so that background writes do not slow down others' syncs (decision
    /// E15). `pos` and the buffer's length are multiples of 4096; alignment in memory is the implementation's business. Not durable by itself.
    fn write_direct_at(&self, buf: &[u8], pos: u64) -> io::Result<()>;
    /// Makes data (and the length) written so far durable (fdatasync).
    fn sync_data(&self) -> io::Result<()>;
    /// Sets the length.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes an empty file `len` bytes long, with its blocks reserved where the platform can: `StorageFull` when there is no space for them.
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
    /// The length.
    fn len(&self) -> io::Result<u64>;
}

/// A held lock; dropping it releases it.
pub trait Lock: Send + Sync {}
