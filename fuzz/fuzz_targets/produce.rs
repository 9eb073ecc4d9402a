//! Produce bodies: the first byte chooses the version.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use trine_kafka::wire::{Api, ApiKey, produce::ProduceRequest};

fuzz_target!(|data: &[u8]| {
    let [version, body @ ..] = data else { return };
    let versions: Vec<i16> = Api::of(ApiKey::Produce).versions().collect();
    let version = versions[usize::from(*version) % versions.len()];
    let _ = ProduceRequest::decode(&Bytes::copy_from_slice(body), version);
});
