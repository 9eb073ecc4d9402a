//! Frame lengths, and the header and body of what follows: the way of every byte that arrives.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use trine_kafka::wire::{Request, RequestHeader, frame};

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    while let Some((length, tail)) = rest.split_first_chunk::<{ frame::LENGTH_BYTES }>() {
        let Ok(len) = frame::frame_length(*length, 1 << 20) else { return };
        assert!(len <= 1 << 20);
        let Some((body, tail)) = tail.split_at_checked(len) else { return };
        if let Ok((header, body)) = RequestHeader::parse(&Bytes::copy_from_slice(body))
            && !header.is_too_new()
        {
            let _ = Request::decode(&header, &body);
        }
        rest = tail;
    }
});
