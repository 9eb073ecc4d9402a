use std::{path::Path, sync::Arc};

use proptest::{collection::vec, prelude::*};
use trine_env::{Fs, OpenMode, SimFs};

use super::*;
use crate::{Run, batch::test_batch, local::files::DataFile};

fn entity(number: u64) -> EntityId {
    EntityId::new(0, number).unwrap()
}

fn files() -> Files {
    let fs: Arc<dyn Fs> = Arc::new(SimFs::new(1));
    let files = Files::new(Arc::clone(&fs), 4);
    for no in 1..4 {
        let file = fs.open(&Path::new("/").join(no.to_string()), OpenMode::CreateNew).unwrap();
        files.insert(DataFile::wal(FileKey::wal(no).unwrap(), Path::new("d"), 0, file));
    }
    files.insert(DataFile::segment(FileKey::segment(1).unwrap(), Path::new("d"), 0, 0, false));
    files
}

fn live(files: &Files, key: FileKey) -> i64 {
    files.get(key).unwrap().live.load(std::sync::atomic::Ordering::Relaxed)
}

fn run(base: Offset, count: u32) -> Run {
    Run { base, count, max_ts: base as i64 * 10, leader_epoch: 0, batch: test_batch(count, 0, b"") }
}

fn offsets(planned: &[Planned]) -> Vec<Offset> {
    planned
        .iter()
        .map(|p| match p {
            Planned::Pending(e, ..) | Planned::Stored(e) => e.base,
        })
        .collect()
}

#[test]
fn the_search_from_the_end_finds_every_entry_and_no_other() {
    for len in 0..70_u64 {
        let entry = |at| Entry { base: at * 3, max_ts: 0, count: 1, file: FileKey::PENDING, pos: 0, len: 0 };
        let runs: VecDeque<Entry> = (0..len).map(entry).collect();
        for base in 0..len * 3 + 4 {
            let there = base.is_multiple_of(3) && base / 3 < len;
            assert_eq!(find(&runs, base), there.then_some((base / 3) as usize), "{base} of {len}");
        }
    }
}

#[test]
fn pending_batches_are_found_and_move_to_their_file_in_order() {
    let (files, wal) = (files(), FileKey::wal(1).unwrap());
    let mut index = Index::default();
    index.push_pending(entity(1), &run(0, 2));
    index.push_pending(entity(2), &run(0, 1));
    index.push_pending(entity(1), &run(2, 3));
    assert!(matches!(index.plan(entity(1), 1, 5, 1000)[0], Planned::Pending(e, ..) if e.base == 0));
    let placed = [Placed { pos: 100, len: 61 }, Placed { pos: 200, len: 61 }];
    let mut cached = Vec::new();
    files.add_live(wal, index.place(wal, &placed, |e, base, _| cached.push((e, base))) as i64);
    assert_eq!(cached, [(entity(1), 0), (entity(2), 0)]);
    let plan = index.plan(entity(1), 0, 5, 1000);
    assert!(matches!(plan[0], Planned::Stored(e) if e.file == wal && e.pos == 100));
    assert!(matches!(plan[1], Planned::Pending(e, ..) if e.base == 2));
    assert_eq!(live(&files, wal), 122);
    index.trim(entity(1), 5, &files);
    assert_eq!(live(&files, wal), 61);
    // Trimmed while pending: placing it does nothing.
    assert_eq!(index.place(wal, &[Placed { pos: 300, len: 61 }], |_, _, _| panic!("gone")), 0);
    assert_eq!(index.entities(), [entity(2)]);
}

#[test]
fn plans_stop_at_the_limit_and_the_end_and_skip_gaps() {
    let mut index = Index::default();
    for base in [0, 10, 30] {
        index.push_pending(entity(1), &run(base, 10));
    }
    assert_eq!(offsets(&index.plan(entity(1), 9, 100, 1)), [0]);
    assert_eq!(offsets(&index.plan(entity(1), 0, 100, 130)), [0, 10]);
    assert_eq!(offsets(&index.plan(entity(1), 0, 10, 1000)), [0]);
    assert_eq!(offsets(&index.plan(entity(1), 25, 100, 1000)), [30]);
    assert!(index.plan(entity(1), 40, 100, 1000).is_empty());
    assert!(index.plan(entity(2), 0, 100, 1000).is_empty());
    assert_eq!((index.find_time(entity(1), 101), index.find_time(entity(1), 301)), (Some(30), None));
    assert_eq!(index.bytes_in(entity(1), &(5..31)), 183);
}

#[test]
fn replacing_keeps_what_reaches_over_the_ends() {
    let (files, seg) = (files(), FileKey::segment(1).unwrap());
    let wal = FileKey::wal(2).unwrap();
    let mut index = Index::default();
    let entry = |base, count, file| Entry { base, max_ts: 0, count, file, pos: 0, len: 100 };
    for base in [0, 10, 20] {
        index.push(entity(1), entry(base, 10, wal));
    }
    index.count_live(&files);
    assert!(index.replace(entity(1), &(5..25), &[entry(7, 3, seg)], None, &files));
    let spans: Vec<_> = index.entries_of(entity(1)).map(|e| (e.base, e.end(), e.file)).collect();
    assert_eq!(spans, [(0, 5, wal), (7, 10, seg), (25, 30, wal)]);
    assert_eq!((live(&files, wal), live(&files, seg)), (200, 100));
    assert!(!index.replace(entity(2), &(0..9), &[entry(0, 1, seg)], Some(&[wal]), &files));
    assert!(!index.replace(entity(1), &(0..9), &[entry(0, 1, seg)], Some(&[wal]), &files));
    index.drop_entity(entity(1), &files);
    assert_eq!((live(&files, wal), live(&files, seg), index.bytes(), index.wal_bytes()), (0, 0, 0, 0));
}

#[test]
fn a_copy_takes_only_the_place_of_what_is_still_there() {
    let (files, seg, wal) = (files(), FileKey::segment(1).unwrap(), FileKey::wal(2).unwrap());
    let entry = |base, count, file| Entry { base, max_ts: 0, count, file, pos: 0, len: 100 };
    // Copied were 0..30. Meanwhile 0..4 was trimmed, 12..15 compacted away, and 20..30 begins later.
    let mut index = Index::default();
    for (base, end) in [(4, 10), (10, 12), (15, 20), (25, 30)] {
        index.push(entity(1), entry(base, (end - base) as u32, wal));
    }
    index.count_live(&files);
    assert!(index.replace(entity(1), &(0..30), &[entry(0, 18, seg), entry(18, 12, seg)], Some(&[wal]), &files));
    let spans: Vec<_> = index.entries_of(entity(1)).map(|e| (e.base, e.end(), e.file)).collect();
    assert_eq!(spans, [(4, 12, seg), (15, 18, seg), (18, 20, seg), (25, 30, seg)]);
    assert_eq!((live(&files, wal), live(&files, seg)), (0, 400));
    index.drop_entity(entity(1), &files);
    assert_eq!((live(&files, seg), index.bytes()), (0, 0));
}

proptest! {
    /// Against a map from offset to bytes' origin.
    #[test]
    fn behaves_like_a_map(steps in vec((0..4_u8, 0..60_u64, 1..12_u32), 1..60)) {
        let (files, wal, seg) = (files(), FileKey::wal(1).unwrap(), FileKey::segment(1).unwrap());
        let mut index = Index::default();
        let mut model: std::collections::BTreeMap<Offset, FileKey> = Default::default();
        let mut end = 0;
        for (what, at, count) in steps {
            match what {
                0 | 1 => {
                    end += at % 3;
                    index.push(entity(1), Entry { base: end, max_ts: 0, count, file: wal, pos: 0, len: count });
                    files.add_live(wal, i64::from(count));
                    for offset in end..end + u64::from(count) { model.insert(offset, wal); }
                    end += u64::from(count);
                }
                2 => {
                    let from = at.min(end);
                    let range = from..(from + u64::from(count)).min(end);
                    if range.is_empty() { continue; }
                    let new = Entry { base: range.start, max_ts: 0, count: 1, file: seg, pos: 0, len: 1 };
                    index.replace(entity(1), &range, &[new], None, &files);
                    for offset in range.clone() { model.remove(&offset); }
                    model.insert(range.start, seg);
                }
                _ => {
                    index.trim(entity(1), at, &files);
                    // Whole entries go; the model follows the index's first entry.
                    let first = index.entries_of(entity(1)).next().map_or(u64::MAX, |e| e.base);
                    prop_assert!(first >= at || index.entries_of(entity(1)).next().unwrap().end() > at);
                    model.retain(|offset, _| *offset >= first);
                }
            }
            let flat: Vec<_> = index.entries_of(entity(1)).flat_map(|e| (e.base..e.end()).map(|o| (o, e.file))).collect();
            prop_assert_eq!(flat, model.iter().map(|(o, f)| (*o, *f)).collect::<Vec<_>>());
            prop_assert_eq!(index.bytes() == 0, model.is_empty());
        }
        index.drop_entity(entity(1), &files);
        prop_assert_eq!((live(&files, wal), live(&files, seg), index.wal_bytes()), (0, 0, 0));
    }
}
