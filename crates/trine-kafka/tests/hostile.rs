//! Whatever a peer sends, decoding ends in a value or an error: no panic, and no memory because of a count.
#![allow(unsafe_code, reason = "a counting allocator cannot be written without")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;
use trine_kafka::wire::{APIS, Request, RequestHeader, Text};

struct Counting;

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.get().saturating_add(layout.size());
        NOW.set(now);
        PEAK.set(PEAK.get().max(now));
        // SAFETY: the layout is the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        NOW.set(NOW.get().saturating_sub(layout.size()));
        // SAFETY: pointer and layout are the caller's.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Most bytes allocated at one time while decoding.
fn peak_of_decoding(header: &RequestHeader, body: &Bytes) -> usize {
    NOW.set(0);
    PEAK.set(0);
    let _ = Request::decode(header, body);
    PEAK.get()
}

fn every_request() -> impl Iterator<Item = RequestHeader> {
    APIS.iter().flat_map(|api| {
        api.versions().map(|version| RequestHeader { api, version, correlation_id: 1, client_id: Text::default() })
    })
}

/// 2^31-1 as a 32-bit count and as a compact one.
const COUNTS: [&[u8]; 2] = [&[0x7f, 0xff, 0xff, 0xff], &[0x80, 0x80, 0x80, 0x80, 0x08]];

/// A huge count behind every plausible beginning: bytes that read as small lengths, nulls and numbers, so that the count falls on every array, nested
/// ones included.
#[test]
fn huge_counts_allocate_nothing() {
    for header in every_request() {
        for fill in [0_u8, 1, 2, 3, 0xff] {
            for before in 0..96 {
                for count in COUNTS {
                    for after in [0, 64] {
                        let mut body = BytesMut::new();
                        body.put_bytes(fill, before);
                        body.put_slice(count);
                        body.put_bytes(1, after);
                        let body = body.freeze();
                        let peak = peak_of_decoding(&header, &body);
                        assert!(
                            peak < 64 << 10,
                            "{} version {} allocated {peak} bytes for {body:?}",
                            header.api.name,
                            header.version
                        );
                    }
                }
            }
        }
    }
}

/// The same with 32-bit patterns in front: counts of one, then the huge one.
#[test]
fn huge_nested_counts_allocate_nothing() {
    for header in every_request() {
        for words in 0..24 {
            for word in [[0, 0, 0, 1], [0, 1, b'a', 0], [0, 0, 0, 0]] {
                for count in COUNTS {
                    let mut body = BytesMut::new();
                    for _ in 0..words {
                        body.put_slice(&word);
                    }
                    body.put_slice(count);
                    body.put_bytes(0, 32);
                    let peak = peak_of_decoding(&header, &body.freeze());
                    assert!(peak < 64 << 10, "{} version {}: {peak}", header.api.name, header.version);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(2), Just(0xff), any::<u8>()], 0..200)) {
        let body = Bytes::from(noise);
        for header in every_request() {
            let peak = peak_of_decoding(&header, &body);
            // A decoded element takes more room than its bytes, by a bounded factor.
            prop_assert!(peak < 256 << 10, "{} version {}: {}", header.api.name, header.version, peak);
        }
        let _ = RequestHeader::parse(&body);
    }
}
