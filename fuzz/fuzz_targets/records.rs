//! The record walk: it ends, and what it yields lies in the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trine_records::{BatchHeader, Batches, Records};

fuzz_target!(|data: &[u8]| {
    let mut bytes = 0;
    for record in Records::new(data) {
        let Ok(record) = record else { break };
        bytes += record.bytes().len();
        let headers = record.headers().count();
        assert!(headers <= record.bytes().len());
    }
    assert!(bytes <= data.len());
    for batch in Batches::new(data) {
        let Ok((header, batch)) = batch else { break };
        assert_eq!(header.total_bytes(), batch.len());
        let _ = header.check_crc(batch);
        let _ = (header.last_offset(), header.last_sequence());
    }
    let _ = BatchHeader::parse(data);
});
