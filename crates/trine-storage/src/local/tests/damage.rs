//! Damage on the medium: reported with its place, by reads and offline.

use std::{path::Path, sync::Arc};

use trine_env::Fs;

use super::{
    DIR, LocalOptions, LocalStore, corrupt,
    world::{World, entity, note, produce},
};
use crate::{ReadError, StoreError};

#[test]
fn g6_a_flip_in_cold_data_is_reported_with_its_place() {
    let mut world = World::new(LocalOptions { shards: 1, wal_budget: 64 << 10, ..LocalOptions::small() });
    let mut store = world.open();
    let e = entity(0, 1);
    let mut end = 0;
    while store.stores[0].stats().segment_bytes == 0 {
        end = produce(&mut store, e, end, 1, 3000);
        store.settle();
        store.serve(|_, range| vec![range]);
    }
    store.settle();
    let segment = world.fs.files().into_iter().find(|(path, _)| path.extension().is_some_and(|x| x == "seg"));
    let (path, _) = segment.expect("a segment");
    world.fs.flip_bit(&path, 4096 + 200, 5).expect("the byte is on the disk");
    match store.stores[0].read(e, 0, end, 1 << 20, true) {
        Err(ReadError::Corrupt(place)) => assert!(path.ends_with(&place.file), "{place}"),
        other => panic!("{other:?}"),
    }
    store.engine.close().expect("it closes");
    let report = LocalStore::verify(&world.fs, Path::new(DIR), &mut |_, _| {}).expect("it can be looked at");
    assert!(report.damage.iter().any(|place| path.ends_with(&place.file)), "{report:?}");
}

#[test]
fn g6_no_damaged_block_header_lets_a_read_pass_over_data() {
    let mut world = World::new(LocalOptions { shards: 1, wal_budget: 64 << 10, ..LocalOptions::small() });
    let mut store = world.open();
    let e = entity(0, 1);
    let mut end = 0;
    while store.stores[0].stats().segment_bytes == 0 {
        end = produce(&mut store, e, end, 1, 1000);
        store.settle();
        store.serve(|_, range| vec![range]);
    }
    store.settle();
    let segment = world.fs.files().into_iter().find(|(path, _)| path.extension().is_some_and(|x| x == "seg"));
    let (path, _) = segment.expect("a segment");
    let block_len = |at: usize| {
        let bytes = world.fs.bytes(&path).expect("it is there");
        u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four")) as usize + 40
    };
    // Every bit of the headers of the first two blocks, but of the checksum and of what nothing reads (the reserved word and the time).
    for block in [4096, 4096 + block_len(4096)] {
        for bit in (0..4 * 8).chain(8 * 8..28 * 8) {
            let (pos, bit) = ((block + bit / 8) as u64, (bit % 8) as u8);
            world.fs.flip_bit(&path, pos, bit).expect("the byte is on the disk");
            for from in [0, 1, 4, 7] {
                let (mut next, mut seen) = (from, 0);
                let damage = loop {
                    match store.stores[0].read(e, next, end, 2500, true) {
                        Ok(batches) => match batches.last() {
                            Some(last) => {
                                assert_eq!(batches[0].base, next, "byte {pos}, bit {bit}, from {from}");
                                (next, seen) = (last.end(), seen + batches.len() as u64);
                            }
                            None => break false,
                        },
                        Err(ReadError::Corrupt(place)) => {
                            assert!(path.ends_with(&place.file), "{place}");
                            break true;
                        }
                        Err(error) => panic!("{error}"),
                    }
                };
                assert!(damage || seen == end - from, "byte {pos}, bit {bit}: {seen} of {} batches", end - from);
            }
            world.fs.flip_bit(&path, pos, bit).expect("the byte is on the disk");
        }
    }
}

#[test]
fn two_invalid_control_blocks_are_both_named() {
    let mut world = World::new(LocalOptions { shards: 1, ..LocalOptions::small() });
    let mut store = world.open();
    store.append(0, vec![note(entity(0, 1), "x")]);
    store.settle();
    store.engine.close().expect("it closes");
    world.kill();
    let verify = |world: &World| LocalStore::verify(&world.fs, Path::new(DIR), &mut |_, _| {}).expect("it is there");
    world.fs.flip_bit(&Path::new(DIR).join("CONTROL.1"), 100, 3).expect("the byte is on the disk");
    // One is enough: the other may have been torn.
    assert_eq!((verify(&world).damage, verify(&world).control_blocks), (Vec::new(), 1));
    world.fs.flip_bit(&Path::new(DIR).join("CONTROL.0"), 100, 3).expect("the byte is on the disk");
    let named: Vec<_> = verify(&world).damage.into_iter().map(|place| place.file).collect();
    assert_eq!(named, ["CONTROL.0", "CONTROL.1"]);
    assert!(corrupt(&mut world).contains("CONTROL.1"));
}

#[test]
fn verify_finds_nothing_wrong_with_a_sound_directory() {
    let mut world = World::new(LocalOptions { shards: 2, wal_budget: 64 << 10, ..LocalOptions::small() });
    let mut store = world.open();
    let (mut a, mut b) = (0, 0);
    for n in 0..60 {
        a = produce(&mut store, entity(0, 1), a, 2, 3000);
        b = produce(&mut store, entity(1, 1), b, 1, 100);
        store.settle();
        store.serve(|_, range| vec![range]);
        if n == 30 {
            let report = LocalStore::verify(&world.fs, Path::new(DIR), &mut |_, _| {});
            assert!(matches!(report, Err(StoreError::Locked(_))));
        }
    }
    store.engine.close().expect("it closes");
    let mut seen = (0, 0);
    let progress = &mut |done, total| seen = (done, total);
    let report = LocalStore::verify(&world.fs, Path::new(DIR), progress);
    let report = report.expect("it can be looked at");
    assert_eq!(report.damage, []);
    assert!(report.clean && report.segments > 0 && report.blocks > 0 && report.checkpoints > 0, "{report:?}");
    assert_eq!((seen.0, report.control_blocks), (seen.1, 2));
    let fs: Arc<dyn Fs> = Arc::new(world.fs.clone());
    assert!(matches!(LocalStore::verify(&*fs, Path::new("/"), &mut |_, _| {}), Err(StoreError::Format(_))));
}
