//! Which bytes survive.

use std::collections::BTreeSet;

use super::{durable_file, futures, path};
use crate::{Faults, Fs, OpenMode, SimFs, sim_fs::image::BLOCK};

/// First byte of each block.
fn shape(bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.chunks(BLOCK).all(|block| block.iter().all(|&byte| byte == block[0])), "a block is torn");
    bytes.chunks(BLOCK).map(|block| block[0]).collect()
}

#[test]
fn synced_data_survives_every_crash() {
    let fs = SimFs::new(1);
    let file = durable_file(&fs, "/f", 4096, 1);
    file.write_all_at(&[2; 1000], 700).unwrap();
    file.sync_data().unwrap();
    let expected = fs.bytes(path("/f"));
    for bytes in futures(&fs, "/f", 50) {
        assert_eq!(bytes, expected);
    }
}

#[test]
fn every_combination_of_unsynced_blocks_can_survive() {
    let fs = SimFs::new(1);
    durable_file(&fs, "/f", 4 * BLOCK, 1).write_all_at(&[2; 4 * BLOCK], 0).unwrap();
    let seen: BTreeSet<Vec<u8>> = futures(&fs, "/f", 500).into_iter().map(|bytes| shape(&bytes.unwrap())).collect();
    assert_eq!(seen.len(), 16, "header lost and body kept, and all others: {seen:?}");
}

#[test]
fn a_small_write_tears_only_at_block_boundaries() {
    let fs = SimFs::new(2);
    durable_file(&fs, "/f", 2 * BLOCK, 1).write_all_at(&[2; 100], BLOCK as u64 - 50).unwrap();
    let mut seen = BTreeSet::new();
    for bytes in futures(&fs, "/f", 100) {
        let bytes = bytes.unwrap();
        let (a, b) = (&bytes[BLOCK - 50..BLOCK], &bytes[BLOCK..BLOCK + 50]);
        assert!(a.iter().all(|byte| *byte == a[0]) && b.iter().all(|byte| *byte == b[0]));
        seen.insert((a[0], b[0]));
    }
    assert_eq!(seen.len(), 4);
}

#[test]
fn the_length_is_lost_apart_from_the_data() {
    let fs = SimFs::new(3);
    durable_file(&fs, "/f", BLOCK, 1).write_all_at(&[2; 2 * BLOCK], BLOCK as u64).unwrap();
    let seen: BTreeSet<Vec<u8>> = futures(&fs, "/f", 300).into_iter().map(|bytes| shape(&bytes.unwrap())).collect();
    for expected in [&[1][..], &[1, 2], &[1, 0], &[1, 2, 2], &[1, 0, 2], &[1, 2, 0], &[1, 0, 0]] {
        assert!(seen.contains(expected), "{expected:?} never happened");
    }
    assert_eq!(seen.len(), 7, "{seen:?}");
}

#[test]
fn a_cut_is_lost_or_kept_as_a_whole() {
    let fs = SimFs::new(4);
    let file = durable_file(&fs, "/f", 3 * BLOCK, 1);
    file.set_len(BLOCK as u64).unwrap();
    let seen: BTreeSet<_> = futures(&fs, "/f", 100).into_iter().map(|bytes| shape(&bytes.unwrap())).collect();
    assert_eq!(seen, BTreeSet::from([vec![1], vec![1, 1, 1]]));
    // Regrown, the hole reads as zeros, never as the old bytes, unless the cut itself was lost.
    file.set_len(3 * BLOCK as u64).unwrap();
    assert_eq!(shape(&fs.bytes(path("/f")).unwrap()), [1, 0, 0]);
    let seen: BTreeSet<_> = futures(&fs, "/f", 100).into_iter().map(|bytes| shape(&bytes.unwrap())).collect();
    assert!(seen.is_subset(&BTreeSet::from([vec![1, 0, 0], vec![1, 1, 1]])), "{seen:?}");
    file.sync_data().unwrap();
    for bytes in futures(&fs, "/f", 20) {
        assert_eq!(shape(&bytes.unwrap()), [1, 0, 0]);
    }
}

#[test]
fn bytes_beyond_a_synced_end_never_come_back() {
    let fs = SimFs::new(5);
    let file = durable_file(&fs, "/f", 1000, 1);
    file.set_len(600).unwrap();
    file.sync_data().unwrap();
    file.write_all_at(&[3], 999).unwrap();
    for bytes in futures(&fs, "/f", 100) {
        let bytes = bytes.unwrap();
        assert!(bytes[..600].iter().all(|&byte| byte == 1));
        assert!(bytes[600..].iter().all(|&byte| byte == 0 || byte == 3), "old bytes behind the end");
    }
}

#[test]
fn the_kernel_may_write_back_an_older_version() {
    let fs = SimFs::new(6);
    let file = durable_file(&fs, "/f", BLOCK, 1);
    fs.set_faults(Faults { writeback: 1.0, ..Faults::default() });
    let mut seen = BTreeSet::new();
    for round in 0..40 {
        file.write_all_at(&[2; BLOCK], 0).unwrap();
        file.write_all_at(&[3; BLOCK], 0).unwrap();
        seen.insert(shape(&fs.fork(round).crash().bytes(path("/f")).unwrap()));
        file.write_all_at(&[1; BLOCK], 0).unwrap();
        file.sync_data().unwrap();
    }
    assert_eq!(seen, BTreeSet::from([vec![1], vec![2], vec![3]]));
}

#[test]
fn a_failed_sync_loses_pages_that_reads_still_see_and_a_retry_succeeds() {
    let fs = SimFs::new(7);
    let file = durable_file(&fs, "/f", 8 * BLOCK, 1);
    fs.set_faults(Faults { nth_sync: Some(1), ..Faults::default() });
    file.write_all_at(&[2; 8 * BLOCK], 0).unwrap();
    assert_eq!(file.sync_data().unwrap_err().raw_os_error(), Some(5));
    file.sync_data().unwrap();
    assert_eq!(shape(&fs.bytes(path("/f")).unwrap()), [2; 8]);
    let after: BTreeSet<_> = futures(&fs, "/f", 50).into_iter().map(|bytes| shape(&bytes.unwrap())).collect();
    assert_eq!(after.len(), 1, "what the failed sync did is decided, not luck of the crash");
    let after = after.into_iter().next().unwrap();
    assert!(after.contains(&1), "pages were given up: {after:?}");
    // Written again, pages are dirty again.
    file.write_all_at(&[2; 8 * BLOCK], 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(shape(&futures(&fs, "/f", 1)[0].clone().unwrap()), [2; 8]);
}

#[test]
fn a_killed_process_leaves_its_writes_to_the_next_power_cut() {
    let fs = SimFs::new(8);
    durable_file(&fs, "/f", 4 * BLOCK, 1).write_all_at(&[2; 4 * BLOCK], 0).unwrap();
    fs.open(path("/g"), OpenMode::CreateNew).unwrap();
    let next = fs.kill();
    assert_eq!(shape(&next.bytes(path("/f")).unwrap()), [2; 4]);
    assert!(next.exists(path("/g")));
    let seen: BTreeSet<_> = futures(&next, "/f", 100).into_iter().map(|bytes| shape(&bytes.unwrap())).collect();
    assert!(seen.len() > 8, "{seen:?}");
    assert!(futures(&next, "/g", 20).contains(&None));
    // The next process can make them durable.
    next.open(path("/f"), OpenMode::Write).unwrap().sync_data().unwrap();
    assert_eq!(shape(&futures(&next, "/f", 1)[0].clone().unwrap()), [2; 4]);
}

#[test]
fn a_failed_sync_is_remembered_across_a_kill() {
    let fs = SimFs::new(9);
    let file = durable_file(&fs, "/f", 8 * BLOCK, 1);
    fs.set_faults(Faults { nth_sync: Some(1), ..Faults::default() });
    file.write_all_at(&[2; 8 * BLOCK], 0).unwrap();
    file.sync_data().unwrap_err();
    let next = fs.kill();
    assert_eq!(shape(&next.bytes(path("/f")).unwrap()), [2; 8]);
    next.open(path("/f"), OpenMode::Write).unwrap().sync_data().unwrap();
    assert!(shape(&next.crash().bytes(path("/f")).unwrap()).contains(&1));
}

#[test]
fn a_direct_write_is_not_durable_by_itself() {
    let fs = SimFs::new(10);
    durable_file(&fs, "/f", 4096, 1).write_direct_at(&[2; 4096], 0).unwrap();
    assert!(futures(&fs, "/f", 50).iter().any(|bytes| bytes.as_ref().unwrap().contains(&1)));
    assert_eq!(fs.counts().direct_writes, 1);
}
