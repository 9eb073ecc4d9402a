//! Which names survive.

use std::{collections::BTreeSet, io};

use super::{durable_file, path};
use crate::{Fs, OpenMode, SimFs};

/// Which of the names exist in each of `n` futures, power cut in each; all sets that occurred.
fn outcomes<'n>(fs: &SimFs, names: &[&'n str], n: u64) -> BTreeSet<Vec<&'n str>> {
    let one = |seed| {
        let after = fs.fork(seed).crash();
        names.iter().copied().filter(|name| after.exists(path(name))).collect()
    };
    (0..n).map(one).collect()
}

#[test]
fn syncing_a_file_does_not_save_its_name() {
    let fs = SimFs::new(1);
    let file = fs.open(path("/a"), OpenMode::CreateNew).unwrap();
    file.write_all_at(b"x", 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs, &["/a"], 50), BTreeSet::from([vec![], vec!["/a"]]));
    fs.sync_dir(path("/")).unwrap();
    assert_eq!(outcomes(&fs, &["/a"], 50), BTreeSet::from([vec!["/a"]]));
    assert_eq!(fs.crash().bytes(path("/a")).unwrap(), b"x");
}

#[test]
fn creations_are_lost_independently() {
    let fs = SimFs::new(2);
    for name in ["/a", "/b", "/c"] {
        fs.open(path(name), OpenMode::CreateNew).unwrap();
    }
    assert_eq!(outcomes(&fs, &["/a", "/b", "/c"], 200).len(), 8);
}

#[test]
fn a_rename_is_lost_or_kept_as_a_whole() {
    let fs = SimFs::new(3);
    durable_file(&fs, "/old", 3, 1);
    durable_file(&fs, "/target", 3, 2);
    fs.rename(path("/old"), path("/target")).unwrap();
    let mut seen = BTreeSet::new();
    for seed in 0..50 {
        let after = fs.fork(seed).crash();
        seen.insert((after.bytes(path("/old")), after.bytes(path("/target"))));
    }
    let lost = (Some(vec![1; 3]), Some(vec![2; 3]));
    let kept = (None, Some(vec![1; 3]));
    assert_eq!(seen, BTreeSet::from([lost, kept.clone()]));
    fs.sync_dir(path("/")).unwrap();
    for seed in 0..20 {
        let after = fs.fork(seed).crash();
        assert_eq!((after.bytes(path("/old")), after.bytes(path("/target"))), kept);
    }
}

#[test]
fn a_file_never_gets_two_names_or_an_older_one() {
    let fs = SimFs::new(4);
    fs.create_dir_all(path("/d")).unwrap();
    fs.sync_dir(path("/")).unwrap();
    durable_file(&fs, "/a", 1, 1);
    fs.rename(path("/a"), path("/b")).unwrap();
    fs.rename(path("/b"), path("/d/c")).unwrap();
    let names = ["/a", "/b", "/d/c"];
    assert_eq!(outcomes(&fs, &names, 100), BTreeSet::from([vec!["/a"], vec!["/b"], vec!["/d/c"]]));
    // A sync of the last directory saves what led there.
    fs.sync_dir(path("/d")).unwrap();
    assert_eq!(outcomes(&fs, &names, 50), BTreeSet::from([vec!["/d/c"]]));
}

#[test]
fn removals_are_lost_too_and_bring_the_bytes_back() {
    let fs = SimFs::new(5);
    durable_file(&fs, "/a", 5, 7);
    fs.remove_file(path("/a")).unwrap();
    assert!(!fs.exists(path("/a")));
    assert_eq!(fs.remove_file(path("/a")).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(outcomes(&fs, &["/a"], 50).len(), 2);
    let back = (0..50).filter_map(|seed| fs.fork(seed).crash().bytes(path("/a"))).next().unwrap();
    assert_eq!(back, [7; 5]);
    fs.sync_dir(path("/")).unwrap();
    assert_eq!(outcomes(&fs, &["/a"], 50), BTreeSet::from([vec![]]));
}

#[test]
fn a_name_used_again_keeps_its_order() {
    let fs = SimFs::new(6);
    durable_file(&fs, "/a", 1, 1);
    fs.remove_file(path("/a")).unwrap();
    let second = fs.open(path("/a"), OpenMode::CreateNew).unwrap();
    second.write_all_at(&[2], 0).unwrap();
    second.sync_data().unwrap();
    let seen: BTreeSet<_> = (0..50).map(|seed| fs.fork(seed).crash().bytes(path("/a"))).collect();
    assert_eq!(seen, BTreeSet::from([Some(vec![1]), None, Some(vec![2])]));
}

#[test]
fn a_lost_directory_takes_its_files_along() {
    let fs = SimFs::new(7);
    fs.create_dir_all(path("/x/y")).unwrap();
    durable_file(&fs, "/x/y/f", 1, 1);
    let seen = outcomes(&fs, &["/x", "/x/y", "/x/y/f"], 100);
    assert_eq!(seen, BTreeSet::from([vec![], vec!["/x"], vec!["/x", "/x/y", "/x/y/f"]]));
    fs.sync_dir(path("/x")).unwrap();
    fs.sync_dir(path("/")).unwrap();
    assert_eq!(outcomes(&fs, &["/x/y/f"], 50), BTreeSet::from([vec!["/x/y/f"]]));
}

#[test]
fn an_open_file_outlives_its_name() {
    let fs = SimFs::new(8);
    let file = durable_file(&fs, "/a", 512, 1);
    fs.remove_file(path("/a")).unwrap();
    fs.sync_dir(path("/")).unwrap();
    let mut buf = [0];
    file.read_exact_at(&mut buf, 511).unwrap();
    assert_eq!((buf, fs.used()), ([1], 512));
    drop(file);
    assert_eq!(fs.used(), 0);
}

#[test]
fn paths_behave_as_on_a_real_file_system() {
    let fs = SimFs::new(9);
    let kind = |result: io::Result<()>| result.unwrap_err().kind();
    assert_eq!(fs.open(path("/no/f"), OpenMode::CreateNew).err().unwrap().kind(), io::ErrorKind::NotFound);
    assert_eq!(fs.open(path("/f"), OpenMode::Write).err().unwrap().kind(), io::ErrorKind::NotFound);
    fs.create_dir_all(path("/d/e")).unwrap();
    fs.create_dir_all(path("/d/e")).unwrap();
    fs.open(path("/d/z"), OpenMode::CreateNew).unwrap();
    fs.open(path("/d/b"), OpenMode::CreateNew).unwrap();
    assert_eq!(fs.read_dir(path("/d")).unwrap(), [path("/d/b"), path("/d/e"), path("/d/z")]);
    assert_eq!(fs.open(path("/d/b"), OpenMode::CreateNew).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs.open(path("/d"), OpenMode::Read).err().unwrap().kind(), io::ErrorKind::IsADirectory);
    assert_eq!(kind(fs.read_dir(path("/d/b")).map(drop)), io::ErrorKind::NotADirectory);
    assert_eq!(kind(fs.read_dir(path("/q")).map(drop)), io::ErrorKind::NotFound);
    assert_eq!(kind(fs.remove_file(path("/d/e"))), io::ErrorKind::IsADirectory);
    assert_eq!(kind(fs.rename(path("/d/q"), path("/d/r"))), io::ErrorKind::NotFound);
    assert_eq!(kind(fs.create_dir_all(path("/d/b/c"))), io::ErrorKind::AlreadyExists);
    fs.rename(path("/d/b"), path("/d/b")).unwrap();
    assert_eq!(fs.files(), [(path("/d/b").to_owned(), 0), (path("/d/z").to_owned(), 0)]);
}
