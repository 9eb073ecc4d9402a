//! Produced batches: what passes validation can be read, looked up and compacted. The first byte says whether the checksum is made right, so that the
//! walk behind it is reached.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use trine_records::{
    BatchHeader, CompactRules, ProduceRules, Records, TimestampRule, compact_batch, find_by_timestamp,
    max_timestamp_record, records_of, set_max_timestamp, validate_produce,
};
use trine_types::Timestamp;

const DECOMPRESSED_MAX: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let [mode, batch @ ..] = data else { return };
    let mut batch = batch.to_vec();
    if mode & 1 != 0 && batch.len() >= 61 {
        let length = (batch.len() - 12) as u32;
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        batch[16] = 2;
        batch[..8].fill(0);
        // Writing the timestamp that is there already makes the checksum right.
        let max = i64::from_be_bytes(batch[35..43].try_into().unwrap());
        set_max_timestamp(&mut batch, max, false);
    }
    let rules = ProduceRules {
        batch_bytes_max: 1 << 20,
        segment_bytes: 1 << 20,
        decompressed_bytes_max: DECOMPRESSED_MAX,
        key_required: mode & 2 != 0,
        zstd_allowed: true,
        timestamps: if mode & 4 != 0 {
            TimestampRule::LogAppend
        } else {
            TimestampRule::Create { before_max_ms: i64::MAX, after_max_ms: i64::MAX }
        },
        now: Timestamp(1_700_000_000_000),
        compression: None,
    };
    let Ok(valid) = validate_produce(&Bytes::from(batch), &rules) else { return };
    assert_eq!(valid.header, BatchHeader::parse(&valid.bytes).unwrap());
    valid.header.check_crc(&valid.bytes).unwrap();
    let payload = records_of(&valid.header, &valid.bytes, DECOMPRESSED_MAX).unwrap();
    assert_eq!(Records::new(&payload).map(Result::unwrap).count(), valid.count as usize);
    max_timestamp_record(&valid.bytes, DECOMPRESSED_MAX).unwrap();
    let found = find_by_timestamp(&valid.bytes, 0, valid.max_timestamp, DECOMPRESSED_MAX).unwrap();
    // Below zero there are no times, only records without one.
    assert!(found.is_some() || valid.max_timestamp < 0);
    let rules = CompactRules { keep_empty: true, delete_horizon: Some(5), decompressed_bytes_max: DECOMPRESSED_MAX };
    let kept = compact_batch(&valid.bytes, &rules, |_, record| record.offset_delta % 2 == 0).unwrap().unwrap();
    let header = BatchHeader::parse(&kept).unwrap();
    header.check_crc(&kept).unwrap();
    assert_eq!(header.last_offset_delta, valid.header.last_offset_delta);
});
