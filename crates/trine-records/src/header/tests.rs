use super::*;
use crate::GOLDEN;

#[test]
fn the_golden_header_is_read() {
    let header = BatchHeader::parse(GOLDEN).unwrap();
    assert_eq!(
        header,
        BatchHeader {
            base_offset: 0,
            batch_length: 69,
            leader_epoch: 0,
            crc: 0xd7bd_8f47,
            attributes: Attributes(0),
            last_offset_delta: 1,
            base_timestamp: 1_700_000_000_000,
            max_timestamp: 1_700_000_000_005,
            producer_id: NO_PRODUCER,
            producer_epoch: -1,
            base_sequence: NO_SEQUENCE,
            record_count: 2,
        }
    );
    assert_eq!(header.total_bytes(), GOLDEN.len());
    assert_eq!(header.check_crc(GOLDEN), Ok(()));
    let mut out = Vec::new();
    header.put(&mut out);
    assert_eq!(out, GOLDEN[..BATCH_HEADER_BYTES]);
}

#[test]
fn the_checksum_is_castagnoli() {
    assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
}

#[test]
fn every_flip_under_the_checksum_is_noticed() {
    for byte in CRC_START - 4..GOLDEN.len() {
        for bit in 0..8 {
            let mut batch = GOLDEN.to_vec();
            batch[byte] ^= 1 << bit;
            let header = BatchHeader::parse(&batch).unwrap();
            assert!(matches!(header.check_crc(&batch), Err(BatchError::Crc { .. })), "byte {byte} bit {bit}");
        }
    }
}

#[test]
fn malformed_headers_are_refused() {
    for len in 0..BATCH_HEADER_BYTES {
        assert_eq!(
            BatchHeader::parse(&GOLDEN[..len]),
            Err(BatchError::Truncated { have: len, need: BATCH_HEADER_BYTES })
        );
    }
    let mut batch = GOLDEN.to_vec();
    batch[16] = 1;
    assert_eq!(BatchHeader::parse(&batch), Err(BatchError::Magic(1)));
    for length in [i32::MIN, -1, 0, 48] {
        let mut batch = GOLDEN.to_vec();
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        assert_eq!(BatchHeader::parse(&batch), Err(BatchError::Length(length)));
    }
    let mut batch = GOLDEN.to_vec();
    batch[8..12].copy_from_slice(&i32::MAX.to_be_bytes());
    let header = BatchHeader::parse(&batch).unwrap();
    assert!(matches!(header.check_crc(&batch), Err(BatchError::Truncated { .. })));
    assert!(matches!(header.payload(&batch), Err(BatchError::Truncated { .. })));
}

#[test]
fn setters_leave_a_sound_batch() {
    let mut batch = GOLDEN.to_vec();
    set_base_offset(&mut batch, 77);
    set_leader_epoch(&mut batch, 3);
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!((header.base_offset, header.leader_epoch), (77, 3));
    assert_eq!(header.last_offset(), 78);
    assert_eq!(header.check_crc(&batch), Ok(()), "both fields are outside the checksum");

    set_max_timestamp(&mut batch, 9, false);
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!((header.max_timestamp, header.attributes.log_append_time()), (9, false));
    assert_eq!(header.check_crc(&batch), Ok(()));

    set_max_timestamp(&mut batch, 10, true);
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!((header.max_timestamp, header.attributes.log_append_time()), (10, true));
    assert_eq!(header.check_crc(&batch), Ok(()));

    let mut short = [0_u8; 20];
    set_base_offset(&mut short[..4], 1);
    set_max_timestamp(&mut short, 1, true);
    assert_eq!(short, [0; 20]);
}

#[test]
fn sequences_wrap_at_their_end() {
    let mut header = BatchHeader::parse(GOLDEN).unwrap();
    assert_eq!(header.last_sequence(), NO_SEQUENCE);
    header.base_sequence = i32::MAX;
    assert_eq!(header.last_sequence(), 0);
    header.base_sequence = 5;
    assert_eq!(header.last_sequence(), 6);
}

#[test]
fn offsets_of_hostile_headers_saturate() {
    let mut header = BatchHeader::parse(GOLDEN).unwrap();
    header.base_offset = i64::MAX;
    assert_eq!(header.last_offset(), i64::MAX as u64);
    header.base_offset = -5;
    assert_eq!(header.offset_at(1), 0);
}

#[test]
fn runs_of_batches_end_before_a_cut_one() {
    let two = [GOLDEN, GOLDEN].concat();
    assert_eq!(Batches::new(&two).count(), 2);
    for cut in 0..GOLDEN.len() {
        assert_eq!(Batches::new(&two[..GOLDEN.len() + cut]).map(Result::unwrap).count(), 1);
    }
    let mut bad = two.clone();
    bad[GOLDEN.len() + 16] = 0;
    let all: Vec<_> = Batches::new(&bad).collect();
    assert!(matches!(all[..], [Ok(_), Err(BatchError::Magic(0))]));
}
