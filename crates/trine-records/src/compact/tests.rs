use super::*;
use crate::{BatchBuilder, Codec, Header, header::Attributes};

const RULES: CompactRules = CompactRules { keep_empty: false, delete_horizon: None, decompressed_bytes_max: 1 << 20 };

fn batch(codec: Codec) -> Bytes {
    let mut builder = BatchBuilder::new().compression(codec).producer(9, 1, 40).stored_at(100, 3);
    builder.push(10, Some(b"a"), Some(b"1"), &[Header { key: b"h", value: None }]);
    builder.push(30, Some(b"b"), Some(b"2"), &[]);
    builder.push(20, Some(b"a"), None, &[]);
    builder.build().unwrap()
}

type Seen = (u64, i64, Option<Vec<u8>>, Option<Vec<u8>>, usize);

fn read(batch: &Bytes) -> (BatchHeader, Vec<Seen>) {
    let header = BatchHeader::parse(batch).unwrap();
    assert_eq!(header.check_crc(batch), Ok(()));
    assert_eq!(header.total_bytes(), batch.len());
    let payload = records_of(&header, batch, 1 << 20).unwrap();
    let records = Records::new(&payload)
        .map(|r| {
            let r = r.unwrap();
            let bytes = |b: Option<&[u8]>| b.map(<[u8]>::to_vec);
            (header.offset_at(r.offset_delta), r.timestamp(&header), bytes(r.key), bytes(r.value), r.headers().count())
        })
        .collect();
    (header, records)
}

#[test]
fn dropped_records_leave_gaps_and_nothing_else_moves() {
    for codec in Codec::ALL {
        let original = batch(codec);
        let kept = compact_batch(&original, &RULES, |header, record| header.offset_at(record.offset_delta) != 101)
            .unwrap()
            .unwrap();
        let (before, mut records) = read(&original);
        let (after, left) = read(&kept);
        records.remove(1);
        assert_eq!(left, records);
        assert_eq!(after.record_count, 2);
        assert_eq!(after.max_timestamp, 20);
        assert_eq!((after.base_offset, after.last_offset_delta), (before.base_offset, before.last_offset_delta));
        assert_eq!((after.base_sequence, after.producer_id, after.producer_epoch), (40, 9, 1));
        assert_eq!(after.last_sequence(), before.last_sequence());
        assert_eq!((after.leader_epoch, after.attributes), (3, before.attributes));
    }
}

#[test]
fn nothing_dropped_is_the_same_bytes() {
    let original = batch(Codec::Lz4);
    let kept = compact_batch(&original, &RULES, |_, _| true).unwrap().unwrap();
    assert_eq!(kept.as_ptr(), original.as_ptr());
}

#[test]
fn everything_dropped_may_leave_an_empty_batch() {
    for codec in Codec::ALL {
        let original = batch(codec);
        assert_eq!(compact_batch(&original, &RULES, |_, _| false), Ok(None));
        let rules = CompactRules { keep_empty: true, ..RULES };
        let empty = compact_batch(&original, &rules, |_, _| false).unwrap().unwrap();
        let (header, records) = read(&empty);
        assert!(records.is_empty());
        assert_eq!((header.record_count, header.last_offset()), (0, 102));
        assert_eq!((header.producer_id, header.last_sequence()), (9, 42));
        assert_eq!(empty.len(), crate::BATCH_HEADER_BYTES);
        let again = compact_batch(&empty, &rules, |_, _| panic!("it has no records")).unwrap();
        assert_eq!(again, Some(empty));
    }
}

#[test]
fn tombstones_get_their_horizon_once() {
    for codec in Codec::ALL {
        let original = batch(codec);
        let rules = CompactRules { delete_horizon: Some(5_000), ..RULES };
        let marked = compact_batch(&original, &rules, |_, _| true).unwrap().unwrap();
        let (header, records) = read(&marked);
        assert!(header.attributes.delete_horizon());
        assert_eq!(header.base_timestamp, 5_000);
        assert_eq!(records, read(&original).1, "timestamps, headers and values are as before");
        let later = CompactRules { delete_horizon: Some(9_000), ..RULES };
        assert_eq!(compact_batch(&marked, &later, |_, _| true), Ok(Some(marked.clone())));

        let values = compact_batch(&original, &rules, |_, record| record.value.is_some()).unwrap().unwrap();
        assert!(!read(&values).0.attributes.delete_horizon(), "no tombstone, no horizon");
    }
}

#[test]
fn log_append_time_is_kept() {
    let mut original = batch(Codec::None).to_vec();
    crate::set_max_timestamp(&mut original, 777, true);
    let kept = compact_batch(&original.into(), &RULES, |_, r| r.offset_delta == 1).unwrap().unwrap();
    let (header, records) = read(&kept);
    assert_eq!(header.max_timestamp, 777);
    assert_eq!(records[0].1, 777);
    assert_eq!(header.attributes, Attributes(0).with_log_append_time());
}

#[test]
fn damaged_batches_are_errors() {
    let bad = batch(Codec::Gzip);
    assert!(compact_batch(&bad.slice(..bad.len() - 3), &RULES, |_, _| true).is_err());
    assert!(compact_batch(&bad, &CompactRules { decompressed_bytes_max: 3, ..RULES }, |_, _| true).is_err());
}
