use std::{fs, io, path::Path, sync::Arc};

use super::StdFs;
use crate::{DIRECT_ALIGN, File, Fs, OpenMode};

/// A directory on memory, where O_DIRECT is refused by older kernels.
const MEMORY: &str = "/dev/shm";

fn new_file(dir: &Path) -> Arc<dyn File> {
    StdFs::new().open(&dir.join("f"), OpenMode::CreateNew).unwrap()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 % 251) as u8).collect()
}

#[test]
fn files_open_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (fs, path) = (StdFs::new(), dir.path().join("a"));
    assert_eq!(fs.open(&path, OpenMode::Write).err().unwrap().kind(), io::ErrorKind::NotFound);
    let file = fs.open(&path, OpenMode::CreateNew).unwrap();
    file.write_all_at(b"hello", 3).unwrap();
    assert_eq!(fs.open(&path, OpenMode::CreateNew).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs.open(dir.path(), OpenMode::Read).err().unwrap().kind(), io::ErrorKind::IsADirectory);
    let reader = fs.open(&path, OpenMode::Read).unwrap();
    let mut buf = [1; 8];
    reader.read_exact_at(&mut buf, 0).unwrap();
    assert_eq!(&buf, b"\0\0\0hello");
    assert_eq!(reader.read_exact_at(&mut buf, 1).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert!(reader.write_all_at(b"x", 0).is_err());
    file.set_len(4).unwrap();
    file.sync_data().unwrap();
    assert_eq!(reader.len().unwrap(), 4);
}

#[test]
fn names_change_and_list_sorted() {
    let dir = tempfile::tempdir().unwrap();
    let fs = StdFs::new();
    let sub = dir.path().join("x/y");
    fs.create_dir_all(&sub).unwrap();
    for name in ["c", "a", "b"] {
        fs.open(&sub.join(name), OpenMode::CreateNew).unwrap();
    }
    fs.rename(&sub.join("c"), &sub.join("a")).unwrap();
    fs.remove_file(&sub.join("b")).unwrap();
    fs.open(&sub.join("d"), OpenMode::CreateNew).unwrap();
    fs.sync_dir(&sub).unwrap();
    assert_eq!(fs.read_dir(&sub).unwrap(), [sub.join("a"), sub.join("d")]);
    assert!(fs.exists(&sub) && fs.exists(&sub.join("a")) && !fs.exists(&sub.join("c")));
}

#[test]
fn reads_from_the_page_cache_do_not_wait_and_see_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let file = new_file(dir.path());
    let data = pattern(300_000);
    file.write_all_at(&data, 0).unwrap();
    let mut buf = vec![0; data.len()];
    // Just written, so it is cached wherever the kernel can tell.
    assert!(file.try_read_exact_at(&mut buf, 0).unwrap());
    assert_eq!(buf, data);
    assert_eq!(file.try_read_exact_at(&mut buf, 1).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

fn check_direct(dir: &Path) {
    let file = new_file(dir);
    // More than one piece, from memory of any alignment.
    let data = pattern((1 << 20) + 3 * DIRECT_ALIGN + 1);
    for skip in [0, 1] {
        let part = &data[skip..][..(1 << 20) + 3 * DIRECT_ALIGN];
        file.write_direct_at(part, 4096).unwrap();
        let mut back = vec![0; part.len()];
        file.read_exact_at(&mut back, 4096).unwrap();
        assert!(back == part, "direct writes must be seen by buffered reads");
    }
    file.write_all_at(b"small", 5000).unwrap();
    file.sync_data().unwrap();
    let mut back = [0; 5];
    file.read_exact_at(&mut back, 5000).unwrap();
    assert_eq!(&back, b"small");
    assert_eq!(file.write_direct_at(&data[..100], 0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(file.write_direct_at(&data[..4096], 8).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn direct_writes_arrive_on_disk_and_in_memory() {
    check_direct(tempfile::tempdir().unwrap().path());
    // Cargo's target directory is on a disk even where /tmp is not.
    check_direct(tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap().path());
    if Path::new(MEMORY).is_dir() {
        check_direct(tempfile::tempdir_in(MEMORY).unwrap().path());
    }
}

#[test]
fn a_direct_write_goes_to_the_file_opened_not_to_the_name() {
    let dir = tempfile::tempdir().unwrap();
    let fs = StdFs::new();
    let file = fs.open(&dir.path().join("old"), OpenMode::CreateNew).unwrap();
    fs.rename(&dir.path().join("old"), &dir.path().join("new")).unwrap();
    fs.open(&dir.path().join("old"), OpenMode::CreateNew).unwrap();
    file.write_direct_at(&[7; 4096], 0).unwrap();
    assert_eq!(fs::read(dir.path().join("new")).unwrap(), [7; 4096]);
    assert!(fs::read(dir.path().join("old")).unwrap().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn flushed_writes_are_the_fallback() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let file = fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
    let data = pattern(1 << 20);
    super::linux::write_flushed(&file, &data, 10).unwrap();
    assert!(fs::read(&path).unwrap()[10..] == data);
}

#[test]
fn a_lock_is_exclusive_until_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let (fs, path) = (StdFs::new(), dir.path().join("LOCK"));
    let lock = fs.lock(&path).unwrap();
    assert_eq!(fs.lock(&path).err().unwrap().kind(), io::ErrorKind::WouldBlock);
    drop(lock);
    fs.lock(&path).unwrap();
}

#[test]
fn space_and_kind_are_those_of_the_file_system() {
    let dir = tempfile::tempdir().unwrap();
    let fs = StdFs::new();
    let space = fs.space(dir.path()).unwrap();
    assert!(space.free > 0 && space.free <= space.total);
    assert!(fs.space(Path::new("/no/such/path")).is_err());
    if cfg!(target_os = "linux") && Path::new(MEMORY).is_dir() {
        assert_eq!(fs.kind(Path::new(MEMORY)), ("tmpfs".to_owned(), false));
        assert!(!fs.kind(Path::new("/proc")).1);
    }
}
