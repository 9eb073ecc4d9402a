//! Making a data directory. `FORMAT` is made durable last: a directory without it never held an acknowledged record, and is made anew, unless its
//! log says otherwise.

use std::{io, path::Path};

use trine_env::{Fs, Lock, OpenMode, Rng};

use super::{
    control::Control,
    control_file::ControlFile,
    format::Format,
    frame::PAGE_U64,
    options::{LocalOptions, SHARDS_MAX},
    scan::{io_error, numbered_files},
    spare::first_frame,
    wal_file::{WAL_START, WalHeader, wal_path},
};
use crate::StoreError;

const FIRST_FILE: u64 = 1;
/// Zeros written at once.
const ZERO_BYTES: usize = 1 << 20;

/// Creates the directories.
pub(crate) fn make_dirs(fs: &dyn Fs, dir: &Path) -> Result<(), StoreError> {
    let make = || -> io::Result<()> {
        // The directory itself and what is missing above it: each name is durable once the directory that holds it is synced.
        let missing: Vec<_> = dir.ancestors().skip(1).take_while(|above| !fs.exists(named(above))).collect();
        for name in ["wal", "ckpt", "seg"] {
            fs.create_dir_all(&dir.join(name))?;
        }
        fs.sync_dir(dir)?;
        for above in dir.ancestors().skip(1).take(missing.len() + 1) {
            fs.sync_dir(named(above))?;
        }
        Ok(())
    };
    make().map_err(io_error(format!("create the data directory {}", dir.display())))
}

/// A relative path ends in nothing, which is the directory that the process is in.
fn named(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() { Path::new(".") } else { dir }
}

/// Takes the directory's lock.
pub(crate) fn lock(fs: &dyn Fs, dir: &Path) -> Result<Box<dyn Lock>, StoreError> {
    fs.lock(&dir.join("LOCK")).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => StoreError::Locked(dir.display().to_string()),
        _ => StoreError::Io { what: format!("lock {}", dir.display()), source: error },
    })
}

/// Reads `FORMAT`.
pub(crate) fn load(fs: &dyn Fs, dir: &Path) -> Result<Option<Format>, StoreError> {
    let path = dir.join("FORMAT");
    let read = || -> io::Result<Vec<u8>> {
        let file = fs.open(&path, OpenMode::Read)?;
        // A person may have edited it; nothing valid is longer than a page.
        let mut text = vec![0; file.len()?.min(PAGE_U64) as usize];
        file.read_exact_at(&mut text, 0)?;
        Ok(text)
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::Io { what: format!("read {}", path.display()), source }),
        Ok(text) => Format::decode(&text).map(Some).map_err(StoreError::Format),
    }
}

/// Reads `FORMAT`, or makes the directory; whether it was made now.
pub(crate) fn load_or_create(
    fs: &dyn Fs,
    rng: &dyn Rng,
    dir: &Path,
    options: &LocalOptions,
) -> Result<(Format, bool), StoreError> {
    if let Some(format) = load(fs, dir)? {
        return Ok((format, false));
    }
    if options.shards == 0 || options.shards > SHARDS_MAX {
        return Err(StoreError::Format(format!("{} shard groups: 1 to {SHARDS_MAX} are possible", options.shards)));
    }
    refuse_data(fs, dir)?;
    let mut uuid = [0; 16];
    rng.fill(&mut uuid);
    let format = Format { uuid, shards: options.shards };
    create(fs, rng, dir, options, &format).map_err(io_error(format!("create the data directory {}", dir.display())))?;
    Ok((format, true))
}

/// Log files that hold frames belong to a directory that lost its `FORMAT`.
fn refuse_data(fs: &dyn Fs, dir: &Path) -> Result<(), StoreError> {
    for no in numbered_files(fs, dir)? {
        let path = wal_path(dir, no);
        let read = || -> io::Result<[u8; 4]> {
            let mut magic = [0; 4];
            fs.open(&path, OpenMode::Read)?.read_exact_at(&mut magic, WAL_START)?;
            Ok(magic)
        };
        let empty = match read() {
            Ok(magic) => magic == [0; 4],
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => true,
            Err(error) => return Err(StoreError::Io { what: format!("read {}", path.display()), source: error }),
        };
        if !empty {
            return Err(StoreError::Format(format!("{} holds a log but no FORMAT file", dir.display())));
        }
    }
    Ok(())
}

fn create(fs: &dyn Fs, rng: &dyn Rng, dir: &Path, options: &LocalOptions, format: &Format) -> io::Result<()> {
    // What an interrupted attempt left.
    for sub in ["wal", "ckpt", "seg"] {
        for path in fs.read_dir(&dir.join(sub))? {
            fs.remove_file(&path)?;
        }
    }
    for name in ["CONTROL.0", "CONTROL.1", "FORMAT.tmp"] {
        match fs.remove_file(&dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let wal = fs.open(&wal_path(dir, FIRST_FILE), OpenMode::CreateNew)?;
    let len = options.wal_file_min;
    if fs.kind(dir).1 {
        // The first file is small, so that a first start may wait for its zeros.
        let zeros = vec![0; ZERO_BYTES.min(len as usize)];
        let mut pos = 0;
        while pos < len {
            let piece = zeros.len().min((len - pos) as usize);
            wal.write_all_at(&zeros[..piece], pos)?;
            pos += piece as u64;
        }
    } else {
        wal.set_len(len)?;
    }
    let header = WalHeader { file_no: FIRST_FILE, file_len: len, salt: rng.next_u64(), uuid: format.uuid };
    wal.write_all_at(&header.encode(), 0)?;
    wal.sync_data()?;
    fs.sync_dir(&dir.join("wal"))?;

    let mut control = Control::new(format.uuid, format.shards);
    let first = first_frame(FIRST_FILE);
    control.synced = first;
    control.index.cur.from = first;
    control.index.prev.from = first;
    for group in &mut control.groups {
        (group.cur.from, group.prev.from) = (first, first);
    }
    ControlFile::open(fs, dir, control)?.rewrite()?;

    let (temporary, path) = (dir.join("FORMAT.tmp"), dir.join("FORMAT"));
    let file = fs.open(&temporary, OpenMode::CreateNew)?;
    file.write_all_at(format.encode().as_bytes(), 0)?;
    file.sync_data()?;
    fs.rename(&temporary, &path)?;
    fs.sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use trine_env::SimFs;

    use super::*;

    #[test]
    fn a_new_directory_and_those_above_it_survive_a_power_cut() {
        for name in ["trine-data", "/trine-data", "some/where/deep", "/some/where/deep"] {
            for seed in 0..20 {
                let fs = SimFs::new(seed);
                make_dirs(&fs, Path::new(name)).unwrap();
                let fs = fs.crash();
                assert!(fs.exists(&Path::new(name).join("wal")), "{name} is gone after a power cut, seed {seed}");
            }
        }
    }
}
