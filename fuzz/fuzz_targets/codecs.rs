//! Decompression with bounded output, and compression as its inverse. The first byte chooses the codec.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trine_records::{
    Codec,
    codec::{compress, decompress},
};

const MAX: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let [mode, input @ ..] = data else { return };
    let codec = Codec::ALL[usize::from(mode % 5)];
    let mut out = Vec::new();
    if decompress(codec, input, MAX, &mut out).is_ok() {
        assert!(out.len() <= MAX);
    }
    if mode & 0x80 != 0 {
        let mut packed = Vec::new();
        compress(codec.into(), input, &mut packed).unwrap();
        let mut back = Vec::new();
        decompress(codec, &packed, input.len(), &mut back).unwrap();
        assert_eq!(back, input);
    }
});
