//! The state of a partition and how records change it.

use trine_types::{Offset, Timestamp};

use super::epochs::Epochs;
use super::producers::{Producer, Producers};
use super::{LogicalSegment, PartitionRecord};

/// A partition. The default value is one that nothing was ever written to: such partitions need not be kept in memory.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Partition {
    pub(super) log_start: Offset,
    pub(super) end: Offset,
    /// Everything below was compacted at least once.
    pub(super) cleaned_to: Offset,
    pub(super) epochs: Epochs,
    /// Oldest first; the last one takes appends. Empty when everything was dropped.
    pub(super) segments: Vec<LogicalSegment>,
    pub(super) producers: Producers,
}

impl Partition {
    /// The first offset that still exists.
    #[must_use]
    pub const fn log_start(&self) -> Offset {
        self.log_start
    }

    /// The offset of the next record. What is below may not be durable yet.
    #[must_use]
    pub const fn end(&self) -> Offset {
        self.end
    }

    /// Everything below this offset was compacted at least once.
    #[must_use]
    pub fn cleaned_to(&self) -> Offset {
        self.cleaned_to.max(self.log_start)
    }

    /// Leader epochs.
    #[must_use]
    pub const fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// Logical segments, oldest first.
    #[must_use]
    pub fn segments(&self) -> &[LogicalSegment] {
        &self.segments
    }

    /// Bytes of all batches from the log start on, whole segments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// A producer's state, for tools.
    #[must_use]
    pub fn producer(&self, id: i64) -> Option<&Producer> {
        self.producers.get(id)
    }

    /// All producers that are remembered here.
    pub fn producers(&self) -> impl Iterator<Item = (i64, &Producer)> {
        self.producers.iter()
    }

    /// Applies a record in log order; `at` is the time of its decision. Recovery is this function over the log, and nothing else.
    ///
    /// # Panics
    /// When an append does not continue the log: the log's own order is broken, which is our bug and must not be built upon.
    pub fn apply(&mut self, record: &PartitionRecord, at: Timestamp) {
        match record {
            PartitionRecord::Append { base, facts, roll } => {
                assert_eq!(*base, self.end, "an append continues the log");
                if *roll || self.segments.is_empty() {
                    self.segments.push(LogicalSegment { base: *base, bytes: 0, max_ts: -1, started_at: at });
                }
                if let Some(active) = self.segments.last_mut() {
                    active.bytes += u64::from(facts.bytes);
                    active.max_ts = active.max_ts.max(facts.max_ts);
                }
                self.end += u64::from(facts.count);
                if let Some(stamp) = facts.producer {
                    self.producers.appended(stamp, *base, facts, at);
                }
            }
            PartitionRecord::Trim { to } => {
                let to = (*to).min(self.end);
                if to <= self.log_start {
                    return;
                }
                self.log_start = to;
                // A segment goes when the next one begins at or before the log start; the last one when it has nothing left.
                let keep = if to == self.end {
                    self.segments.len()
                } else {
                    self.segments.partition_point(|segment| segment.base <= to).saturating_sub(1)
                };
                self.segments.drain(..keep);
                self.epochs.trim(to);
            }
            PartitionRecord::LeaderEpoch { epoch } => self.epochs.raise(*epoch, self.end),
            PartitionRecord::ProducersExpired { ids } => self.producers.forget(ids),
            PartitionRecord::Compacted { to, segments } => {
                self.cleaned_to = self.cleaned_to.max(*to);
                let rest = self.segments.partition_point(|segment| segment.base < *to);
                // The log start may have passed some of them since the decision.
                let alive = segments
                    .iter()
                    .filter(|segment| segment.base >= self.segments.first().map_or(*to, |first| first.base));
                let alive: Vec<_> = alive.copied().collect();
                self.segments.splice(..rest, alive);
            }
        }
    }
}
