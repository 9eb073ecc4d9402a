//! When a partition is worth compacting, and what follows when it was.

use trine_core::{catalog::TopicConfig, streams::PartitionRecord};
use trine_types::{EntityId, Timestamp};

use super::{PartitionSlot, Shard};
use crate::{
    cleaner::{Cleaned, Job},
    topic::PartitionRef,
};

impl PartitionSlot {
    /// The compaction that the topic's settings ask for now, if any.
    fn compaction(&self, now: Timestamp, config: &TopicConfig, map_bytes: usize) -> Option<Job> {
        let partition = self.at.clone().filter(|_| config.cleanup.compact && !self.compacting)?;
        // What is not durable yet may still be lost: it must not supersede anything.
        let closed = self.state.closed_end().min(partition.view().end());
        let (start, cleaned_to) = (self.state.log_start(), self.state.cleaned_to());
        let segments = self.state.segments();
        // Whole segments, and none that holds a record younger than the minimum lag.
        let young = |at: Timestamp| now.ms_since(at) < config.compaction_lag_min_ms;
        let end_of = |index: usize| segments.get(index + 1).map_or_else(|| self.state.end(), |next| next.base);
        let usable = segments
            .iter()
            .enumerate()
            .take_while(|(index, segment)| {
                end_of(*index) <= closed && (end_of(*index) <= cleaned_to || !young(segment.age_from()))
            })
            .count();
        let segments = segments.get(..usable)?.to_vec();
        let to = end_of(usable.checked_sub(1)?);
        if to <= cleaned_to {
            return None;
        }
        let dirty = || segments.iter().filter(|segment| segment.base >= cleaned_to);
        let dirty_bytes: u64 = dirty().map(|segment| segment.bytes).sum();
        let bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
        let enough =
            dirty_bytes.saturating_mul(1000) >= bytes.saturating_mul(u64::from(config.dirty_ratio_min_permille));
        let overdue = dirty().any(|segment| now.ms_since(segment.age_from()) > config.compaction_lag_max_ms);
        (enough || overdue).then_some(Job {
            partition,
            start,
            cleaned_to,
            to,
            segments,
            segment_bytes: config.segments.segment_bytes,
            now,
            tombstone_ms: config.tombstone_retention_ms,
            map_bytes,
        })
    }
}

impl Shard {
    /// Gives a partition to the cleaner if it is worth it. When the cleaner is busy a later sweep finds it again.
    pub(super) fn sweep_compaction(&mut self, entity: EntityId, config: &TopicConfig) {
        let map_bytes = self.shared.config.compaction_buffer_bytes;
        let Some(slot) = self.partitions.get_mut(&entity) else { return };
        let Some(job) = slot.compaction(self.now, config, map_bytes) else { return };
        slot.compacting = self.shared.cleaner.try_send(job).is_ok();
    }

    /// The cleaner is done with a partition; `None` when it could not do it.
    pub(crate) fn compacted(&mut self, partition: &PartitionRef, cleaned: Option<Cleaned>) {
        let entity = partition.entity();
        // The topic may be gone by now.
        let Some(slot) = self.partitions.get_mut(&entity) else { return };
        slot.compacting = false;
        if let Some(Cleaned { to, segments }) = cleaned {
            self.maintain_partition(entity, &PartitionRecord::Compacted { to, segments });
        }
    }
}
