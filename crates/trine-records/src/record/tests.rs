use super::*;
use crate::{BATCH_HEADER_BYTES, GOLDEN, read::put_varlong};

#[test]
fn the_golden_records_are_read() {
    let header = BatchHeader::parse(GOLDEN).unwrap();
    let payload = records_of(&header, GOLDEN, 0).unwrap();
    let records: Vec<_> = Records::new(&payload).map(Result::unwrap).collect();
    assert_eq!(records.len(), 2);
    assert_eq!((records[0].key, records[0].value), (Some(&b"k"[..]), Some(&b"v"[..])));
    assert_eq!(records[0].headers().collect::<Vec<_>>(), [Header { key: b"h", value: Some(b"x") }]);
    assert_eq!(records[0].timestamp(&header), 1_700_000_000_000);
    assert_eq!((records[1].key, records[1].value, records[1].offset_delta), (None, None, 1));
    assert_eq!(records[1].timestamp(&header), 1_700_000_000_005);
    assert_eq!([records[0].bytes(), records[1].bytes()].concat(), GOLDEN[BATCH_HEADER_BYTES..]);
}

#[test]
fn repeated_header_keys_keep_their_order() {
    let headers = [
        Header { key: b"a", value: Some(b"1") },
        Header { key: b"b", value: None },
        Header { key: b"a", value: Some(b"") },
    ];
    let mut out = Vec::new();
    put_record(&mut out, -3, 7, None, Some(b"value"), headers.iter().copied());
    let record = Records::new(&out).next().unwrap().unwrap();
    assert_eq!(record.headers().collect::<Vec<_>>(), headers);
    assert_eq!((record.timestamp_delta, record.offset_delta), (-3, 7));
}

/// A record whose length prefix is right for its body.
fn framed(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varlong(&mut out, body.len() as i64);
    out.extend_from_slice(body);
    out
}

fn refusal(bytes: &[u8]) -> &'static str {
    match Records::new(bytes).next().unwrap() {
        Err(BatchError::Record { index: 0, what }) => what,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn malformed_records_are_refused_without_trusting_them() {
    let huge = [0xfe, 0xff, 0xff, 0xff, 0x0f]; // 2^31-1
    assert_eq!(refusal(&huge), "it is longer than the batch");
    assert_eq!(refusal(&[1]), "its length is negative");
    assert_eq!(refusal(&[0x80]), "its length is malformed");
    assert_eq!(refusal(&framed(&[])), "it ends early");
    assert_eq!(refusal(&framed(&[0, 0, 0])), "its key is malformed");
    assert_eq!(refusal(&framed(&[&[0, 0, 0][..], &huge].concat())), "its key is malformed");
    assert_eq!(refusal(&framed(&[&[0, 0, 0, 1][..], &huge].concat())), "its value is malformed");
    assert_eq!(refusal(&framed(&[&[0, 0, 0, 1, 1][..], &huge].concat())), "its headers are malformed");
    assert_eq!(refusal(&framed(&[0, 0, 0, 1, 1, 1])), "its header count is negative");
    assert_eq!(refusal(&framed(&[0, 0, 0, 1, 1, 2, 1, 1])), "its headers are malformed", "a null header key");
    assert_eq!(refusal(&framed(&[0, 0, 0, 1, 1, 0, 0])), "it has bytes after its last field");
    assert_eq!(refusal(&framed(&[0, 0, 0, 3, 1, 0])), "its key is malformed", "lengths below -1");
}

#[test]
fn an_error_ends_the_walk() {
    let mut bytes = framed(&[0, 0, 0, 1, 1, 0]);
    bytes.extend(framed(&[0]));
    bytes.extend(framed(&[0, 0, 0, 1, 1, 0]));
    let all: Vec<_> = Records::new(&bytes).collect();
    assert!(matches!(all[..], [Ok(_), Err(BatchError::Record { index: 1, .. })]));
}

#[test]
fn hostile_timestamps_saturate() {
    let mut header = BatchHeader::parse(GOLDEN).unwrap();
    let mut out = Vec::new();
    put_record(&mut out, i64::MAX, 0, None, None, [].into_iter());
    let record = Records::new(&out).next().unwrap().unwrap();
    assert_eq!(record.timestamp(&header), i64::MAX);
    header.attributes = header.attributes.with_log_append_time();
    assert_eq!(record.timestamp(&header), header.max_timestamp);
}
