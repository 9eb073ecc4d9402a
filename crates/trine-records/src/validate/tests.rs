use proptest::prelude::*;

use super::*;
use crate::{Attributes, BatchBuilder, GOLDEN, builder::assemble, header::seal, record::put_record};

const NOW: i64 = 1_700_000_000_000;
const HOUR_MS: i64 = 3_600_000;

fn rules() -> ProduceRules {
    ProduceRules {
        batch_bytes_max: 1_048_588,
        segment_bytes: 1 << 30,
        decompressed_bytes_max: 16 << 20,
        key_required: false,
        zstd_allowed: true,
        timestamps: TimestampRule::Create { before_max_ms: i64::MAX, after_max_ms: HOUR_MS },
        now: Timestamp(NOW),
        compression: None,
    }
}

fn batch(codec: Codec, records: &[(i64, Option<&[u8]>)]) -> Bytes {
    let mut builder = BatchBuilder::new().compression(codec);
    for (timestamp, key) in records {
        builder.push(*timestamp, *key, Some(b"value"), &[]);
    }
    builder.build().unwrap()
}

/// A batch whose header was changed and sealed again.
fn altered(change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let original = batch(Codec::None, &[(NOW, Some(b"a")), (NOW + 1, Some(b"b"))]);
    let mut header = BatchHeader::parse(&original).unwrap();
    change(&mut header);
    let mut out = Vec::new();
    header.put(&mut out);
    out.extend_from_slice(&original[BATCH_HEADER_BYTES..]);
    seal(&mut out);
    Bytes::from(out)
}

fn refusal(bytes: &Bytes, rules: &ProduceRules) -> ProduceError {
    validate_produce(bytes, rules).expect_err("accepted")
}

#[test]
fn a_sound_batch_is_kept_as_it_is() {
    let golden = Bytes::from_static(GOLDEN);
    for codec in Codec::ALL {
        let bytes = if codec == Codec::None { golden.clone() } else { batch(codec, &[(NOW, None), (NOW - 5, None)]) };
        let valid = validate_produce(&bytes, &rules()).unwrap();
        assert_eq!(valid.bytes, bytes);
        assert_eq!(valid.bytes.as_ptr(), bytes.as_ptr(), "no copy");
        assert_eq!(valid.count, 2);
        assert_eq!(valid.log_append_time, None);
    }
    assert_eq!(validate_produce(&golden, &rules()).unwrap().max_timestamp, NOW + 5);
}

#[test]
fn exactly_one_batch_of_format_2() {
    let one = batch(Codec::None, &[(NOW, None)]);
    assert_eq!(refusal(&Bytes::new(), &rules()), ProduceError::NotOneBatch);
    for len in 0..one.len() {
        assert_eq!(refusal(&one.slice(..len), &rules()), ProduceError::NotOneBatch, "cut to {len}");
    }
    let two = Bytes::from([&one[..], &one[..]].concat());
    assert_eq!(refusal(&two, &rules()), ProduceError::NotOneBatch);
    for magic in [0, 1, 3, 255] {
        let mut old = one.to_vec();
        old[16] = magic;
        assert_eq!(refusal(&old.into(), &rules()), ProduceError::Magic(magic));
    }
    let zstd = batch(Codec::Zstd, &[(NOW, None)]);
    assert_eq!(refusal(&zstd, &ProduceRules { zstd_allowed: false, ..rules() }), ProduceError::ZstdTooEarly);
}

#[test]
fn sizes_are_checked_before_the_checksum() {
    let mut bad = batch(Codec::None, &[(NOW, None)]).to_vec();
    let size = bad.len();
    bad[size - 1] ^= 1;
    let bad = Bytes::from(bad);
    assert_eq!(
        refusal(&bad, &ProduceRules { batch_bytes_max: size - 1, ..rules() }),
        ProduceError::TooLarge { size, max: size - 1 }
    );
    assert_eq!(
        refusal(&bad, &ProduceRules { segment_bytes: 10, ..rules() }),
        ProduceError::LargerThanSegment { size, max: 10 }
    );
    assert!(matches!(refusal(&bad, &rules()), ProduceError::Corrupt(BatchError::Crc { .. })));
    assert!(
        validate_produce(&batch(Codec::None, &[(NOW, None)]), &ProduceRules { batch_bytes_max: size, ..rules() })
            .is_ok()
    );
}

#[test]
fn a_length_below_a_header_is_corrupt() {
    for length in [0, 1, 48, -1, i32::MIN] {
        let mut bad = batch(Codec::None, &[(NOW, None)]).to_vec();
        bad[8..12].copy_from_slice(&i32::to_be_bytes(length));
        assert_eq!(refusal(&bad.into(), &rules()), ProduceError::Corrupt(BatchError::Length(length)));
    }
}

#[test]
fn header_rules() {
    type Change = fn(&mut BatchHeader);
    let changes: [Change; 9] = [
        |h| h.base_offset = 1,
        |h| h.record_count = 0,
        |h| h.record_count = -1,
        |h| h.record_count = i32::MAX,
        |h| h.last_offset_delta = 2,
        |h| h.last_offset_delta = i32::MIN,
        |h| h.attributes = Attributes(1 << 5),
        |h| h.attributes = Attributes(1 << 6),
        |h| h.producer_id = 5,
    ];
    for (i, change) in changes.into_iter().enumerate() {
        assert!(matches!(refusal(&altered(change), &rules()), ProduceError::Header(_)), "change {i}");
    }
    let log_append = altered(|h| h.attributes = Attributes(1 << 3));
    assert_eq!(refusal(&log_append, &rules()), ProduceError::TimestampType);
    assert!(validate_produce(&altered(|h| (h.producer_id, h.base_sequence) = (5, 0)), &rules()).is_ok());
}

#[test]
fn announced_counts_are_not_trusted() {
    for (count, found) in [(i32::MAX, 2), (3, 2), (1, 2)] {
        let bad = altered(|h| (h.record_count, h.last_offset_delta) = (count, count - 1));
        assert_eq!(refusal(&bad, &rules()), ProduceError::Undecodable(BatchError::Count { announced: count, found }));
    }
}

#[test]
fn codecs_that_do_not_exist_and_payloads_that_do_not_decode() {
    for id in 5..8 {
        let bad = altered(|h| h.attributes = Attributes(id));
        assert_eq!(refusal(&bad, &rules()), ProduceError::Undecodable(CodecError::Unknown(id).into()));
    }
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let bad = altered(|h| h.attributes = h.attributes.with_codec(codec));
        assert!(matches!(refusal(&bad, &rules()), ProduceError::Undecodable(_)), "plain records marked as {codec:?}");
    }
}

#[test]
fn bombs_are_refused_with_an_error_that_makes_clients_split() {
    let value = vec![0; 4 << 20];
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let mut builder = BatchBuilder::new().compression(codec);
        builder.push(NOW, None, Some(&value), &[]);
        let bomb = builder.build().unwrap();
        let rules = ProduceRules { decompressed_bytes_max: 1 << 20, ..rules() };
        assert_eq!(refusal(&bomb, &rules), ProduceError::DecompressedTooLarge { max: 1 << 20 }, "{codec:?}");
    }
}

#[test]
fn compacted_topics_need_keys() {
    let rules = ProduceRules { key_required: true, ..rules() };
    for codec in Codec::ALL {
        let bad = batch(codec, &[(NOW, Some(b"k")), (NOW, None), (NOW, Some(b"")), (NOW, None)]);
        let errors = [1, 3].map(|index| RecordError { index, problem: RecordProblem::NullKey }).to_vec();
        assert_eq!(refusal(&bad, &rules), ProduceError::Records { errors });
        assert!(validate_produce(&batch(codec, &[(NOW, Some(b""))]), &rules).is_ok(), "an empty key is a key");
    }
}

#[test]
fn timestamps_stay_in_their_window() {
    let defaults = rules();
    let rules =
        ProduceRules { timestamps: TimestampRule::Create { before_max_ms: 1000, after_max_ms: HOUR_MS }, ..rules() };
    assert!(validate_produce(&batch(Codec::None, &[(NOW + HOUR_MS, None), (NOW - 1000, None)]), &rules).is_ok());
    let bad = batch(Codec::Lz4, &[(NOW + HOUR_MS + 1, None), (NOW, None), (NOW - 1001, None)]);
    let errors = [0, 2].map(|index| RecordError { index, problem: RecordProblem::Timestamp }).to_vec();
    assert_eq!(refusal(&bad, &rules), ProduceError::Records { errors });
    let none = validate_produce(&batch(Codec::None, &[(NO_TIMESTAMP, None)]), &rules).unwrap();
    assert_eq!(none.max_timestamp, NO_TIMESTAMP);
    assert!(validate_produce(&batch(Codec::None, &[(0, None)]), &defaults).is_ok(), "no lower limit by default");
}

#[test]
fn the_list_of_bad_records_is_bounded() {
    let rules = ProduceRules { key_required: true, ..rules() };
    let bad = batch(Codec::None, &vec![(NOW, None); RECORD_ERRORS_MAX + 5]);
    match refusal(&bad, &rules) {
        ProduceError::Records { errors } => assert_eq!(errors.len(), RECORD_ERRORS_MAX),
        other => panic!("{other:?}"),
    }
}

#[test]
fn offset_deltas_are_consecutive() {
    let mut records = Vec::new();
    for delta in [0, 2] {
        put_record(&mut records, 0, delta, None, None, [].into_iter());
    }
    let mut header = BatchHeader::parse(&batch(Codec::None, &[(NOW, None), (NOW, None)])).unwrap();
    header.crc = 0;
    for codec in Codec::ALL {
        let bad = assemble(header, codec.into(), &records).unwrap();
        let errors = vec![RecordError { index: 1, problem: RecordProblem::OffsetDelta }];
        assert_eq!(refusal(&bad, &rules()), ProduceError::Records { errors });
    }
}

#[test]
fn a_wrong_max_timestamp_is_corrected() {
    for wrong in [0, NOW + 100, i64::MAX] {
        let bytes = altered(|h| h.max_timestamp = wrong);
        let valid = validate_produce(&bytes, &rules()).unwrap();
        assert_eq!(valid.max_timestamp, NOW + 1);
        assert_eq!(valid.header.max_timestamp, NOW + 1);
        assert_eq!(valid.header, BatchHeader::parse(&valid.bytes).unwrap());
        assert_eq!(valid.header.check_crc(&valid.bytes), Ok(()));
        assert_eq!(valid.bytes[BATCH_HEADER_BYTES..], bytes[BATCH_HEADER_BYTES..]);
        assert_eq!(valid.log_append_time, None);
    }
}

#[test]
fn log_append_time_is_set_by_the_broker() {
    let rules = ProduceRules { timestamps: TimestampRule::LogAppend, now: Timestamp(42), ..rules() };
    for codec in Codec::ALL {
        let bytes = batch(codec, &[(NOW + 10 * HOUR_MS, None)]);
        let valid = validate_produce(&bytes, &rules).unwrap();
        assert_eq!((valid.max_timestamp, valid.log_append_time), (42, Some(Timestamp(42))));
        assert!(valid.header.attributes.log_append_time());
        assert_eq!(valid.header.check_crc(&valid.bytes), Ok(()));
        let payload = records_of(&valid.header, &valid.bytes, 1 << 20).unwrap();
        assert_eq!(Records::new(&payload).next().unwrap().unwrap().timestamp(&valid.header), 42);
    }
}

#[test]
fn a_topics_own_codec_replaces_the_producers() {
    for from in Codec::ALL {
        for to in Codec::ALL {
            let bytes = batch(from, &[(NOW, Some(b"a")), (NOW + 1, None)]);
            let rules = ProduceRules { compression: Some(to.into()), ..rules() };
            let valid = validate_produce(&bytes, &rules).unwrap();
            assert_eq!(valid.header.attributes.codec(), Ok(to));
            assert_eq!(valid.header.check_crc(&valid.bytes), Ok(()));
            assert_eq!(from == to, valid.bytes.as_ptr() == bytes.as_ptr());
            let original = BatchHeader::parse(&bytes).unwrap();
            assert_eq!(
                records_of(&valid.header, &valid.bytes, 1 << 20).unwrap(),
                records_of(&original, &bytes, 1 << 20).unwrap()
            );
        }
    }
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<proptest::sample::Index>(),
        codec in 0..5_u16,
        reseal: bool,
    ) {
        let codec = Codec::from_id(codec).unwrap();
        let mut bytes = batch(codec, &[(NOW, Some(b"key")), (NOW, None), (NOW, Some(b"other"))]).to_vec();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= value;
        }
        bytes.truncate(cut.index(bytes.len() * 2).min(bytes.len()));
        if reseal && bytes.len() >= BATCH_HEADER_BYTES {
            // A right checksum over wrong bytes reaches the record walk.
            seal(&mut bytes);
        }
        if let Ok(valid) = validate_produce(&Bytes::from(bytes), &rules()) {
            prop_assert_eq!(valid.header.check_crc(&valid.bytes), Ok(()));
            let payload = records_of(&valid.header, &valid.bytes, 16 << 20).unwrap();
            prop_assert_eq!(Records::new(&payload).filter(Result::is_ok).count(), valid.count as usize);
        }
    }
}
