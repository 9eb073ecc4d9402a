//! How far a group is behind.

use trine_types::{EntityId, GroupName, Offset};

use super::{GroupError, Groups, OffsetsWanted, PartitionLag};
use crate::{
    Failure,
    broker::Inner,
    streams::{ReadFailure, blocking, first_from},
};

impl Groups<'_> {
    /// How far the group is behind, for every partition it has committed and that still exists, by topic name and partition.
    pub async fn lag(self, group: &GroupName) -> Result<Vec<PartitionLag>, GroupError> {
        let inner = &self.broker.inner;
        if self.known(group).is_none() {
            return Err(GroupError::NotFound);
        }
        let committed = self.offsets_of(group, &OffsetsWanted::All).await?;
        let catalog = inner.catalog.load_full();
        let mut lags = Vec::new();
        let mut behind: Vec<(usize, EntityId, Offset, Offset)> = Vec::new();
        for (topic_id, index, committed) in committed {
            let Some(committed) = committed else { continue };
            let Some(partition) = catalog.topic_by_id(topic_id).and_then(|topic| topic.partition(index)) else {
                continue;
            };
            let (log_start, end) = (partition.view().log_start(), partition.view().end());
            let next = committed.offset.max(log_start);
            if next < end {
                behind.push((lags.len(), partition.entity(), next, end));
            }
            lags.push(PartitionLag {
                topic: partition.topic().name.clone(),
                topic_id,
                partition: index,
                committed: committed.offset,
                log_start,
                end,
                records: end.saturating_sub(next),
                behind_ms: 0,
            });
        }
        let now = inner.clock.now();
        let ages = blocking(inner, move |inner| ages(inner, &behind)).await;
        let ages = ages.map_err(|_| GroupError::Failure(Failure::Unknown))?;
        for (at, timestamp) in ages {
            if let Some(lag) = lags.get_mut(at) {
                lag.behind_ms = now.0.saturating_sub(timestamp).max(0);
            }
        }
        lags.sort_unstable_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        Ok(lags)
    }
}

/// Timestamps of the first records at or after the given offsets.
fn ages(inner: &Inner, behind: &[(usize, EntityId, Offset, Offset)]) -> Result<Vec<(usize, i64)>, ReadFailure> {
    let mut ages = Vec::new();
    for (at, entity, from, end) in behind {
        if let Some(found) = first_from(inner, *entity, *from, *end)? {
            ages.push((*at, found.timestamp));
        }
    }
    Ok(ages)
}
