use proptest::prelude::*;
use trine_types::Timestamp;

use super::*;

const SEGMENTS: SegmentRules = SegmentRules { segment_bytes: 1000, segment_ms: 60_000 };

fn facts(count: u32, bytes: u32, max_ts: i64) -> BatchFacts {
    BatchFacts { count, bytes, max_ts, producer: None }
}

fn by(id: i64, epoch: i16, first_sequence: i32, count: u32) -> BatchFacts {
    BatchFacts { producer: Some(ProducerStamp { id, epoch, first_sequence }), ..facts(count, 100, 1) }
}

fn append(p: &mut Partition, now: i64, f: BatchFacts) -> Result<AppendDecision, AppendRefusal> {
    let decision = p.decide_append(Timestamp(now), &f, &SEGMENTS)?;
    if let AppendDecision::Append(record) = &decision {
        p.apply(record, Timestamp(now));
    }
    Ok(decision)
}

fn bases(p: &Partition) -> Vec<u64> {
    p.segments().iter().map(|segment| segment.base).collect()
}

#[test]
fn offsets_are_consecutive_and_segments_roll_by_size_and_age() {
    let mut p = Partition::default();
    for now in 0..25 {
        append(&mut p, now, facts(2, 100, now)).unwrap();
    }
    assert_eq!(p.end(), 50);
    assert_eq!(bases(&p), [0, 20, 40]);
    append(&mut p, 70_000, facts(1, 1, 70_000)).unwrap();
    assert_eq!(bases(&p), [0, 20, 40, 50]);
    assert_eq!(p.bytes(), 2501);
}

#[test]
fn a_batch_larger_than_a_segment_gets_one_of_its_own() {
    let mut p = Partition::default();
    append(&mut p, 0, facts(1, 5000, 0)).unwrap();
    append(&mut p, 0, facts(1, 10, 0)).unwrap();
    assert_eq!(bases(&p), [0, 1]);
}

#[test]
fn retention_by_age_takes_whole_segments_and_also_the_active_one() {
    let mut p = Partition::default();
    for now in [0, 10, 20] {
        append(&mut p, now, facts(1, 600, now)).unwrap();
    }
    let rules = RetentionRules { retention_ms: Some(100), retention_bytes: None };
    assert_eq!(p.decide_retention(Timestamp(100), &rules), None);
    assert_eq!(p.next_expiry(&rules), Some(Timestamp(101)));
    assert_eq!(p.decide_retention(Timestamp(111), &rules), Some(PartitionRecord::Trim { to: 2 }));
    let all = p.decide_retention(Timestamp(121), &rules).unwrap();
    assert_eq!(all, PartitionRecord::Trim { to: 3 });
    p.apply(&all, Timestamp(121));
    assert_eq!((p.log_start(), p.end(), p.segments().len(), p.bytes()), (3, 3, 0, 0));
    append(&mut p, 130, facts(1, 600, 130)).unwrap();
    assert_eq!(bases(&p), [3]);
}

#[test]
fn retention_by_size_never_takes_the_active_segment() {
    let mut p = Partition::default();
    for now in 0..4 {
        append(&mut p, now, facts(1, 600, now)).unwrap();
    }
    let rules = |max| RetentionRules { retention_ms: None, retention_bytes: Some(max) };
    assert_eq!(p.decide_retention(Timestamp(9), &rules(2400)), None);
    assert_eq!(p.decide_retention(Timestamp(9), &rules(1801)), None);
    assert_eq!(p.decide_retention(Timestamp(9), &rules(1800)), Some(PartitionRecord::Trim { to: 1 }));
    assert_eq!(p.decide_retention(Timestamp(9), &rules(0)), Some(PartitionRecord::Trim { to: 3 }));
}

#[test]
fn records_without_timestamps_age_from_their_append() {
    let mut p = Partition::default();
    append(&mut p, 1000, facts(1, 600, -1)).unwrap();
    let rules = RetentionRules { retention_ms: Some(100), retention_bytes: None };
    assert_eq!(p.decide_retention(Timestamp(1100), &rules), None);
    assert!(p.decide_retention(Timestamp(1101), &rules).is_some());
}

#[test]
fn a_trim_goes_up_to_the_durable_end_only_and_never_back() {
    let mut p = Partition::default();
    for now in 0..10 {
        append(&mut p, now, facts(1, 600, now)).unwrap();
    }
    assert_eq!(p.decide_trim(6, 5), None);
    assert_eq!(p.decide_trim(0, 5), Some(None));
    let record = p.decide_trim(5, 5).unwrap().unwrap();
    p.apply(&record, Timestamp(20));
    assert_eq!((p.log_start(), bases(&p)[0]), (5, 5));
    p.apply(&PartitionRecord::Trim { to: 3 }, Timestamp(21));
    assert_eq!(p.log_start(), 5);
}

#[test]
fn a_repeated_batch_is_a_duplicate_with_its_old_offset() {
    let mut p = Partition::default();
    for i in 0..7 {
        append(&mut p, i, by(9, 0, i as i32 * 10, 10)).unwrap();
    }
    // Five batches are remembered: 20, 30, 40, 50, 60.
    assert_eq!(append(&mut p, 9, by(9, 0, 20, 10)), Ok(AppendDecision::Duplicate { base: 20, max_ts: 1 }));
    assert_eq!(append(&mut p, 9, by(9, 0, 60, 10)), Ok(AppendDecision::Duplicate { base: 60, max_ts: 1 }));
    assert_eq!(append(&mut p, 9, by(9, 0, 10, 10)), Err(AppendRefusal::OutOfOrder { id: 9, got: 10, expected: 70 }));
    // The same start with another length is not the same batch.
    assert_eq!(append(&mut p, 9, by(9, 0, 60, 5)), Err(AppendRefusal::OutOfOrder { id: 9, got: 60, expected: 70 }));
    assert_eq!(append(&mut p, 9, by(9, 0, 80, 10)), Err(AppendRefusal::OutOfOrder { id: 9, got: 80, expected: 70 }));
    assert!(append(&mut p, 9, by(9, 0, 70, 10)).is_ok());
    assert_eq!(p.end(), 80);
}

#[test]
fn epochs_of_producers_fence_and_start_at_zero() {
    let mut p = Partition::default();
    append(&mut p, 0, by(1, 3, 100, 1)).unwrap();
    assert_eq!(append(&mut p, 0, by(1, 2, 0, 1)), Err(AppendRefusal::OldEpoch { id: 1, got: 2, current: 3 }));
    assert_eq!(append(&mut p, 0, by(1, 4, 7, 1)), Err(AppendRefusal::OutOfOrder { id: 1, got: 7, expected: 0 }));
    append(&mut p, 0, by(1, 4, 0, 1)).unwrap();
    assert_eq!(p.producer(1).unwrap().last_sequence(), 0);
}

#[test]
fn sequences_wrap_from_their_largest_to_zero() {
    let mut p = Partition::default();
    append(&mut p, 0, by(1, 0, i32::MAX - 1, 2)).unwrap();
    append(&mut p, 0, by(1, 0, 0, 1)).unwrap();
    let mut p = Partition::default();
    append(&mut p, 0, by(1, 0, i32::MAX, 3)).unwrap();
    assert_eq!(p.producer(1).unwrap().last_sequence(), 1);
    append(&mut p, 0, by(1, 0, 2, 1)).unwrap();
    assert_eq!(append(&mut p, 0, by(1, 0, i32::MAX, 3)), Ok(AppendDecision::Duplicate { base: 0, max_ts: 1 }));
}

#[test]
fn idle_producers_are_forgotten_and_may_go_on_with_any_number() {
    let mut p = Partition::default();
    append(&mut p, 0, by(1, 0, 0, 1)).unwrap();
    append(&mut p, 500, by(2, 0, 0, 1)).unwrap();
    assert_eq!(p.decide_producer_expiry(Timestamp(1000), 1000), None);
    let record = p.decide_producer_expiry(Timestamp(1001), 1000).unwrap();
    assert_eq!(record, PartitionRecord::ProducersExpired { ids: vec![1] });
    p.apply(&record, Timestamp(1001));
    assert!(append(&mut p, 1001, by(1, 0, 77, 1)).is_ok());
}

#[test]
fn trimming_keeps_the_sequence_state() {
    let mut p = Partition::default();
    append(&mut p, 0, by(1, 0, 0, 1)).unwrap();
    p.apply(&PartitionRecord::Trim { to: 1 }, Timestamp(1));
    assert_eq!(append(&mut p, 2, by(1, 0, 0, 1)), Ok(AppendDecision::Duplicate { base: 0, max_ts: 1 }));
}

#[test]
fn leader_epochs_say_where_each_one_ends() {
    let mut p = Partition::default();
    assert_eq!(p.epochs().end_of(0, p.end()), Some(EpochEnd { epoch: 0, end: 0 }));
    append(&mut p, 0, facts(10, 1, 0)).unwrap();
    let raise = p.decide_leader_epoch();
    p.apply(&raise, Timestamp(0));
    append(&mut p, 0, facts(10, 1, 0)).unwrap();
    for _ in 0..2 {
        let raise = p.decide_leader_epoch();
        p.apply(&raise, Timestamp(0));
    }
    append(&mut p, 0, facts(5, 1, 0)).unwrap();
    let end = |epoch| p.epochs().end_of(epoch, p.end());
    assert_eq!(end(0), Some(EpochEnd { epoch: 0, end: 10 }));
    assert_eq!(end(1), Some(EpochEnd { epoch: 1, end: 20 }));
    // Nothing was written in epoch 2.
    assert_eq!(end(2), Some(EpochEnd { epoch: 1, end: 20 }));
    assert_eq!(end(3), Some(EpochEnd { epoch: 3, end: 25 }));
    assert_eq!(end(4), None);
    assert_eq!([0, 9, 10, 19, 20, 24].map(|offset| p.epochs().at(offset)), [0, 0, 1, 1, 3, 3]);
    p.apply(&PartitionRecord::Trim { to: 15 }, Timestamp(0));
    assert_eq!(p.epochs().end_of(0, 25), None);
    assert_eq!(p.epochs().end_of(1, 25), Some(EpochEnd { epoch: 1, end: 20 }));
}

#[test]
fn compaction_replaces_the_closed_segments() {
    let mut p = Partition::default();
    for now in 0..5 {
        append(&mut p, now, facts(1, 600, now)).unwrap();
    }
    assert_eq!(p.closed_end(), 4);
    let kept = LogicalSegment { base: 0, bytes: 700, max_ts: 3, started_at: Timestamp(0) };
    p.apply(&PartitionRecord::Compacted { to: 4, segments: vec![kept] }, Timestamp(9));
    assert_eq!((bases(&p), p.bytes(), p.cleaned_to(), p.end()), (vec![0, 4], 1300, 4, 5));
}

#[test]
fn damaged_records_are_errors() {
    assert!(PartitionRecord::decode(crate::ops::STREAM_APPEND, &[], None).is_err());
    assert!(PartitionRecord::decode(crate::ops::STREAM_APPEND, &[], Some((0, &[0; 60]))).is_err());
    assert!(PartitionRecord::decode(crate::ops::TRIM, &[0x80], None).is_err());
    assert!(PartitionRecord::decode(crate::ops::PRODUCERS_EXPIRED, &[0xff, 0xff, 3], None).is_err());
    assert!(PartitionRecord::decode(999, &[], None).is_err());
    assert!(Partition::decode_section(&[1, 5, 4]).is_err());
    assert!(Partition::decode_section(&[]).is_err());
}

#[derive(Clone, Debug)]
enum Step {
    Append { producer: Option<(i64, i16)>, count: u32, bytes: u32, age: i64 },
    Trim(u64),
    Epoch,
    Retention,
    Expire,
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (proptest::option::of((0..3_i64, 0..2_i16)), 1..5_u32, 61..700_u32, 0..50_i64)
            .prop_map(|(producer, count, bytes, age)| Step::Append { producer, count, bytes, age }),
        1 => (0..60_u64).prop_map(Step::Trim),
        1 => Just(Step::Epoch),
        1 => Just(Step::Retention),
        1 => Just(Step::Expire),
        1 => Just(Step::Compact),
    ]
}

fn decide(p: &Partition, now: i64, step: &Step) -> Option<PartitionRecord> {
    let at = Timestamp(now);
    match step {
        Step::Append { producer, count, bytes, age } => {
            let stamp = producer.map(|(id, epoch)| {
                let next =
                    p.producer(id).filter(|known| known.epoch == epoch).map_or(0, |known| known.last_sequence() + 1);
                ProducerStamp { id, epoch, first_sequence: next }
            });
            let f = BatchFacts { producer: stamp, ..facts(*count, *bytes, now - age) };
            match p.decide_append(at, &f, &SEGMENTS) {
                Ok(AppendDecision::Append(record)) => Some(record),
                _ => None,
            }
        }
        Step::Trim(to) => p.decide_trim(*to, p.end()).flatten(),
        Step::Epoch => Some(p.decide_leader_epoch()),
        Step::Retention => {
            p.decide_retention(at, &RetentionRules { retention_ms: Some(40), retention_bytes: Some(3000) })
        }
        Step::Expire => p.decide_producer_expiry(at, 30),
        Step::Compact => {
            let to = p.closed_end();
            let segments = p.segments().iter().filter(|segment| segment.base < to).copied();
            let segments = segments.map(|segment| LogicalSegment { bytes: segment.bytes / 2, ..segment }).collect();
            (to > p.cleaned_to()).then_some(PartitionRecord::Compacted { to, segments })
        }
    }
}

/// A batch whose header says what the facts say.
fn batch_of(f: &BatchFacts) -> Vec<u8> {
    let mut batch = vec![0; f.bytes as usize];
    batch[23..27].copy_from_slice(&(f.count as i32 - 1).to_be_bytes());
    batch[35..43].copy_from_slice(&f.max_ts.to_be_bytes());
    batch[43..51].copy_from_slice(&f.producer.map_or(-1, |stamp| stamp.id).to_be_bytes());
    batch[51..53].copy_from_slice(&f.producer.map_or(-1, |stamp| stamp.epoch).to_be_bytes());
    batch[53..57].copy_from_slice(&f.producer.map_or(-1, |stamp| stamp.first_sequence).to_be_bytes());
    batch
}

proptest! {
    #[test]
    fn a_checkpoint_and_its_tail_are_as_good_as_the_whole_log(steps in proptest::collection::vec(step(), 1..80), cut in 0..80_usize) {
        let mut live = Partition::default();
        let mut log = Vec::new();
        let mut checkpoint = None;
        for (now, step) in steps.iter().enumerate() {
            if now == cut {
                checkpoint = Some((log.len(), live.encode_section()));
            }
            if let Some(record) = decide(&live, now as i64, step) {
                let before = live.clone();
                prop_assert_eq!(&before, &live);
                live.apply(&record, Timestamp(now as i64));
                log.push((record, Timestamp(now as i64)));
            }
            prop_assert!(live.log_start() <= live.end());
            prop_assert!(live.segments().windows(2).all(|pair| pair[0].base < pair[1].base));
        }
        let replay = |mut p: Partition, from: usize| {
            for (record, at) in &log[from..] {
                let (kind, meta) = record.encode();
                let batch = match record { PartitionRecord::Append { base, facts, .. } => Some((*base, batch_of(facts))), _ => None };
                let run = batch.as_ref().map(|(base, batch)| (*base, batch.as_slice()));
                p.apply(&PartitionRecord::decode(kind, &meta, run).unwrap(), *at);
            }
            p
        };
        prop_assert_eq!(&replay(Partition::default(), 0), &live);
        if let Some((from, section)) = checkpoint {
            prop_assert_eq!(&replay(Partition::decode_section(&section).unwrap(), from), &live);
        }
    }

    #[test]
    fn damaged_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..20_u16) {
        let _ = PartitionRecord::decode(kind, &bytes, None);
        let _ = PartitionRecord::decode(kind, &bytes, Some((0, &bytes)));
        let _ = Partition::decode_section(&bytes);
    }
}
