//! The records of a partition, as they stand in the log.

use bytes::Bytes;
use trine_types::Offset;

use super::{LogicalSegment, ProducerStamp};
use crate::codec::{DecodeError, Reader, Writer};
use crate::ops;

/// What a partition needs to know of a record batch: fields of its fixed 61-byte header, so that replay never reads records (decision E9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchFacts {
    /// Offsets it covers (last_offset_delta + 1).
    pub count: u32,
    /// Its size in bytes, header included.
    pub bytes: u32,
    /// Largest record timestamp, -1 when the records have none.
    pub max_ts: i64,
    /// Who wrote it, when the producer numbers its batches.
    pub producer: Option<ProducerStamp>,
}

impl BatchFacts {
    /// Size of the fixed header in bytes (record batch v2).
    pub const HEADER_BYTES: usize = 61;

    /// Reads the fixed header; `None` when there is not even a header, or its count does not fit.
    #[must_use]
    pub fn from_batch(batch: &[u8]) -> Option<Self> {
        let header = batch.first_chunk::<{ Self::HEADER_BYTES }>()?;
        let last_delta = i32::from_be_bytes(*header[23..].first_chunk()?);
        let producer_id = i64::from_be_bytes(*header[43..].first_chunk()?);
        Some(Self {
            count: u32::try_from(last_delta).ok()?.checked_add(1)?,
            bytes: u32::try_from(batch.len()).ok()?,
            max_ts: i64::from_be_bytes(*header[35..].first_chunk()?),
            producer: (producer_id >= 0).then(|| ProducerStamp {
                id: producer_id,
                epoch: i16::from_be_bytes([header[51], header[52]]),
                first_sequence: i32::from_be_bytes([header[53], header[54], header[55], header[56]]),
            }),
        })
    }
}

/// One change of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionRecord {
    /// A batch was appended at the end. The batch itself is the operation's run.
    Append {
        /// Offset of its first record.
        base: Offset,
        /// Its header.
        facts: BatchFacts,
        /// Whether a new logical segment starts with it.
        roll: bool,
    },
    /// The log now starts here (retention, delete-records).
    Trim {
        /// The new log start.
        to: Offset,
    },
    /// The leader epoch rose.
    LeaderEpoch {
        /// The new epoch; it starts at the current end.
        epoch: i32,
    },
    /// Producers that were idle for too long are forgotten.
    ProducersExpired {
        /// Their ids.
        ids: Vec<i64>,
    },
    /// The closed segments below `to` were rewritten without superseded records.
    Compacted {
        /// Everything below was cleaned.
        to: Offset,
        /// What the segments below `to` look like now.
        segments: Vec<LogicalSegment>,
    },
}

const APPEND_ROLL: u8 = 1;

impl PartitionRecord {
    /// The operation number and its own fields. An append's batch goes beside them as the operation's run.
    #[must_use]
    pub fn encode(&self) -> (u16, Bytes) {
        let mut w = Writer::new();
        let kind = match self {
            Self::Append { roll, .. } => {
                // The usual append has no fields of its own: base, count and timestamp are in the run, the producer in the batch.
                if *roll {
                    w.u8(APPEND_ROLL);
                }
                ops::STREAM_APPEND
            }
            Self::Trim { to } => {
                w.var(*to);
                ops::TRIM
            }
            Self::LeaderEpoch { epoch } => {
                w.i32(*epoch);
                ops::LEADER_EPOCH
            }
            Self::ProducersExpired { ids } => {
                w.var(ids.len() as u64);
                for id in ids {
                    w.var(*id as u64);
                }
                ops::PRODUCERS_EXPIRED
            }
            Self::Compacted { to, segments } => {
                w.var(*to);
                w.var(segments.len() as u64);
                for segment in segments {
                    segment.encode(&mut w);
                }
                ops::COMPACTED
            }
        };
        (kind, w.finish())
    }

    /// Reads a record back. `run` is the base offset and the batch of an append.
    pub fn decode(kind: u16, meta: &[u8], run: Option<(Offset, &[u8])>) -> Result<Self, DecodeError> {
        let mut r = Reader::new(meta, "a partition record");
        let record = match (kind, run) {
            (ops::STREAM_APPEND, Some((base, batch))) => {
                let Some(facts) = BatchFacts::from_batch(batch) else { return r.fail() };
                let roll = !meta.is_empty() && r.u8()? & APPEND_ROLL != 0;
                Self::Append { base, facts, roll }
            }
            (ops::TRIM, None) => Self::Trim { to: r.var()? },
            (ops::LEADER_EPOCH, None) => Self::LeaderEpoch { epoch: r.i32()? },
            (ops::PRODUCERS_EXPIRED, None) => {
                let n = r.count()?;
                let mut ids = Vec::new();
                for _ in 0..n {
                    ids.push(r.var()? as i64);
                }
                Self::ProducersExpired { ids }
            }
            (ops::COMPACTED, None) => {
                let to = r.var()?;
                let n = r.count()?;
                let mut segments = Vec::new();
                for _ in 0..n {
                    segments.push(LogicalSegment::decode(&mut r)?);
                }
                Self::Compacted { to, segments }
            }
            _ => return r.fail(),
        };
        r.end()?;
        Ok(record)
    }
}
