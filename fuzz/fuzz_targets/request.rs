//! Bodies of every API and version: the first two bytes choose them.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use trine_kafka::wire::{APIS, Request, RequestHeader, Text};

fuzz_target!(|data: &[u8]| {
    let [api, version, body @ ..] = data else { return };
    let api = &APIS[usize::from(*api) % APIS.len()];
    let versions: Vec<i16> = api.versions().collect();
    let version = versions[usize::from(*version) % versions.len()];
    let header = RequestHeader { api, version, correlation_id: 0, client_id: Text::default() };
    let _ = Request::decode(&header, &Bytes::copy_from_slice(body));
});
