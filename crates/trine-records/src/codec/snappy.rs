//! Snappy in both framings that clients use.

use super::CodecError;

/// Start of the xerial stream.
const XERIAL_MAGIC: &[u8; 8] = b"\x82SNAPPY\0";
/// Magic, version and lowest compatible version.
const XERIAL_HEADER_BYTES: usize = 16;
/// Uncompressed bytes per block, as Java writes them.
const BLOCK_BYTES: usize = 32 << 10;
/// No snappy input of n bytes has more than this many times n bytes of output: the densest element, a two-byte-offset copy, takes 3 bytes for 64.
const EXPANSION_MAX: usize = 22;

const DAMAGED: CodecError = CodecError::Damaged { codec: "snappy" };

pub(super) fn decompress(input: &[u8], max: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let limit = out.len().saturating_add(max);
    if !input.starts_with(XERIAL_MAGIC) {
        return block(input, max, limit, out);
    }
    let mut rest = input.get(XERIAL_HEADER_BYTES..).ok_or(DAMAGED)?;
    while let Some((len, tail)) = rest.split_first_chunk::<4>() {
        let len = usize::try_from(i32::from_be_bytes(*len)).map_err(|_| DAMAGED)?;
        let (chunk, tail) = tail.split_at_checked(len).ok_or(DAMAGED)?;
        block(chunk, max, limit, out)?;
        rest = tail;
    }
    if rest.is_empty() { Ok(()) } else { Err(DAMAGED) }
}

/// One raw block. Its announced length is believed only as far as its own bytes could produce it.
fn block(input: &[u8], max: usize, limit: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let announced = snap::raw::decompress_len(input).map_err(|_| DAMAGED)?;
    if announced > input.len().saturating_mul(EXPANSION_MAX) {
        return Err(DAMAGED);
    }
    let start = out.len();
    if start.saturating_add(announced) > limit {
        return Err(CodecError::TooLarge { max });
    }
    out.resize(start + announced, 0);
    let written = snap::raw::Decoder::new().decompress(input, &mut out[start..]).map_err(|_| DAMAGED)?;
    if written == announced { Ok(()) } else { Err(DAMAGED) }
}

pub(super) fn compress(input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
    const FAILED: CodecError = CodecError::Compress { codec: "snappy" };
    out.extend_from_slice(XERIAL_MAGIC);
    out.extend_from_slice(&1_i32.to_be_bytes());
    out.extend_from_slice(&1_i32.to_be_bytes());
    let mut encoder = snap::raw::Encoder::new();
    for chunk in input.chunks(BLOCK_BYTES) {
        let at = out.len();
        out.resize(at + 4 + snap::raw::max_compress_len(chunk.len()), 0);
        let written = encoder.compress(chunk, &mut out[at + 4..]).map_err(|_| FAILED)?;
        out[at..at + 4].copy_from_slice(&(written as u32).to_be_bytes());
        out.truncate(at + 4 + written);
    }
    Ok(())
}
