//! Request headers: what is accepted is served, or is ApiVersions.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use trine_kafka::wire::{ApiKey, RequestHeader};

fuzz_target!(|data: &[u8]| {
    if let Ok((header, body)) = RequestHeader::parse(&Bytes::copy_from_slice(data)) {
        assert!(header.api.serves(header.version) || header.api.key == ApiKey::ApiVersions);
        assert!(body.len() < data.len());
    }
});
