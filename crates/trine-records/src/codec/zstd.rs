//! Zstandard with its output bounded.

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::CodecError;

/// Largest window, as a power of two, in bytes: what the highest level uses. The decoder sets aside that much address space for a frame that asks
/// for it, and touches memory only as output appears.
const WINDOW_LOG_MAX: u32 = 27;
/// Output is taken in steps of this many bytes.
const STEP_BYTES: usize = 64 << 10;

const DAMAGED: CodecError = CodecError::Damaged { codec: "zstd" };

pub(super) fn decompress(input: &[u8], max: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let limit = out.len().saturating_add(max);
    let mut decoder = Decoder::new().map_err(|_| DAMAGED)?;
    decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).map_err(|_| DAMAGED)?;
    let mut source = InBuffer::around(input);
    let mut step = STEP_BYTES.min(input.len().saturating_mul(4).max(256));
    loop {
        let start = out.len();
        // One byte more than allowed is enough to know.
        step = step.min((limit - start).saturating_add(1));
        out.resize(start + step, 0);
        let mut target = OutBuffer::around(&mut out[start..]);
        let result = decoder.run(&mut source, &mut target);
        let written = target.pos();
        out.truncate(start + written);
        let hint = result.map_err(|_| DAMAGED)?;
        if out.len() > limit {
            return Err(CodecError::TooLarge { max });
        }
        let input_done = source.pos() >= input.len();
        if hint == 0 && input_done {
            return Ok(());
        }
        // No more input and room left over: the frame was cut.
        if input_done && written < step {
            return Err(DAMAGED);
        }
        step = (step * 2).min(STEP_BYTES.max(out.len()));
    }
}

pub(super) fn compress(level: Option<i32>, input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
    const FAILED: CodecError = CodecError::Compress { codec: "zstd" };
    let level = level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL);
    if !zstd::compression_level_range().contains(&level) {
        return Err(FAILED);
    }
    let packed = zstd::bulk::compress(input, level).map_err(|_| FAILED)?;
    out.extend_from_slice(&packed);
    Ok(())
}
