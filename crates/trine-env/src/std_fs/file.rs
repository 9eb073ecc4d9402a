//! An open file.

use std::{
    fs, io,
    os::unix::fs::FileExt,
    sync::{Arc, OnceLock, atomic::Ordering},
};

use super::{Shared, platform};
use crate::{DIRECT_ALIGN, File};

/// Direct and flushed writes go out in pieces of this many bytes, so that other writers' syncs get between them (decision E15).
const PIECE: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct StdFile {
    file: fs::File,
    /// The same file past the page cache, opened at the first direct write; `None` where that is refused (tmpfs, some network file systems).
    direct: OnceLock<Option<fs::File>>,
    shared: Arc<Shared>,
}

impl StdFile {
    pub(super) fn new(file: fs::File, shared: Arc<Shared>) -> Self {
        Self { file, direct: OnceLock::new(), shared }
    }

    /// Writes one piece; false when the file system turns out to refuse direct I/O after all.
    fn write_piece(&self, direct: &fs::File, piece: &[u8], pos: u64) -> io::Result<bool> {
        let written = if piece.as_ptr().align_offset(DIRECT_ALIGN) == 0 {
            direct.write_all_at(piece, pos)
        } else {
            let mut bounce = self.shared.bounce.lock();
            if bounce.is_empty() {
                *bounce = vec![0; PIECE + DIRECT_ALIGN];
            }
            let start = bounce.as_ptr().align_offset(DIRECT_ALIGN);
            let Some(aligned) = bounce.get_mut(start..start.saturating_add(piece.len())) else {
                return Ok(false);
            };
            aligned.copy_from_slice(piece);
            direct.write_all_at(aligned, pos)
        };
        match written {
            Ok(()) => Ok(true),
            // Some file systems accept the flag and refuse the write.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl File for StdFile {
    fn read_exact_at(&self, buf: &mut [u8], pos: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, pos)
    }

    fn try_read_exact_at(&self, buf: &mut [u8], pos: u64) -> io::Result<bool> {
        if !self.shared.nowait_refused.load(Ordering::Relaxed) {
            match platform::read_cached(&self.file, buf, pos) {
                Ok(cached) => return Ok(cached),
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    self.shared.nowait_refused.store(true, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
        }
        self.file.read_exact_at(buf, pos).map(|()| true)
    }

    fn write_all_at(&self, buf: &[u8], pos: u64) -> io::Result<()> {
        self.file.write_all_at(buf, pos)
    }

    fn write_direct_at(&self, buf: &[u8], pos: u64) -> io::Result<()> {
        if !buf.len().is_multiple_of(DIRECT_ALIGN) || !pos.is_multiple_of(DIRECT_ALIGN as u64) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut direct = self.direct.get_or_init(|| platform::open_direct(&self.file)).as_ref();
        for (piece, at) in buf.chunks(PIECE).zip((pos..).step_by(PIECE)) {
            if let Some(file) = direct {
                if self.write_piece(file, piece, at)? {
                    continue;
                }
                direct = None;
            }
            platform::write_flushed(&self.file, piece, at)?;
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        platform::allocate(&self.file, len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}
