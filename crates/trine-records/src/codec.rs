//! Compression of a batch's records as one block (reference §3.4), with output bounded by the caller.

mod snappy;
mod zstd;

use std::io::{Read, Write};

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

/// How the records of a batch are compressed. The numbers are on the wire and on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Codec {
    /// Not at all.
    #[default]
    None = 0,
    /// RFC 1952.
    Gzip = 1,
    /// The xerial stream that Java writes, or a raw block as others send.
    Snappy = 2,
    /// LZ4 frame.
    Lz4 = 3,
    /// Zstandard frame; only from Produce version 7 on.
    Zstd = 4,
}

/// Why compressed records could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Codec ids 5 to 7 are not assigned.
    #[error("compression codec {0} does not exist")]
    Unknown(u16),
    /// The bytes are not what the codec says.
    #[error("the {codec} data is damaged")]
    Damaged { codec: &'static str },
    /// There is more output than the caller allows.
    #[error("the records are larger than {max} bytes when decompressed")]
    TooLarge { max: usize },
    /// The compressor refused (out of memory, level out of range).
    #[error("cannot compress with {codec}")]
    Compress { codec: &'static str },
}

impl Codec {
    /// All codecs, in the order of their ids.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec with this id in the low bits of the attributes.
    pub const fn from_id(id: u16) -> Result<Self, CodecError> {
        Ok(match id {
            0 => Self::None,
            1 => Self::Gzip,
            2 => Self::Snappy,
            3 => Self::Lz4,
            4 => Self::Zstd,
            other => return Err(CodecError::Unknown(other)),
        })
    }

    /// Its id.
    #[must_use]
    pub const fn id(self) -> u16 {
        self as u16
    }

    /// Its name in configuration values.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// The codec with this name ("uncompressed" is Kafka's topic setting for none).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "uncompressed" => Some(Self::None),
            _ => Self::ALL.into_iter().find(|codec| codec.name() == name),
        }
    }
}

/// A codec with its level.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Compression {
    /// Which codec.
    pub codec: Codec,
    /// gzip 1–9, zstd any level it knows; `None` is the codec's default. The others have no levels.
    pub level: Option<i32>,
}

impl From<Codec> for Compression {
    fn from(codec: Codec) -> Self {
        Self { codec, level: None }
    }
}

/// Appends the decompressed `input` to `out`, which grows as output appears and never by more than `max` bytes.
pub fn decompress(codec: Codec, input: &[u8], max: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let damaged = CodecError::Damaged { codec: codec.name() };
    match codec {
        Codec::None => {
            if input.len() > max {
                return Err(CodecError::TooLarge { max });
            }
            out.extend_from_slice(input);
            Ok(())
        }
        Codec::Gzip => {
            // Java reads concatenated members as one stream, so they are legal.
            drain(flate2::bufread::MultiGzDecoder::new(input), max, out, damaged)
        }
        Codec::Snappy => snappy::decompress(input, max, out),
        Codec::Lz4 => {
            let mut decoder = FrameDecoder::new(input);
            drain(&mut decoder, max, out, damaged.clone())?;
            // The decoder stops after one frame; more would be invisible to some readers and visible to others.
            if decoder.get_ref().is_empty() { Ok(()) } else { Err(damaged) }
        }
        Codec::Zstd => zstd::decompress(input, max, out),
    }
}

fn drain(reader: impl Read, max: usize, out: &mut Vec<u8>, damaged: CodecError) -> Result<(), CodecError> {
    let start = out.len();
    let read = reader.take((max as u64).saturating_add(1)).read_to_end(out);
    if out.len() - start > max {
        return Err(CodecError::TooLarge { max });
    }
    read.map(drop).map_err(|_| damaged)
}

/// Appends the compressed `input` to `out`.
pub fn compress(compression: Compression, input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
    let codec = compression.codec;
    let failed = CodecError::Compress { codec: codec.name() };
    match codec {
        Codec::None => out.extend_from_slice(input),
        Codec::Gzip => {
            let level = match compression.level {
                None => flate2::Compression::default(),
                Some(level) => match u32::try_from(level) {
                    Ok(level @ 0..=9) => flate2::Compression::new(level),
                    _ => return Err(failed),
                },
            };
            let mut encoder = flate2::write::GzEncoder::new(out, level);
            encoder.write_all(input).and_then(|()| encoder.finish()).map_err(|_| failed)?;
        }
        Codec::Snappy => snappy::compress(input, out)?,
        Codec::Lz4 => {
            // 64 KiB independent blocks, as Java and librdkafka write them.
            let info = FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Independent);
            let mut encoder = FrameEncoder::with_frame_info(info, out);
            encoder.write_all(input).map_err(|_| failed.clone())?;
            encoder.finish().map_err(|_| failed)?;
        }
        Codec::Zstd => zstd::compress(compression.level, input, out)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests;
