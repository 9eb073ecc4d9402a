//! Logical segments: the units that retention drops and compaction rewrites, wherever their bytes lie (decision E11).

use trine_types::{Offset, Timestamp};

use crate::codec::{DecodeError, Reader, Writer};

/// A stretch of a partition from `base` to the next segment's base (or the end).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogicalSegment {
    /// First offset.
    pub base: Offset,
    /// Bytes of its batches.
    pub bytes: u64,
    /// Largest record timestamp in it, -1 when its records have none.
    pub max_ts: i64,
    /// Message time of its first append.
    pub started_at: Timestamp,
}

impl LogicalSegment {
    pub(super) fn encode(&self, w: &mut Writer) {
        w.var(self.base);
        w.var(self.bytes);
        w.i64(self.max_ts);
        w.i64(self.started_at.0);
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { base: r.var()?, bytes: r.var()?, max_ts: r.i64()?, started_at: Timestamp(r.i64()?) })
    }

    /// The time that retention compares: the largest record timestamp, or when the segment started if its records have none.
    #[must_use]
    pub fn age_from(&self) -> Timestamp {
        if self.max_ts >= 0 { Timestamp(self.max_ts) } else { self.started_at }
    }
}
