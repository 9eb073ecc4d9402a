use proptest::prelude::*;

use super::*;
use crate::{GOLDEN, record::Records, records_of};

type OwnedHeader = (Vec<u8>, Option<Vec<u8>>);
type OwnedRecord = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Vec<OwnedHeader>);

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..80)
}

fn records() -> impl Strategy<Value = Vec<OwnedRecord>> {
    let header = (bytes(), proptest::option::of(bytes()));
    let record = (
        0..1_i64 << 60,
        proptest::option::of(bytes()),
        proptest::option::of(bytes()),
        proptest::collection::vec(header, 0..4),
    );
    proptest::collection::vec(record, 1..40)
}

fn build(records: &[OwnedRecord], codec: Codec) -> Bytes {
    let mut builder = BatchBuilder::new().compression(codec).producer(7, 3, 100).stored_at(50, 2);
    for (timestamp, key, value, headers) in records {
        let headers: Vec<_> = headers.iter().map(|(key, value)| Header { key, value: value.as_deref() }).collect();
        builder.push(*timestamp, key.as_deref(), value.as_deref(), &headers);
    }
    builder.build().unwrap()
}

proptest! {
    #[test]
    fn what_is_built_is_read_back(records in records()) {
        for codec in Codec::ALL {
            let batch = build(&records, codec);
            let header = BatchHeader::parse(&batch).unwrap();
            prop_assert_eq!(header.check_crc(&batch), Ok(()));
            prop_assert_eq!(header.total_bytes(), batch.len());
            prop_assert_eq!((header.base_offset, header.leader_epoch), (50, 2));
            prop_assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (7, 3, 100));
            prop_assert_eq!(header.record_count as usize, records.len());
            prop_assert_eq!(header.max_timestamp, records.iter().map(|r| r.0).max().unwrap());
            let payload = records_of(&header, &batch, 1 << 20).unwrap();
            let back: Vec<OwnedRecord> = Records::new(&payload)
                .map(|r| {
                    let r = r.unwrap();
                    let headers = r.headers().map(|h| (h.key.to_vec(), h.value.map(<[u8]>::to_vec))).collect();
                    (r.timestamp(&header), r.key.map(<[u8]>::to_vec), r.value.map(<[u8]>::to_vec), headers)
                })
                .collect();
            prop_assert_eq!(&back, &records);
        }
    }
}

#[test]
fn the_golden_batch_is_built_byte_for_byte() {
    let mut builder = BatchBuilder::new().stored_at(0, 0);
    builder.push(1_700_000_000_000, Some(b"k"), Some(b"v"), &[Header { key: b"h", value: Some(b"x") }]);
    builder.push(1_700_000_000_005, None, None, &[]);
    assert_eq!(builder.count(), 2);
    assert_eq!(builder.uncompressed_bytes(), GOLDEN.len());
    assert_eq!(builder.build().unwrap(), GOLDEN);
}

#[test]
fn transactional_batches_are_marked() {
    let mut builder = BatchBuilder::new().transactional();
    builder.push(1, None, Some(b"v"), &[]);
    let header = BatchHeader::parse(&builder.build().unwrap()).unwrap();
    assert!(header.attributes.transactional());
    assert!(!header.attributes.control());
}
