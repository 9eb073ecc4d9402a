//! What a produced batch must satisfy before it is stored (reference §3.2, steps 1 and 3 to 6, in that order).
//!
//! A batch that passes is stored as it came, except (decision E9) for LogAppendTime, a wrong max timestamp and recompression.

use bytes::Bytes;
use trine_types::Timestamp;

use crate::{
    builder::assemble,
    codec::{Codec, CodecError, Compression},
    header::{BATCH_HEADER_BYTES, BatchError, BatchHeader, LENGTH_END, NO_TIMESTAMP, set_max_timestamp},
    record::{Records, records_of},
};

/// Most bad records that one refusal lists.
pub const RECORD_ERRORS_MAX: usize = 1024;
/// Bytes up to and including the format byte: with less there is no batch to speak of.
const MAGIC_END: usize = 17;

/// What the topic and the request demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProduceRules {
    /// `max.message.bytes`: the whole batch as sent.
    pub batch_bytes_max: usize,
    /// `segment.bytes`: no batch may be larger than a segment.
    pub segment_bytes: usize,
    /// Most bytes that the records may have when decompressed.
    pub decompressed_bytes_max: usize,
    /// Whether the topic is compacted, so that every record needs a key.
    pub key_required: bool,
    /// Whether the request's version allows zstd (Produce 7 and later).
    pub zstd_allowed: bool,
    /// `message.timestamp.type` and its windows.
    pub timestamps: TimestampRule,
    /// Message time.
    pub now: Timestamp,
    /// `compression.type`: `None` keeps what the producer chose.
    pub compression: Option<Compression>,
}

/// Where record timestamps come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampRule {
    /// The producer's, inside a window around now; both limits in milliseconds.
    Create { before_max_ms: i64, after_max_ms: i64 },
    /// The broker's `now`.
    LogAppend,
}

/// A batch that may be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validated {
    /// The header of `bytes`.
    pub header: BatchHeader,
    /// The batch, with base offset and leader epoch still the client's. The same allocation as the input unless it had to be rewritten.
    pub bytes: Bytes,
    /// Records, at least 1.
    pub count: u32,
    /// Largest record timestamp, [`NO_TIMESTAMP`] when no record has one.
    pub max_timestamp: i64,
    /// The time that was set as every record's timestamp, for topics that want it.
    pub log_append_time: Option<Timestamp>,
}

/// What is wrong with one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordProblem {
    /// A compacted topic needs a key.
    NullKey,
    /// The timestamp is outside the topic's window.
    Timestamp,
    /// The offset delta is not the record's place in the batch.
    OffsetDelta,
}

/// One bad record of a refused batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// Its place in the batch, from 0.
    pub index: u32,
    /// What is wrong.
    pub problem: RecordProblem,
}

impl RecordProblem {
    /// One sentence for the client.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::NullKey => "a compacted topic cannot take a record without a key",
            Self::Timestamp => {
                "the timestamp is outside the window of message.timestamp.before.max.ms and after.max.ms"
            }
            Self::OffsetDelta => "the offset delta is not the record's place in the batch",
        }
    }
}

/// Why a produced batch is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProduceError {
    /// Null, empty, or not one complete batch.
    #[error("the records are not exactly one complete batch")]
    NotOneBatch,
    /// Not format 2.
    #[error("the batch has format {0}; only format 2 is supported")]
    Magic(u8),
    /// zstd in a request older than version 7.
    #[error("zstd needs Produce version 7 or later")]
    ZstdTooEarly,
    /// Larger than the topic allows.
    #[error("the batch has {size} bytes; max.message.bytes allows {max}")]
    TooLarge { size: usize, max: usize },
    /// Larger than a segment.
    #[error("the batch has {size} bytes; segment.bytes is {max}")]
    LargerThanSegment { size: usize, max: usize },
    /// Larger than the server is willing to decompress; a client can split it.
    #[error("the records are larger than {max} bytes when decompressed")]
    DecompressedTooLarge { max: usize },
    /// Damaged on the way: length or checksum.
    #[error(transparent)]
    Corrupt(BatchError),
    /// A header field that no client may send.
    #[error("{0}")]
    Header(&'static str),
    /// The records cannot be decoded, or are not as many as announced.
    #[error(transparent)]
    Undecodable(BatchError),
    /// The batch claims broker-assigned timestamps.
    #[error("a producer cannot send timestamps of type LogAppendTime")]
    TimestampType,
    /// Records that break a rule of the topic: up to [`RECORD_ERRORS_MAX`] of them.
    #[error("{} of the batch's records are invalid", errors.len())]
    Records { errors: Vec<RecordError> },
    /// Recompression failed.
    #[error(transparent)]
    Recompress(CodecError),
}

/// Checks one partition's produced bytes. `bytes` is what the request carries for the partition, which must be exactly one batch.
///
/// Uncompressed batches are walked in place without an allocation; compressed ones are decompressed up to the rules' limit. Large compressed batches
/// take milliseconds: call this away from a shard's task.
pub fn validate_produce(bytes: &Bytes, rules: &ProduceRules) -> Result<Validated, ProduceError> {
    let header = one_batch(bytes, rules)?;
    let size = bytes.len();
    if size > rules.batch_bytes_max {
        return Err(ProduceError::TooLarge { size, max: rules.batch_bytes_max });
    }
    if size > rules.segment_bytes {
        return Err(ProduceError::LargerThanSegment { size, max: rules.segment_bytes });
    }
    let header = header.map_err(ProduceError::Corrupt)?;
    header.check_crc(bytes).map_err(ProduceError::Corrupt)?;
    check_header(&header)?;

    let payload = records_of(&header, bytes, rules.decompressed_bytes_max).map_err(|error| match error {
        BatchError::Codec(CodecError::TooLarge { max }) => ProduceError::DecompressedTooLarge { max },
        other => ProduceError::Undecodable(other),
    })?;
    let max_timestamp = walk(&header, &payload, rules)?;

    let log_append_time = (rules.timestamps == TimestampRule::LogAppend).then_some(rules.now);
    let wanted = log_append_time.map_or(max_timestamp, |time| time.0);
    let codec = header.attributes.codec().map_err(|error| ProduceError::Undecodable(error.into()))?;
    let recompress = rules.compression.filter(|compression| compression.codec != codec);

    let (header, bytes) = if recompress.is_none() && log_append_time.is_none() && wanted == header.max_timestamp {
        (header, bytes.clone())
    } else {
        let mut batch = match recompress {
            Some(compression) => Vec::from(assemble(header, compression, &payload).map_err(ProduceError::Recompress)?),
            None => bytes.to_vec(),
        };
        set_max_timestamp(&mut batch, wanted, log_append_time.is_some());
        (BatchHeader::parse(&batch).map_err(ProduceError::Corrupt)?, Bytes::from(batch))
    };
    Ok(Validated { header, bytes, count: header.record_count as u32, max_timestamp: wanted, log_append_time })
}

/// Step 1: exactly one batch, of format 2, with a codec the request may use. What is wrong with its own length is told later, after the size limits.
fn one_batch(bytes: &[u8], rules: &ProduceRules) -> Result<Result<BatchHeader, BatchError>, ProduceError> {
    let (Some(length), Some(&magic)) = (bytes.get(8..LENGTH_END), bytes.get(MAGIC_END - 1)) else {
        return Err(ProduceError::NotOneBatch);
    };
    let length = length.try_into().map_or(-1, i32::from_be_bytes);
    if magic != 2 {
        return Err(ProduceError::Magic(magic));
    }
    if length < (BATCH_HEADER_BYTES - LENGTH_END) as i32 {
        return Ok(Err(BatchError::Length(length)));
    }
    if LENGTH_END + length as usize != bytes.len() {
        return Err(ProduceError::NotOneBatch);
    }
    let header = BatchHeader::parse(bytes);
    if let Ok(header) = &header
        && !rules.zstd_allowed
        && header.attributes.codec() == Ok(Codec::Zstd)
    {
        return Err(ProduceError::ZstdTooEarly);
    }
    Ok(header)
}

/// Step 5.
fn check_header(header: &BatchHeader) -> Result<(), ProduceError> {
    let refuse = |what| Err(ProduceError::Header(what));
    if header.base_offset != 0 {
        return refuse("the base offset of a produced batch must be 0");
    }
    if header.record_count <= 0 {
        return refuse("a produced batch must have records");
    }
    if header.last_offset_delta != header.record_count - 1 {
        return refuse("the last offset delta does not fit the record count");
    }
    if header.attributes.control() {
        return refuse("a producer cannot send a control batch");
    }
    if header.attributes.delete_horizon() {
        return refuse("a producer cannot set a delete horizon");
    }
    if header.producer_id >= 0 && header.base_sequence < 0 {
        return refuse("a batch with a producer id needs a sequence number");
    }
    if header.attributes.log_append_time() {
        return Err(ProduceError::TimestampType);
    }
    Ok(())
}

/// Step 6: every record. Returns the largest timestamp.
fn walk(header: &BatchHeader, payload: &[u8], rules: &ProduceRules) -> Result<i64, ProduceError> {
    let window = match rules.timestamps {
        TimestampRule::Create { before_max_ms, after_max_ms } => {
            Some((rules.now.0.saturating_sub(before_max_ms.max(0)), rules.now.0.saturating_add(after_max_ms.max(0))))
        }
        TimestampRule::LogAppend => None,
    };
    let mut errors = Vec::new();
    let mut refuse = |index, problem| {
        if errors.len() < RECORD_ERRORS_MAX {
            errors.push(RecordError { index, problem });
        }
    };
    let mut found = 0_u32;
    let mut max_timestamp = NO_TIMESTAMP;
    for record in Records::new(payload) {
        let record = record.map_err(ProduceError::Undecodable)?;
        let index = found;
        found += 1;
        if found > header.record_count as u32 {
            // No need to walk a million records that are already too many.
            return Err(ProduceError::Undecodable(BatchError::Count { announced: header.record_count, found }));
        }
        let timestamp = record.timestamp(header);
        max_timestamp = max_timestamp.max(timestamp);
        if record.offset_delta != index as i32 {
            refuse(index, RecordProblem::OffsetDelta);
        } else if rules.key_required && record.key.is_none() {
            refuse(index, RecordProblem::NullKey);
        } else if let Some((earliest, latest)) = window
            && timestamp != NO_TIMESTAMP
            && !(earliest..=latest).contains(&timestamp)
        {
            refuse(index, RecordProblem::Timestamp);
        }
    }
    if found != header.record_count as u32 {
        return Err(ProduceError::Undecodable(BatchError::Count { announced: header.record_count, found }));
    }
    if errors.is_empty() { Ok(max_timestamp) } else { Err(ProduceError::Records { errors }) }
}

#[cfg(test)]
mod tests;
