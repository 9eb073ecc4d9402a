//! The failures that decisions E1–E17 name, one test each, on a simulated disk. Random combinations are the crash simulation's business.

mod damage;
mod overlap;
mod spares;
mod world;

use std::{path::Path, time::Duration};

use bytes::Bytes;
use trine_env::{Faults, Fs, OpenMode};
use trine_types::Lsn;

use self::world::{DIR, Replayed, World, entity, note, offsets, produce, read_all};
use super::{LocalOptions, LocalStore, SHARDS_MAX, frame::FRAME_HEADER};
use crate::{AppendError, Durability, Request, StoreError};

fn wal(no: u64) -> String {
    format!("{DIR}/wal/{no:020}.wal")
}

/// Opens again and expects damage; where.
fn corrupt(world: &mut World) -> String {
    match world.try_open(&mut Replayed::default()) {
        Err(StoreError::Corrupt(place)) => place.to_string(),
        Err(other) => panic!("reported as {other}"),
        Ok(_) => panic!("the damage was not noticed"),
    }
}

#[test]
fn e1_a_dead_message_keeps_its_bytes_until_its_settlement_is_durable() {
    let mut world = World::new(LocalOptions { wal_budget: 64 << 10, shards: 1, ..LocalOptions::small() });
    let mut store = world.open();
    let mut end = 0;
    // Until a log file is to be reclaimed.
    let asked = loop {
        end = produce(&mut store, entity(0, 1), end, 3, 3000);
        store.settle();
        if let Some(Request::Live(asked)) = store.stores[0].request() {
            break asked;
        }
    };
    let (e, range) = asked[0].clone();
    // The settlement is applied, but the batch that carries it is still queued.
    let applied = store.append(0, vec![note(e, "settle")]);
    store.stores[0].live(e, range.clone(), Vec::new(), applied);
    for _ in 0..50 {
        store.engine.maintain();
    }
    assert_eq!(offsets(&read_all(&store, e)).len() as u64, end / 3, "nothing is gone before the settlement is durable");
    store.settle();
    assert!(offsets(&read_all(&store, e))[0] >= range.end, "now it is");
}

#[test]
fn e3_shard_groups_are_fixed_at_creation() {
    let mut world = World::new(LocalOptions { shards: 3, ..LocalOptions::small() });
    drop(world.open());
    world.options.shards = 5;
    assert_eq!(world.crash().open().stores.len(), 3);
    for shards in [0, SHARDS_MAX + 1] {
        let mut world = World::new(LocalOptions { shards, ..LocalOptions::small() });
        assert!(matches!(world.try_open(&mut Replayed::default()), Err(StoreError::Format(_))));
    }
}

#[test]
fn e3_an_idle_group_does_not_keep_the_log() {
    let mut world = World::new(LocalOptions { shards: 2, ..LocalOptions::small() });
    let mut store = world.open();
    store.append(1, vec![note(entity(1, 1), "once")]);
    store.settle();
    let mut end = 0;
    for _ in 0..200 {
        end = produce(&mut store, entity(0, 1), end, 3, 3000);
        store.settle();
        let tail = end.saturating_sub(9)..end;
        store.serve(|e, range| vec![if e == entity(0, 1) { tail.clone() } else { range }]);
        store.stores[0].trim(entity(0, 1), end.saturating_sub(9));
    }
    store.settle();
    let bytes = store.stores[0].stats().wal_bytes;
    assert!(bytes <= 2 * (256 << 10), "{bytes} bytes of log for 30 KiB of live data");
}

#[test]
fn e6_a_checkpoint_is_not_published_before_what_it_contains_is_durable() {
    let mut world = World::new(LocalOptions::small());
    let mut store = world.open();
    let e = entity(0, 1);
    store.append(0, vec![note(e, "durable")]);
    store.settle();
    store.append(0, vec![note(e, "only queued")]);
    store.checkpoint(0, Lsn(2), &[(e, "knows both")]);
    for _ in 0..20 {
        store.engine.maintain();
    }
    let mut replayed = Replayed::default();
    drop(store);
    let store = world.crash().try_open(&mut replayed).expect("it opens");
    assert_eq!((replayed.sections.len(), store.last[0]), (0, Lsn(1)));
}

#[test]
fn e6_a_damaged_checkpoint_falls_back_to_the_one_before() {
    let mut world = World::new(LocalOptions { shards: 1, ..LocalOptions::small() });
    let mut store = world.open();
    let e = entity(0, 1);
    for n in 1..=2 {
        store.append(0, vec![note(e, "x")]);
        store.settle();
        store.checkpoint(0, Lsn(n), &[(e, &format!("checkpoint {n}"))]);
        store.settle();
    }
    drop(store);
    let newest = |world: &World| {
        let files = world.fs.files();
        let with = |text: &str| {
            files
                .iter()
                .map(|(path, _)| path.clone())
                .find(|path| world.fs.bytes(path).is_some_and(|b| b.windows(text.len()).any(|w| w == text.as_bytes())))
        };
        with("checkpoint 2").expect("the newest checkpoint is a file")
    };
    world.crash();
    let path = newest(&world);
    world.fs.flip_bit(&path, 70, 1).expect("the byte is on the disk");
    let mut replayed = Replayed::default();
    let store = world.try_open(&mut replayed).expect("it opens");
    assert_eq!(replayed.sections, [(e, Bytes::from_static(b"checkpoint 1"))]);
    assert_eq!((replayed.lsns, store.last[0]), (vec![Lsn(2)], Lsn(2)));
}

#[test]
fn e7_a_torn_frame_before_a_whole_unsynced_one_is_the_end_and_not_corruption() {
    let mut world = World::new(LocalOptions { shards: 1, ..LocalOptions::small() });
    let mut store = world.open();
    let e = entity(0, 1);
    store.append(0, vec![note(e, "synced")]);
    store.settle();
    for text in ["torn", "whole"] {
        store.append_with(0, vec![note(e, text)], Durability::Interval(1000));
        assert!(store.engine.commit());
    }
    drop(store);
    // The process was killed, then the medium lost one of the two frames.
    world.kill();
    let path = wal(1);
    let at = world.fs.bytes(Path::new(&path)).and_then(|b| b.windows(4).position(|w| w == b"torn")).expect("written");
    world
        .fs
        .open(Path::new(&path), OpenMode::Write)
        .and_then(|f| f.write_all_at(b"TORN", at as u64))
        .expect("writable");
    let mut replayed = Replayed::default();
    let mut store = world.try_open(&mut replayed).expect("it opens");
    assert_eq!((replayed.lsns, store.last[0]), (vec![Lsn(1)], Lsn(1)));
    // What is appended now lies in a new file: the whole old frame never follows it.
    store.append(0, vec![note(e, "new")]);
    store.settle();
    drop(store);
    let mut replayed = Replayed::default();
    world.crash().try_open(&mut replayed).expect("it opens");
    assert_eq!((replayed.lsns.len(), replayed.texts), (2, vec!["synced".to_owned(), "new".to_owned()]));
}

#[test]
fn e7_a_flip_in_a_frame_that_a_later_one_calls_synced_is_corruption() {
    let mut world = World::new(LocalOptions { shards: 1, ..LocalOptions::small() });
    let mut store = world.open();
    for _ in 0..3 {
        store.append(0, vec![note(entity(0, 1), "x")]);
        assert!(store.engine.commit());
    }
    drop(store);
    world.crash();
    let second = 2 * 4096 + FRAME_HEADER as u64;
    world.fs.flip_bit(Path::new(&wal(1)), second, 0).expect("the byte is on the disk");
    let place = corrupt(&mut world);
    assert!(place.starts_with(&format!("wal/{:020}.wal at byte 8192", 1)), "{place}");
}

#[test]
fn e8_a_damaged_next_file_is_corruption_and_not_the_end() {
    let mut world = World::new(LocalOptions { shards: 1, ..LocalOptions::small() });
    let mut store = world.open();
    let mut end = 0;
    while store.stores[0].stats().wal_bytes < 3 * (64 << 10) {
        end = produce(&mut store, entity(0, 1), end, 3, 3000);
        while store.engine.commit() {}
    }
    drop(store);
    world.crash();
    world.fs.flip_bit(Path::new(&wal(3)), 10, 3).expect("the byte is on the disk");
    let place = corrupt(&mut world);
    assert!(place.contains(&format!("{:020}.wal", 3)), "{place}");
}

#[test]
fn e8_after_a_clean_stop_even_the_last_frame_is_covered() {
    let mut world = World::new(LocalOptions { shards: 1, ..LocalOptions::small() });
    let mut store = world.open();
    store.append(0, vec![note(entity(0, 1), "x")]);
    store.settle();
    store.engine.close().expect("it closes");
    world.crash();
    world.fs.flip_bit(Path::new(&wal(1)), 4096 + 100, 0).expect("the byte is on the disk");
    assert!(corrupt(&mut world).contains("closed later"));
}

#[test]
fn e8_frames_that_only_the_page_cache_has_are_made_durable_before_serving() {
    let mut world = World::new(LocalOptions { shards: 1, ..LocalOptions::small() });
    let mut store = world.open();
    store.append(0, vec![note(entity(0, 1), "x")]);
    world.fs.set_faults(Faults { nth_sync: Some(1), ..Faults::default() });
    store.engine.commit();
    assert!(store.stores[0].failure().is_some());
    drop(store);
    // The failed sync gave the pages up; the next process still sees them.
    world.fs.set_faults(Faults::default());
    let store = world.kill().open();
    assert_eq!(store.last[0], Lsn(1));
    drop(store);
    assert_eq!(world.crash().open().last[0], Lsn(1), "once shown, it stays");
}

#[test]
fn e11_many_small_extents_of_one_entity_are_merged() {
    let mut world = World::new(LocalOptions { shards: 1, wal_budget: 64 << 10, ..LocalOptions::small() });
    let mut store = world.open();
    let (small, large) = (entity(0, 1), entity(0, 2));
    let (mut a, mut b) = (0, 0);
    for _ in 0..160 {
        a = produce(&mut store, small, a, 1, 10);
        b = produce(&mut store, large, b, 4, 3000);
        store.settle();
        store.serve(|_, range| vec![range]);
        store.stores[0].trim(large, b.saturating_sub(30));
    }
    for _ in 0..20 {
        store.settle();
        store.serve(|_, range| vec![range]);
    }
    assert_eq!(offsets(&read_all(&store, small)), (0..a).collect::<Vec<_>>());
    let index = store.stores[0].stats().index_bytes;
    assert!(index < 6000, "the index takes {index} bytes for {a} small batches");
}

#[test]
fn e11_what_compaction_removed_while_it_was_being_moved_does_not_come_back() {
    // Whatever stage the move has reached by then.
    for steps in 0..40 {
        let mut world = World::new(LocalOptions { shards: 1, wal_budget: 64 << 10, ..LocalOptions::small() });
        let mut store = world.open();
        let (mine, other) = (entity(0, 1), entity(0, 2));
        let mut end = 0;
        for _ in 0..10 {
            end = produce(&mut store, mine, end, 1, 1000);
        }
        let mut filled = 0;
        let asked = loop {
            match store.stores[0].request() {
                Some(Request::Live(asked)) => break asked,
                Some(Request::Checkpoint) => store.checkpoint(0, store.stores[0].durable(), &[]),
                None => filled = produce(&mut store, other, filled, 1, 8000),
            }
            store.settle();
            assert!(filled < 200, "a log over its budget is reclaimed");
        };
        for (asked, range) in asked {
            store.stores[0].live(asked, range.clone(), vec![range], store.stores[0].durable());
        }
        for _ in 0..steps {
            store.engine.maintain();
        }
        store.stores[0].rewrite(mine, 3..7, Vec::new()).expect("the rewrite works");
        for _ in 0..5 {
            store.settle();
            store.serve(|_, range| vec![range]);
        }
        let expected = [0, 1, 2, 7, 8, 9];
        assert_eq!(offsets(&read_all(&store, mine)), expected, "after {steps} steps of background work");
        drop(store);
        let store = world.crash().open();
        let left = offsets(&read_all(&store, mine));
        assert!(left == expected || left == (0..end).collect::<Vec<_>>(), "after a crash: {left:?}");
    }
}

#[test]
fn e13_what_recovery_needs_never_depends_on_an_unsynced_name() {
    // A crash at every single change of the first two lives.
    for cut in 1..150 {
        let mut world = World::new(LocalOptions { shards: 1, ..LocalOptions::small() });
        if cut % 2 == 0 {
            drop(world.open());
        }
        world.fs.set_faults(Faults { cut_at: Some(cut), ..Faults::default() });
        if let Ok(mut store) = world.try_open(&mut Replayed::default()) {
            let mut end = 0;
            for _ in 0..8 {
                if store.stores[0].failure().is_none() {
                    end = produce(&mut store, entity(0, cut), end, 1, 2000);
                    store.engine.commit();
                    store.engine.maintain();
                }
            }
        }
        world.fs.set_faults(Faults::default());
        let acked = world.acked();
        let store = world.crash().open();
        assert!(store.last[0] >= acked, "cut at {cut}: {acked} was durable, {} was found", store.last[0]);
    }
}

#[test]
fn e15_a_batch_larger_than_a_frame_and_a_file_gets_what_it_needs() {
    let mut world = World::new(LocalOptions { shards: 1, ..LocalOptions::small() });
    let mut store = world.open();
    let mut end = 0;
    for size in [10, 200_000, 10, 1_000_000] {
        end = produce(&mut store, entity(0, 1), end, 1, size);
        store.settle();
    }
    drop(store);
    let store = world.crash().open();
    let lens: Vec<_> = read_all(&store, entity(0, 1)).iter().map(|b| b.bytes.len() - 61).collect();
    assert_eq!(lens, [10, 200_000, 10, 1_000_000]);
}

#[test]
fn e15_commit_goes_on_without_a_spare() {
    let mut world = World::new(LocalOptions { shards: 1, ..LocalOptions::small() });
    let mut store = world.open();
    let mut end = 0;
    for _ in 0..100 {
        end = produce(&mut store, entity(0, 1), end, 1, 3000);
        assert!(store.engine.commit(), "the background never ran, and commit does not wait for it");
    }
    assert_eq!(store.stores[0].durable(), Lsn(100));
    drop(store);
    assert_eq!(world.crash().open().last[0], Lsn(100));
}

#[test]
fn e17_a_full_disk_refuses_produce_lets_the_reserve_through_and_recovers() {
    let mut world = World::new(LocalOptions { shards: 1, ..LocalOptions::small() });
    let mut store = world.open();
    store.settle();
    world.fs.set_capacity(Some(world.fs.used() + (100 << 10)));
    world.clock.advance(Duration::from_secs(2));
    store.settle();
    assert!(store.stores[0].stats().full);
    let refused = store.try_append(0, vec![note(entity(0, 1), "produce")], false);
    assert!(matches!(refused, Err(AppendError::Full { free, needed }) if free < needed), "{refused:?}");
    assert!(matches!(store.stores[0].admit(), Err(AppendError::Full { free, needed }) if free < needed));
    let lsn = store.try_append(0, vec![note(entity(0, 1), "trim")], true).expect("the reserve is for this");
    store.settle();
    assert_eq!(store.stores[0].durable(), lsn);
    world.fs.set_capacity(None);
    world.clock.advance(Duration::from_secs(2));
    store.settle();
    assert!(store.stores[0].admit().is_ok());
    assert!(store.try_append(0, vec![note(entity(0, 1), "produce")], false).is_ok());
}

#[test]
fn e17_a_small_disk_that_is_full_has_space_again_when_data_goes() {
    // A log within this budget could fill the disk several times.
    let options = LocalOptions { shards: 1, wal_file_max: 8 << 20, wal_budget: 64 << 20, ..LocalOptions::small() };
    let mut world = World::new(options);
    world.fs.set_capacity(Some(4 << 20));
    let mut store = world.open();
    let e = entity(0, 1);
    let mut end = 0;
    for life in 0..2 {
        for round in 0.. {
            assert!(round < 2000, "the disk fills");
            world.clock.advance(Duration::from_millis(300));
            store.settle();
            store.serve(|_, range| vec![range]);
            if store.stores[0].admit().is_err() {
                break;
            }
            end = produce(&mut store, e, end, 1, 20_000);
        }
        assert!(end > 60 * (life + 1), "most of the disk holds data, not {end} batches of 20 kB");
        store.stores[0].trim(e, end - 1);
        for _ in 0..20 {
            world.clock.advance(Duration::from_secs(2));
            store.settle();
            store.serve(|_, range| vec![range]);
        }
        assert_eq!(store.stores[0].admit(), Ok(()), "trimmed in life {life}");
        assert_eq!(offsets(&read_all(&store, e)), [end - 1]);
        drop(store);
        store = world.crash().open();
    }
}

#[test]
fn e17_a_frame_that_meets_a_full_disk_waits_and_is_not_lost() {
    let mut world = World::new(LocalOptions { shards: 1, spares: 0, ..LocalOptions::small() });
    let mut store = world.open();
    let mut end = 0;
    world.fs.set_capacity(Some(world.fs.used() + (20 << 10)));
    for _ in 0..40 {
        end = produce(&mut store, entity(0, 1), end, 1, 3000);
        store.engine.commit();
    }
    let before = store.stores[0].durable();
    assert!(before < Lsn(40) && store.stores[0].failure().is_none());
    world.fs.set_capacity(None);
    world.clock.advance(Duration::from_secs(2));
    store.settle();
    assert_eq!(store.stores[0].durable(), Lsn(40));
    drop(store);
    assert_eq!(offsets(&read_all(&world.crash().open(), entity(0, 1))).len(), 40);
}

#[test]
fn e17_any_write_or_sync_error_stops_the_store_for_good() {
    for faults in
        [Faults { nth_sync: Some(1), ..Faults::default() }, Faults { nth_write: Some(1), ..Faults::default() }]
    {
        let mut world = World::new(LocalOptions { shards: 2, ..LocalOptions::small() });
        let mut store = world.open();
        store.append(0, vec![note(entity(0, 1), "x")]);
        world.fs.set_faults(faults);
        store.engine.commit();
        world.fs.set_faults(Faults::default());
        for shard in &store.stores {
            assert!(shard.failure().is_some());
            assert_eq!(shard.durable(), Lsn(0));
        }
        while store.engine.commit() || store.engine.maintain() {}
        assert_eq!(store.stores[0].durable(), Lsn(0), "no retry");
        assert!(matches!(store.try_append(1, vec![note(entity(1, 1), "y")], true), Err(AppendError::Stopped(_))));
        assert!(store.engine.close().is_err());
    }
}
