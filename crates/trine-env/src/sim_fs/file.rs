//! Open files and locks of one life.

use std::io;

use super::{SimFs, names::Ino};
use crate::{DIRECT_ALIGN, File, Lock, OpenMode};

pub(super) struct SimFile {
    fs: SimFs,
    ino: Ino,
    mode: OpenMode,
}

impl SimFile {
    pub(super) fn new(fs: SimFs, ino: Ino, mode: OpenMode) -> Self {
        Self { fs, ino, mode }
    }

    fn writable(&self) -> io::Result<()> {
        // EBADF, as a descriptor opened for reading gives.
        if self.mode == OpenMode::Read { Err(io::Error::from_raw_os_error(9)) } else { Ok(()) }
    }
}

impl File for SimFile {
    fn read_exact_at(&self, buf: &mut [u8], pos: u64) -> io::Result<()> {
        self.fs.alive()?.read(self.ino, buf, pos)
    }

    fn try_read_exact_at(&self, buf: &mut [u8], pos: u64) -> io::Result<bool> {
        self.fs.alive()?.try_read(self.ino, buf, pos)
    }

    fn write_all_at(&self, buf: &[u8], pos: u64) -> io::Result<()> {
        self.writable()?;
        self.fs.alive()?.write(self.ino, buf, pos, false)
    }

    fn write_direct_at(&self, buf: &[u8], pos: u64) -> io::Result<()> {
        if !buf.len().is_multiple_of(DIRECT_ALIGN) || !pos.is_multiple_of(DIRECT_ALIGN as u64) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.writable()?;
        // The disk's own cache is as volatile as the page cache: without a sync it may be lost all the same.
        self.fs.alive()?.write(self.ino, buf, pos, true)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.fs.alive()?.sync(self.ino)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.writable()?;
        self.fs.alive()?.set_len(self.ino, len)
    }

    fn len(&self) -> io::Result<u64> {
        self.fs.alive()?.len(self.ino)
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut state = self.fs.state.lock();
        if state.is_life(self.fs.life) {
            state.close(self.ino);
        }
    }
}

pub(super) struct SimLock {
    fs: SimFs,
    ino: Ino,
}

impl SimLock {
    pub(super) fn new(fs: SimFs, ino: Ino) -> Self {
        Self { fs, ino }
    }
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.fs.state.lock();
        if state.is_life(self.fs.life) {
            state.unlock(self.ino);
        }
    }
}
