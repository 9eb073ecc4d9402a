//! What fails, when asked to.

use std::io;

use super::{durable_file, path};
use crate::{Counts, Faults, Fs, OpenMode, SimFs};

#[test]
fn a_full_disk_says_so_and_recovers() {
    let fs = SimFs::new(1);
    fs.set_capacity(Some(8192));
    let file = fs.open(path("/a"), OpenMode::CreateNew).unwrap();
    file.write_all_at(&[1; 6144], 0).unwrap();
    assert_eq!(fs.space(path("/")).unwrap(), crate::Space { total: 8192, free: 2048 });
    assert_eq!(file.write_all_at(&[2; 4096], 6144).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(fs.space(path("/")).unwrap().free, 0, "a write that does not fit is written in part, as by Linux");
    // What has its blocks can be overwritten on a full disk: that is why the log is zeroed ahead.
    file.write_all_at(&[3; 8192], 0).unwrap();
    file.sync_data().unwrap();
    file.set_len(4096).unwrap();
    assert_eq!(fs.space(path("/")).unwrap().free, 4096);
    fs.open(path("/b"), OpenMode::CreateNew).unwrap().write_all_at(&[4; 4096], 0).unwrap();
    fs.remove_file(path("/b")).unwrap();
    assert_eq!(fs.used(), 4096);
}

#[test]
fn holes_take_no_space() {
    let fs = SimFs::new(2);
    fs.set_capacity(Some(1024));
    let file = fs.open(path("/a"), OpenMode::CreateNew).unwrap();
    file.set_len(1 << 20).unwrap();
    assert_eq!(fs.used(), 0);
    file.write_all_at(&[1], 1 << 19).unwrap();
    assert_eq!(fs.used(), 512);
    assert_eq!(file.len().unwrap(), 1 << 20);
}

#[test]
fn space_is_counted_right_after_crashes() {
    for seed in 0..200 {
        let fs = SimFs::new(seed);
        let file = durable_file(&fs, "/a", 4096, 1);
        file.write_all_at(&[2; 4096], 2048).unwrap();
        fs.open(path("/b"), OpenMode::CreateNew).unwrap().write_all_at(&[3; 1024], 0).unwrap();
        file.set_len(1024).unwrap();
        let fs = fs.crash();
        let listed: u64 = fs.files().iter().map(|(_, len)| len.next_multiple_of(512)).sum();
        assert!(fs.used() <= listed && fs.used() >= 1024, "seed {seed}: {} of {listed}", fs.used());
        for (name, _) in fs.files() {
            fs.remove_file(&name).unwrap();
        }
        assert_eq!(fs.used(), 0, "seed {seed}");
    }
}

#[test]
fn counted_faults_hit_once() {
    let fs = SimFs::new(3);
    let file = durable_file(&fs, "/a", 512, 1);
    fs.set_faults(Faults { nth_sync: Some(2), nth_write: Some(3), ..Faults::default() });
    let writes: Vec<bool> = (0..5).map(|_| file.write_all_at(&[2; 512], 0).is_ok()).collect();
    assert_eq!(writes, [true, true, false, true, true]);
    let syncs: Vec<bool> = (0..4).map(|_| file.sync_data().is_ok()).collect();
    assert_eq!(syncs, [true, false, true, true]);
}

#[test]
fn probable_faults_hit_about_as_often_as_asked() {
    let fs = SimFs::new(4);
    let file = durable_file(&fs, "/a", 512, 1);
    fs.set_faults(Faults {
        sync_fails: 0.5,
        dir_sync_fails: 0.5,
        write_fails: 0.5,
        read_fails: 0.5,
        read_waits: 0.5,
        meta_fails: 0.5,
        ..Faults::default()
    });
    let often = |deed: &dyn Fn() -> bool| (60..140).contains(&(0..200).filter(|_| deed()).count());
    let mut buf = [0; 512];
    assert!(often(&|| file.sync_data().is_ok()));
    assert!(often(&|| fs.sync_dir(path("/")).is_ok()));
    assert!(often(&|| file.write_all_at(&[1; 512], 0).is_ok()));
    assert!(often(&|| file.set_len(512).is_ok()));
    assert!(often(&|| fs.rename(path("/a"), path("/a")).is_ok()));
    let reads = (0..200).filter(|_| file.read_exact_at(&mut buf, 0).is_ok()).count();
    assert!((60..140).contains(&reads), "{reads}");
    let waits = (0..200).filter(|_| matches!(file.try_read_exact_at(&mut buf, 0), Ok(false))).count();
    assert!((60..140).contains(&waits), "{waits}");
    fs.set_faults(Faults::default());
    file.read_exact_at(&mut buf, 0).unwrap();
    assert!(file.try_read_exact_at(&mut buf, 0).unwrap());
}

#[test]
fn a_failed_write_happened_in_part() {
    let fs = SimFs::new(5);
    let file = durable_file(&fs, "/a", 4096, 0);
    fs.set_faults(Faults { write_fails: 1.0, ..Faults::default() });
    let mut written = Vec::new();
    for fill in 1..20 {
        assert_eq!(file.write_all_at(&[fill; 4096], 0).unwrap_err().raw_os_error(), Some(5));
        let bytes = fs.bytes(path("/a")).unwrap();
        written.push(bytes.iter().filter(|&&byte| byte == fill).count());
    }
    assert!(written.iter().any(|&n| n > 0 && n < 4096), "{written:?}");
}

#[test]
fn a_planned_power_cut_stops_everything_in_the_middle() {
    let fs = SimFs::new(6);
    let file = durable_file(&fs, "/a", 1024, 1);
    fs.set_faults(Faults { cut_at: Some(2), ..Faults::default() });
    file.write_all_at(&[2; 512], 0).unwrap();
    assert!(!fs.is_cut());
    assert!(file.sync_data().is_err());
    assert!(fs.is_cut());
    let mut buf = [0; 1];
    assert!(file.read_exact_at(&mut buf, 0).is_err() && file.write_all_at(&buf, 0).is_err());
    assert!(fs.open(path("/a"), OpenMode::Read).is_err() && fs.read_dir(path("/")).is_err());
    let seen: std::collections::BTreeSet<u8> =
        (0..50).map(|seed| fs.fork(seed).crash().bytes(path("/a")).unwrap()[0]).collect();
    assert!(seen.is_subset(&[1, 2].into()));
    let next = fs.crash();
    assert!(!next.is_cut());
    next.open(path("/a"), OpenMode::Write).unwrap().sync_data().unwrap();
}

#[test]
fn handles_of_an_old_life_are_dead() {
    let fs = SimFs::new(7);
    let file = durable_file(&fs, "/a", 512, 1);
    let _lock = fs.lock(path("/LOCK")).unwrap();
    let next = fs.kill();
    let mut buf = [0; 1];
    assert!(file.read_exact_at(&mut buf, 0).is_err());
    assert!(file.write_all_at(&[9], 0).is_err() && file.sync_data().is_err() && file.len().is_err());
    assert!(fs.open(path("/a"), OpenMode::Read).is_err() && !fs.exists(path("/a")));
    let lock = next.lock(path("/LOCK")).unwrap();
    // Values of the old life go away without touching what the new one holds.
    drop((file, _lock));
    assert_eq!(next.lock(path("/LOCK")).err().unwrap().kind(), io::ErrorKind::WouldBlock);
    drop(lock);
    next.lock(path("/LOCK")).unwrap();
    assert_eq!(next.bytes(path("/a")).unwrap(), [1; 512]);
}

#[test]
fn flipped_bits_are_on_the_medium() {
    let fs = SimFs::new(8);
    let file = durable_file(&fs, "/a", 1024, 0);
    fs.flip_bit(path("/a"), 700, 3).unwrap();
    let mut buf = [0];
    file.read_exact_at(&mut buf, 700).unwrap();
    assert_eq!(buf, [8]);
    // Under newer bytes in memory the flip stays hidden, and goes when they are written.
    file.write_all_at(&[1; 512], 0).unwrap();
    fs.flip_bit(path("/a"), 0, 0).unwrap();
    file.read_exact_at(&mut buf, 0).unwrap();
    assert_eq!(buf, [1]);
    file.sync_data().unwrap();
    let bytes = fs.crash().bytes(path("/a")).unwrap();
    assert_eq!((bytes[0], bytes[700]), (1, 8));
    let fs = SimFs::new(8);
    let file = durable_file(&fs, "/a", 100, 0);
    file.write_all_at(&[1; 100], 600).unwrap();
    assert_eq!(fs.flip_bit(path("/a"), 650, 0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(fs.flip_bit(path("/b"), 0, 0).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn random_flips_say_where() {
    let fs = SimFs::new(9);
    assert_eq!(fs.flip_random(|_| true), None);
    durable_file(&fs, "/a", 1024, 0);
    durable_file(&fs, "/b", 3072, 0);
    let mut hits = [0, 0];
    for _ in 0..200 {
        let before = [fs.bytes(path("/a")).unwrap(), fs.bytes(path("/b")).unwrap()];
        let (name, pos) = fs.flip_random(|_| true).unwrap();
        let file = usize::from(name == path("/b"));
        hits[file] += 1;
        let after = fs.bytes(&name).unwrap();
        let changed: Vec<usize> = (0..after.len()).filter(|&i| after[i] != before[file][i]).collect();
        assert_eq!(changed, [pos as usize]);
        assert_eq!((after[pos as usize] ^ before[file][pos as usize]).count_ones(), 1);
    }
    assert!((25..80).contains(&hits[0]), "every byte is equally likely: {hits:?}");
    assert_eq!(fs.flip_random(|path| path.ends_with("a")).unwrap().0, path("/a"));
}

#[test]
fn misuse_is_refused() {
    let fs = SimFs::new(10);
    let file = durable_file(&fs, "/a", 4096, 0);
    assert_eq!(file.write_direct_at(&[0; 100], 0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(file.write_direct_at(&[0; 4096], 100).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(file.write_all_at(&[0], u64::MAX).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(file.set_len(u64::MAX).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    let mut buf = [0; 2];
    assert_eq!(file.read_exact_at(&mut buf, 4095).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(file.read_exact_at(&mut buf, u64::MAX).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert!(fs.open(path("/a"), OpenMode::Read).unwrap().write_all_at(&[1], 0).is_err());
}

#[test]
fn deeds_are_counted() {
    let fs = SimFs::new(11);
    let file = durable_file(&fs, "/a", 100, 0);
    file.read_exact_at(&mut [0; 10], 0).unwrap();
    file.set_len(50).unwrap();
    let expected =
        Counts { reads: 1, writes: 1, direct_writes: 0, bytes_written: 100, syncs: 1, dir_syncs: 1, changes: 5 };
    assert_eq!(fs.counts(), expected);
}
