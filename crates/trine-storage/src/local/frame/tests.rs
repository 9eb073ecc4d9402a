use proptest::{collection::vec, prelude::*};

use super::*;
use crate::batch::test_batch;

fn op() -> impl Strategy<Value = Op> {
    let run = (any::<u32>(), 1..5_u32, any::<i64>(), any::<i32>(), vec(any::<u8>(), 0..200)).prop_map(
        |(base, count, max_ts, leader_epoch, payload)| Run {
            base: u64::from(base),
            count,
            max_ts,
            leader_epoch,
            batch: batch::patched(&test_batch(count, max_ts, &payload), u64::from(base), leader_epoch),
        },
    );
    let entity = (0..1024_u16, 0..=EntityId::NUMBER_MAX).prop_map(|(slot, n)| EntityId::new(slot, n).unwrap());
    (any::<u16>(), entity, vec(any::<u8>(), 0..100), proptest::option::of(run))
        .prop_map(|(kind, entity, meta, run)| Op { kind: OpKind(kind), entity, meta: meta.into(), run })
}

const AT: WalPos = WalPos { file: 3, pos: 8192 };
const SYNCED: WalPos = WalPos { file: 3, pos: 4096 };

fn build(batches: &[Vec<Op>]) -> Bytes {
    let mut builder = FrameBuilder::default();
    builder.clear();
    for (at, ops) in batches.iter().enumerate() {
        builder.push(ShardId(at as u16), Lsn(at as u64 + 1), Timestamp(-5), at % 2 == 1, ops, |_, _, _| {});
    }
    Bytes::copy_from_slice(builder.finish(77, AT, SYNCED))
}

proptest! {
    #[test]
    fn round_trip(batches in vec(vec(op(), 0..4), 0..4)) {
        let frame = build(&batches);
        prop_assert_eq!(frame.len() % PAGE, 0);
        let header = FrameHeader::peek(&frame).unwrap();
        prop_assert_eq!((header.kind, header.salt, header.at, header.synced), (FrameKind::Data, 77, AT, SYNCED));
        prop_assert!(header.verify(&frame));
        let sizes: usize = batches.iter().map(|ops| batch_size(ops)).sum();
        prop_assert_eq!(header.len, FRAME_HEADER + sizes);
        let decoded = decode_batches(&frame, &header).unwrap();
        prop_assert_eq!(decoded.len(), batches.len());
        for (at, (decoded, ops)) in decoded.iter().zip(&batches).enumerate() {
            prop_assert_eq!((decoded.lsn, decoded.at, decoded.interval), (Lsn(at as u64 + 1), Timestamp(-5), at % 2 == 1));
            prop_assert_eq!(&decoded.ops, ops);
            let runs = ops.iter().filter_map(|op| op.run.as_ref());
            for (place, run) in decoded.places.iter().zip(runs) {
                let place = *place as usize;
                prop_assert_eq!(&frame[place..place + run.batch.len()], &run.batch[..]);
            }
        }
    }

    #[test]
    fn a_flipped_bit_or_a_cut_fails_the_checksum(batches in vec(vec(op(), 1..3), 1..3), at: usize, bit in 0..8_u32) {
        let frame = build(&batches);
        let header = FrameHeader::peek(&frame).unwrap();
        let mut bad = frame.to_vec();
        bad[at % header.len] ^= 1 << bit;
        prop_assert!(!FrameHeader::peek(&bad).is_some_and(|h| h.verify(&bad)));
        prop_assert!(!header.verify(&frame[..at % header.len]));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300), batches: u32) {
        let frame = Bytes::from(bytes);
        let header = FrameHeader { kind: FrameKind::Data, len: frame.len(), salt: 0, at: AT, synced: AT, batches };
        let _ = decode_batches(&frame, &header);
        let _ = FrameHeader::peek(&frame);
    }
}

#[test]
fn runs_are_patched_in_the_frame_only() {
    let original = test_batch(2, 1, b"body");
    let run = Run { base: 9, count: 2, max_ts: 1, leader_epoch: 4, batch: original.clone() };
    let op = Op { kind: OpKind(1), entity: EntityId::CATALOG, meta: Bytes::new(), run: Some(run) };
    let frame = build(&[vec![op]]);
    let decoded = decode_batches(&frame, &FrameHeader::peek(&frame).unwrap()).unwrap();
    let stored = &decoded[0].ops[0].run.as_ref().unwrap().batch;
    assert_eq!(*stored, batch::patched(&original, 9, 4));
    assert_eq!(batch::base(&original), Some(0));
}

#[test]
fn an_end_frame_names_the_next_file() {
    let mut builder = FrameBuilder::default();
    let frame = builder.end_frame(1, AT, SYNCED, 12);
    let header = FrameHeader::peek(frame).unwrap();
    assert!(header.verify(frame));
    assert_eq!((header.kind, next_file(frame), frame.len()), (FrameKind::End, Some(12), PAGE));
}
