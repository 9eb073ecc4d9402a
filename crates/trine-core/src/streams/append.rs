//! Deciding an append.

use trine_types::{Offset, Timestamp};

use super::producers::Check;
use super::{BatchFacts, Partition, PartitionRecord, SegmentRules};

/// What to do with a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendDecision {
    /// Append it with this record.
    Append(PartitionRecord),
    /// It was appended before: answer with what was answered then.
    Duplicate {
        /// The offset it got.
        base: Offset,
        /// Its largest timestamp.
        max_ts: i64,
    },
}

/// Why a batch is not appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendRefusal {
    /// A newer instance of the producer has taken over.
    #[error("producer {id} has epoch {current}; epoch {got} is fenced off")]
    OldEpoch { id: i64, got: i16, current: i16 },
    /// A batch of this producer is missing before this one, or it is an old duplicate outside the window.
    #[error("producer {id} sent sequence number {got} where {expected} is next")]
    OutOfOrder { id: i64, got: i32, expected: i32 },
}

impl Partition {
    /// Decides what happens to a batch that was validated before. Changes nothing.
    pub fn decide_append(
        &self,
        now: Timestamp,
        facts: &BatchFacts,
        rules: &SegmentRules,
    ) -> Result<AppendDecision, AppendRefusal> {
        if let Some(stamp) = facts.producer {
            match self.producers.check(stamp, facts.count) {
                Check::Next => {}
                Check::Duplicate { base, max_ts } => return Ok(AppendDecision::Duplicate { base, max_ts }),
                Check::OldEpoch { current } => {
                    return Err(AppendRefusal::OldEpoch { id: stamp.id, got: stamp.epoch, current });
                }
                Check::OutOfOrder { expected } => {
                    return Err(AppendRefusal::OutOfOrder { id: stamp.id, got: stamp.first_sequence, expected });
                }
            }
        }
        let roll = self.segments.last().is_none_or(|active| {
            active.bytes.saturating_add(u64::from(facts.bytes)) > rules.segment_bytes
                || now.ms_since(active.started_at) >= rules.segment_ms
        });
        Ok(AppendDecision::Append(PartitionRecord::Append { base: self.end, facts: *facts, roll }))
    }
}
