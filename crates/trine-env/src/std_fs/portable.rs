//! Unix systems other than Linux: correct, without the shortcuts.

use std::{fs, io, os::unix::fs::FileExt, path::Path};

pub(super) fn kind(_path: &Path) -> (String, bool) {
    ("unknown".to_owned(), false)
}

pub(super) fn read_cached(_file: &fs::File, _buf: &mut [u8], _pos: u64) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn open_direct(_file: &fs::File) -> Option<fs::File> {
    None
}

pub(super) fn write_flushed(file: &fs::File, buf: &[u8], pos: u64) -> io::Result<()> {
    file.write_all_at(buf, pos)?;
    file.sync_data()
}

pub(super) fn allocate(file: &fs::File, len: u64) -> io::Result<()> {
    file.set_len(len)
}
