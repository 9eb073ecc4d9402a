//! What the clients know, and so what must be there.

use std::collections::{BTreeMap, BTreeSet};

use trine_types::{Offset, TopicName, Uuid};

use super::{Check, ensure};

/// Unique number of a record.
pub(super) type RecordId = u64;

/// Everything the clients know.
#[derive(Default)]
pub(super) struct Model {
    /// Topics that exist, or existed, or may exist.
    pub(super) topics: BTreeMap<Uuid, TopicModel>,
    /// Names of creations that were not answered.
    pub(super) creating: Vec<TopicName>,
    pub(super) commits: BTreeMap<(usize, Uuid, u32), CommitModel>,
    pub(super) producer_ids: BTreeSet<i64>,
}

/// A topic.
pub(super) struct TopicModel {
    pub(super) name: TopicName,
    /// Partitions it has at least.
    pub(super) partitions: u32,
    /// A deletion was asked for.
    pub(super) deleting: bool,
    /// A deletion was answered.
    pub(super) deleted: bool,
    /// Whether answered records may be lost in a power cut.
    pub(super) lossy: bool,
    pub(super) parts: BTreeMap<u32, PartitionModel>,
}

/// A partition.
#[derive(Default)]
pub(super) struct PartitionModel {
    /// Records that must be there unless they are below the log start.
    pub(super) known: BTreeMap<Offset, RecordId>,
    /// Records that were sent, by the first record of their batch and the number of records in it.
    pub(super) sent: BTreeMap<RecordId, u32>,
    /// The log starts here at least.
    pub(super) trimmed: Offset,
    /// Nobody asked for a later start than this.
    pub(super) trimming: Offset,
    /// Leader epoch when last looked at.
    pub(super) epoch: i32,
}

/// Commits of one group to one partition: numbers that one client commits one after the other.
#[derive(Default, Clone, Copy)]
pub(super) struct CommitModel {
    /// The last one that was answered.
    pub(super) answered: u64,
    /// The last one that was sent.
    pub(super) sent: u64,
}

impl TopicModel {
    pub(super) fn new(name: TopicName, partitions: u32, lossy: bool) -> Self {
        Self { name, partitions, deleting: false, deleted: false, lossy, parts: BTreeMap::new() }
    }
}

impl PartitionModel {
    /// A record was acknowledged or seen.
    pub(super) fn learn(&mut self, offset: Offset, id: RecordId) -> Check {
        if let Some(known) = self.known.insert(offset, id) {
            ensure!(known == id, "offset {offset} held record {known} and now holds {id}");
        }
        Ok(())
    }

    /// A whole batch as it was read: its base offset and the records in it.
    pub(super) fn check_batch(&self, base: Offset, records: &[(Offset, RecordId)]) -> Check {
        let Some((_, first)) = records.first() else { return Err(format!("the batch at {base} is empty")) };
        let Some(count) = self.sent.get(first) else { return Err(format!("record {first} at {base} was never sent")) };
        ensure!(
            *count as usize == records.len(),
            "the batch of record {first} has {} of {count} records",
            records.len()
        );
        for (at, (offset, id)) in records.iter().enumerate() {
            let at = at as u64;
            ensure!(
                (*offset, *id) == (base + at, first + at),
                "the batch at {base} holds record {id} at offset {offset}; {} at {} was sent",
                first + at,
                base + at
            );
        }
        Ok(())
    }

    /// The whole partition as it was read after a recovery. `power_cut` says whether what only was written may be gone.
    pub(super) fn check_all(
        &mut self,
        log_start: Offset,
        end: Offset,
        epoch: i32,
        may_lose: bool,
        found: &[(Offset, RecordId)],
    ) -> Result<u64, String> {
        ensure!(
            (self.trimmed..=self.trimming).contains(&log_start),
            "the log starts at {log_start}; {} was answered and {} asked for",
            self.trimmed,
            self.trimming
        );
        let mut seen = BTreeSet::new();
        let mut next = log_start;
        for (offset, id) in found.iter().filter(|(offset, _)| *offset >= log_start) {
            ensure!(*offset == next, "offset {next} is missing, {offset} follows");
            ensure!(seen.insert(*id), "record {id} is there twice, again at {offset}");
            next += 1;
        }
        ensure!(next == end, "the log ends at {end} but its records end at {next}");
        let lost = self.known.range(end..).count() as u64;
        if lost > 0 {
            let (offset, id) = self.known.range(end..).next().map(|(o, i)| (*o, *i)).unwrap_or_default();
            ensure!(may_lose, "record {id} at {offset} was answered or seen and is gone; the log ends at {end}");
            ensure!(epoch > self.epoch, "answered records were lost without a new leader epoch");
            self.known.split_off(&end);
        }
        let by_offset: BTreeMap<_, _> = found.iter().copied().collect();
        for (offset, id) in self.known.range(log_start..) {
            let there = by_offset.get(offset);
            ensure!(there == Some(id), "offset {offset} must hold record {id} but holds {there:?}");
        }
        ensure!(epoch >= self.epoch, "the leader epoch fell from {} to {epoch}", self.epoch);
        self.epoch = epoch;
        self.trimmed = self.trimmed.max(log_start);
        self.known = by_offset;
        Ok(lost)
    }
}
