use proptest::prelude::*;

use super::*;

const PACKED: [Codec; 4] = [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

fn pack(codec: Codec, input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    compress(codec.into(), input, &mut out).unwrap();
    out
}

fn unpack(codec: Codec, input: &[u8], max: usize) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::new();
    decompress(codec, input, max, &mut out)?;
    Ok(out)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_goes_in_comes_out(input in proptest::collection::vec(0_u8..4, 0..10_000)) {
        for codec in Codec::ALL {
            let packed = pack(codec, &input);
            let back = unpack(codec, &packed, input.len());
            prop_assert_eq!(back.as_ref(), Ok(&input));
            if !input.is_empty() {
                prop_assert_eq!(
                    unpack(codec, &packed, input.len() - 1),
                    Err(CodecError::TooLarge { max: input.len() - 1 })
                );
            }
        }
    }

    #[test]
    fn damaged_input_never_panics(
        input in proptest::collection::vec(any::<u8>(), 1..2000),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<proptest::sample::Index>(),
    ) {
        for codec in PACKED {
            let mut packed = pack(codec, &input);
            for (at, value) in &flips {
                let at = at.index(packed.len());
                packed[at] ^= value;
            }
            packed.truncate(cut.index(packed.len() + 1));
            let max = 1 << 20;
            if let Ok(out) = unpack(codec, &packed, max) {
                prop_assert!(out.len() <= max);
            }
        }
    }

    #[test]
    fn noise_never_panics(input in proptest::collection::vec(any::<u8>(), 0..500)) {
        for codec in PACKED {
            let _ = unpack(codec, &input, 1 << 16);
            let framed: Vec<u8> = match codec {
                Codec::Gzip => [&[0x1f, 0x8b, 8][..], &input].concat(),
                Codec::Snappy => [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01", &input[..]].concat(),
                Codec::Lz4 => [&[4, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82][..], &input].concat(),
                _ => [&[0x28, 0xb5, 0x2f, 0xfd][..], &input].concat(),
            };
            let _ = unpack(codec, &framed, 1 << 16);
        }
    }
}

#[test]
fn bombs_stop_at_the_limit() {
    let zeros = vec![0; 4 << 20];
    let max = 128 << 10;
    for codec in PACKED {
        let bomb = pack(codec, &zeros);
        assert!(bomb.len() < 256 << 10, "{codec:?}: {}", bomb.len());
        let mut out = Vec::new();
        assert_eq!(decompress(codec, &bomb, max, &mut out), Err(CodecError::TooLarge { max }), "{codec:?}");
        assert!(out.capacity() <= 4 * max, "{codec:?} set {} bytes aside", out.capacity());
    }
}

#[test]
fn announced_sizes_reserve_nothing() {
    // A raw snappy block that announces 2^31-1 bytes, bare and inside a xerial stream.
    let block = [0xff, 0xff, 0xff, 0xff, 0x07, 0];
    for input in [block.to_vec(), [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\0\0\0\x06", &block[..]].concat()] {
        let mut out = Vec::new();
        assert_eq!(decompress(Codec::Snappy, &input, 1 << 30, &mut out), Err(CodecError::Damaged { codec: "snappy" }));
        assert_eq!(out.capacity(), 0);
    }
    // A xerial chunk length beyond the input, and a negative one.
    for len in [i32::MAX, -1] {
        let input = [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01", &len.to_be_bytes()[..]].concat();
        assert_eq!(unpack(Codec::Snappy, &input, 1 << 30), Err(CodecError::Damaged { codec: "snappy" }));
    }
    // A zstd frame of one byte that announces 2^62 bytes of content.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1110_0000];
    frame.extend((1_u64 << 62).to_le_bytes());
    let mut out = Vec::new();
    assert!(decompress(Codec::Zstd, &frame, 1 << 30, &mut out).is_err());
    assert!(out.capacity() <= 1 << 17);
}

#[test]
fn both_snappy_framings_are_read() {
    let input = b"abcabcabcabcabcabc".repeat(100);
    let raw = snap::raw::Encoder::new().compress_vec(&input).unwrap();
    assert_eq!(unpack(Codec::Snappy, &raw, 1 << 20).unwrap(), input);
    let xerial = pack(Codec::Snappy, &input);
    assert!(xerial.starts_with(b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"));
    assert_eq!(unpack(Codec::Snappy, &xerial, 1 << 20).unwrap(), input);
    // The limit counts all blocks together.
    let large = vec![7; 200_000];
    assert!(matches!(unpack(Codec::Snappy, &pack(Codec::Snappy, &large), 100_000), Err(CodecError::TooLarge { .. })));
}

#[test]
fn linked_lz4_blocks_are_read() {
    let input: Vec<u8> = (0..300_000_u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
    let mut packed = Vec::new();
    let info = FrameInfo::new().block_mode(BlockMode::Linked).content_checksum(true).block_checksums(true);
    let mut encoder = FrameEncoder::with_frame_info(info, &mut packed);
    encoder.write_all(&input).unwrap();
    encoder.finish().unwrap();
    assert_eq!(unpack(Codec::Lz4, &packed, input.len()).unwrap(), input);
    packed.extend_from_slice(b"more");
    assert_eq!(unpack(Codec::Lz4, &packed, input.len()), Err(CodecError::Damaged { codec: "lz4" }));
}

#[test]
fn concatenated_gzip_and_zstd_frames_are_one_stream() {
    for codec in [Codec::Gzip, Codec::Zstd] {
        let two = [pack(codec, b"first "), pack(codec, b"second")].concat();
        assert_eq!(unpack(codec, &two, 100).unwrap(), b"first second", "{codec:?}");
    }
}

#[test]
fn levels_outside_their_range_are_refused() {
    let mut out = Vec::new();
    for (codec, level) in [(Codec::Gzip, 10), (Codec::Gzip, -1), (Codec::Zstd, 1000)] {
        let refused = compress(Compression { codec, level: Some(level) }, b"x", &mut out);
        assert_eq!(refused, Err(CodecError::Compress { codec: codec.name() }));
    }
    compress(Compression { codec: Codec::Zstd, level: Some(19) }, b"x", &mut out).unwrap();
}

#[test]
fn names_and_ids_name_each_other() {
    for codec in Codec::ALL {
        assert_eq!(Codec::from_id(codec.id()), Ok(codec));
        assert_eq!(Codec::from_name(codec.name()), Some(codec));
    }
    assert_eq!(Codec::from_name("uncompressed"), Some(Codec::None));
    assert_eq!(Codec::from_name("brotli"), None);
    assert_eq!(Codec::from_id(5), Err(CodecError::Unknown(5)));
}
