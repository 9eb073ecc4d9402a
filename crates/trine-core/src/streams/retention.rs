//! Which part of a log may go.

use trine_types::{Offset, Timestamp};

use super::{Partition, PartitionRecord};

/// When a logical segment is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentRules {
    /// `segment.bytes`.
    pub segment_bytes: u64,
    /// `segment.ms`.
    pub segment_ms: i64,
}

/// What retention keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionRules {
    /// `retention.ms`; `None` keeps for ever.
    pub retention_ms: Option<i64>,
    /// `retention.bytes`; `None` keeps any amount.
    pub retention_bytes: Option<u64>,
}

impl Partition {
    /// The trim that retention asks for now, if any. Whole segments only; the active one goes only by age (as in Kafka, where it is closed first).
    #[must_use]
    pub fn decide_retention(&self, now: Timestamp, rules: &RetentionRules) -> Option<PartitionRecord> {
        let expired = rules
            .retention_ms
            .map_or(0, |ms| self.segments.iter().take_while(|segment| now.ms_since(segment.age_from()) > ms).count());
        let oversized = rules.retention_bytes.map_or(0, |max| {
            let mut bytes = self.bytes();
            let closed = self.segments.len().saturating_sub(1);
            let mut drop = 0;
            // A segment goes when what stays without it is still at least the limit.
            while let Some(segment) = self.segments.get(drop).filter(|_| drop < closed) {
                if bytes.saturating_sub(segment.bytes) < max {
                    break;
                }
                bytes -= segment.bytes;
                drop += 1;
            }
            drop
        });
        let drop = expired.max(oversized);
        let to = self.segments.get(drop).map_or(self.end, |segment| segment.base);
        (drop > 0 && to > self.log_start).then_some(PartitionRecord::Trim { to })
    }

    /// The earliest time at which [`Partition::decide_retention`] may want something because of age.
    #[must_use]
    pub fn next_expiry(&self, rules: &RetentionRules) -> Option<Timestamp> {
        Some(self.segments.first()?.age_from().plus_ms(rules.retention_ms?).plus_ms(1))
    }

    /// The trim that a client asked for: `None` when the offset is outside the log (after the durable end, which the caller passes, or impossible).
    /// Below the log start it is a trim that changes nothing.
    #[must_use]
    pub fn decide_trim(&self, to: Offset, durable_end: Offset) -> Option<Option<PartitionRecord>> {
        if to > durable_end {
            return None;
        }
        Some((to > self.log_start).then_some(PartitionRecord::Trim { to }))
    }

    /// Producers that wrote nothing for `idle_ms` are forgotten.
    #[must_use]
    pub fn decide_producer_expiry(&self, now: Timestamp, idle_ms: i64) -> Option<PartitionRecord> {
        let mut ids: Vec<_> = self
            .producers
            .iter()
            .filter(|(_, producer)| now.ms_since(producer.last_at) > idle_ms)
            .map(|(id, _)| id)
            .collect();
        ids.sort_unstable();
        (!ids.is_empty()).then_some(PartitionRecord::ProducersExpired { ids })
    }

    /// The next leader epoch, after an unclean stop that may have lost answered data (`durability = interval`).
    #[must_use]
    pub const fn decide_leader_epoch(&self) -> PartitionRecord {
        PartitionRecord::LeaderEpoch { epoch: self.epochs.current().saturating_add(1) }
    }

    /// The closed part of the log: what compaction may rewrite.
    #[must_use]
    pub fn closed_end(&self) -> Offset {
        self.segments.last().map_or(self.log_start, |active| active.base.max(self.log_start))
    }
}
