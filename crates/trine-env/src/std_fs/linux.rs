//! What Linux has and std lacks.

use std::{
    fs::{self, OpenOptions},
    io::{self, IoSlice, IoSliceMut},
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    path::Path,
};

use rustix::{
    fs::{FallocateFlags, OFlags},
    io::{Errno, ReadWriteFlags, preadv2, pwritev2},
};

/// Names of file systems by the magic number of `statfs(2)`, and whether writing zeros ahead pays: yes where a file's blocks stay where they were
/// first written and only their first write commits the journal.
const KINDS: &[(u64, &str, bool)] = &[
    (0xEF53, "ext4", true),
    (0x5846_5342, "xfs", true),
    (0x0102_1994, "tmpfs", false),
    (0x9123_683E, "btrfs", false),
    (0x2FC1_2FC1, "zfs", false),
    (0x794C_7630, "overlay", false),
    (0xCA45_1A4E, "bcachefs", false),
    (0xF2F5_2010, "f2fs", false),
    (0x6573_5546, "fuse", false),
    (0x0102_1997, "9p", false),
    (0x6969, "nfs", false),
    (0xFF53_4D42, "cifs", false),
    (0x8584_58F6, "ramfs", false),
];

pub(super) fn kind(path: &Path) -> (String, bool) {
    let Ok(stat) = rustix::fs::statfs(path) else {
        return ("unknown".to_owned(), false);
    };
    // The field is signed on some machines and holds 32 bits on all.
    let magic = u64::from(stat.f_type as u32);
    match KINDS.iter().find(|(known, ..)| *known == magic) {
        Some((_, name, zeroing)) => ((*name).to_owned(), *zeroing),
        None => (format!("unknown (0x{magic:x})"), false),
    }
}

/// Fills the buffer from the page cache; `Ok(false)` when a part is not there, `Unsupported` when the kernel or file system cannot tell.
pub(super) fn read_cached(file: &fs::File, buf: &mut [u8], pos: u64) -> io::Result<bool> {
    let mut filled = 0;
    while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = pos.saturating_add(filled as u64);
        match preadv2(file, &mut [IoSliceMut::new(rest)], at, ReadWriteFlags::NOWAIT) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            // A short read ends where the cache does or at the end of the file: the next call says which.
            Ok(n) => filled += n,
            Err(Errno::AGAIN) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Err(io::ErrorKind::Unsupported.into()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

/// A second descriptor of the same file, past the page cache. By descriptor, not by name: the file may have been renamed since it was opened.
pub(super) fn open_direct(file: &fs::File) -> Option<fs::File> {
    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = i32::try_from(OFlags::DIRECT.bits()).ok()?;
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(name).ok()
}

/// Writes through the page cache and waits until the range has left it, so that a large background write never leaves a backlog for the next fdatasync
/// of somebody else. RWF_DSYNC does per range what sync_file_range would, and also where that is only advisory.
pub(super) fn write_flushed(file: &fs::File, buf: &[u8], pos: u64) -> io::Result<()> {
    let mut done = 0;
    while let Some(rest) = buf.get(done..).filter(|rest| !rest.is_empty()) {
        let at = pos.saturating_add(done as u64);
        match pwritev2(file, &[IoSlice::new(rest)], at, ReadWriteFlags::DSYNC) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => done += n,
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                std::os::unix::fs::FileExt::write_all_at(file, rest, at)?;
                return file.sync_data();
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reserves the blocks of an empty file; only sets its length where the file system cannot reserve.
pub(super) fn allocate(file: &fs::File, len: u64) -> io::Result<()> {
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, len) {
            Ok(()) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return file.set_len(len),
            Err(error) => return Err(error.into()),
        }
    }
}
