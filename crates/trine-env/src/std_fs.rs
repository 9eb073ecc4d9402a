//! The machine's files.

mod file;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
use portable as platform;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    fs::{self, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use parking_lot::Mutex;

use self::file::StdFile;
use crate::{File, Fs, Lock, OpenMode, Space};

/// The operating system's file systems. Clones share what was learned about the platform and one copy buffer.
#[derive(Clone, Debug, Default)]
pub struct StdFs {
    shared: Arc<Shared>,
}

/// What all files of one [`StdFs`] share.
#[derive(Default)]
struct Shared {
    /// Set once the kernel has said that it cannot read without waiting; then nobody asks again.
    nowait_refused: AtomicBool,
    /// Aligned memory for direct writes of unaligned buffers. One is enough: background writes come from one paced writer (decision E15).
    bounce: Mutex<Vec<u8>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("nowait_refused", &self.nowait_refused).finish_non_exhaustive()
    }
}

impl StdFs {
    /// The file systems of this machine.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Fs for StdFs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut options = OpenOptions::new();
        match mode {
            OpenMode::Read => options.read(true),
            OpenMode::Write => options.read(true).write(true),
            OpenMode::CreateNew => options.read(true).write(true).create_new(true),
        };
        let file = options.open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Arc::new(StdFile::new(file, self.shared.clone())))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut paths =
            fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort_unstable();
        Ok(paths)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(Space {
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
        })
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(StdLock { _file: file })),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn kind(&self, path: &Path) -> (String, bool) {
        platform::kind(path)
    }
}

/// Closing the descriptor releases the lock, also when the process is killed.
#[derive(Debug)]
struct StdLock {
    _file: fs::File,
}

impl Lock for StdLock {}
