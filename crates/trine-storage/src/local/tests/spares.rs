//! Where log files come from: made once, then used again.

use std::time::Duration;

use super::{
    super::LocalOptions,
    DIR,
    world::{Store, World, entity, produce},
};

/// Files of 256 KiB in a log of at most 1 MiB, two of them ready.
fn world() -> World {
    let (wal_file_min, wal_file_max, wal_budget) = (256 << 10, 256 << 10, 1 << 20);
    World::new(LocalOptions { shards: 1, wal_file_min, wal_file_max, wal_budget, ..LocalOptions::small() })
}

/// Fills the log with `frames` frames of about `size` bytes, of which nothing is alive any more once their owner is asked.
fn fill(store: &mut Store, end: &mut u64, frames: usize, size: usize) {
    for _ in 0..frames {
        *end = produce(store, entity(0, 1), *end, 1, size);
        store.settle();
        store.serve(|_, _| Vec::new());
    }
}

/// Bytes of all files of the log, spares included.
fn log_bytes(world: &World) -> u64 {
    let wal = format!("{DIR}/wal/");
    world.fs.files().iter().filter(|(path, _)| path.to_string_lossy().starts_with(&wal)).map(|(_, len)| len).sum()
}

#[test]
fn a_log_at_its_budget_uses_its_files_again() {
    let mut world = world();
    let mut store = world.open();
    let mut end = 0;
    fill(&mut store, &mut end, 600, 3000);
    let before = world.fs.counts().bytes_written;
    fill(&mut store, &mut end, 600, 3000);
    let written = world.fs.counts().bytes_written - before;
    // Frames of 4 KiB, and what beginning a file and giving one back takes. Zeros would be as much again as the frames.
    assert!((600 * 4096..600 * 4096 * 4 / 3).contains(&written), "{written} bytes for 600 frames");
    let most = world.options.wal_budget + 3 * world.options.wal_file_max;
    assert!(log_bytes(&world) <= most, "{} bytes of log files", log_bytes(&world));
}

/// A log whose files all became free.
fn emptied(world: &mut World) -> Store {
    let mut store = world.open();
    let mut end = 0;
    for _ in 0..320 {
        end = produce(&mut store, entity(0, 1), end, 1, 3000);
        store.settle();
    }
    store.stores[0].trim(entity(0, 1), end);
    for _ in 0..40 {
        store.serve(|_, _| Vec::new());
    }
    store
}

fn spares(world: &World) -> usize {
    world.fs.files().iter().filter(|(path, _)| path.to_string_lossy().contains("/wal/spare.")).count()
}

#[test]
fn files_that_became_free_are_kept_within_the_budget_also_over_a_restart() {
    let mut world = world();
    let store = emptied(&mut world);
    assert!(spares(&world) >= 2, "{:?}", world.fs.files());
    let kept = log_bytes(&world);
    assert!(kept <= world.options.wal_budget + world.options.wal_file_max, "{kept} bytes of log files");
    store.engine.close().unwrap();
    world.kill();
    drop(world.open());
    assert_eq!(log_bytes(&world), kept);
}

#[test]
fn a_full_disk_gets_back_what_is_kept_beyond_the_files_that_are_wanted() {
    let mut world = world();
    let mut store = emptied(&mut world);
    let before = spares(&world);
    world.fs.set_capacity(Some(world.fs.used() + 4096));
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(2));
        store.settle();
    }
    // One of the two that are wanted has its number already.
    assert_eq!((spares(&world), before > 1), (1, true), "{:?}", world.fs.files());
}

#[test]
fn large_frames_get_files_without_zeros() {
    for (size, zeros) in [(3000, true), (12_000, false)] {
        let mut world = world();
        // The log only grows.
        world.options.wal_budget = 1 << 30;
        let mut store = world.open();
        let mut end = 0;
        let bytes = 6 * world.options.wal_file_max as usize;
        let before = world.fs.counts().direct_writes;
        for _ in 0..bytes / size {
            end = produce(&mut store, entity(0, 1), end, 1, size);
            store.settle();
        }
        let direct = (world.fs.counts().direct_writes - before) * world.options.slice_bytes as u64;
        // The spares that were begun before the first file was left have zeros in any case.
        assert_eq!(direct > bytes as u64 * 3 / 4, zeros, "{direct} bytes of zeros with frames of {size} bytes");
    }
}
