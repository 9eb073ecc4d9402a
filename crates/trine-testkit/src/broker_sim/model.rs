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
    /// Whether superseded records may be gone.
    pub(super) compact: bool,
    pub(super) parts: BTreeMap<u32, PartitionModel>,
}

/// Names of topics say how they are set up, so that one whose creation was not answered is known as well.
pub(super) const LOSSY: &str = "delta";
/// The compacted one.
pub(super) const COMPACT: &str = "gamma";

/// The key of a record; few, so that records supersede each other.
pub(super) const fn key_of(id: RecordId) -> u64 {
    id % 4
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
    /// One is under way: two at a time could overtake each other, and rightly so.
    pub(super) busy: bool,
}

/// Records that were known and are rightly gone.
pub(super) struct Gone {
    /// Taken by a power cut.
    pub(super) lost: u64,
    /// Superseded.
    pub(super) compacted: u64,
}

impl TopicModel {
    pub(super) fn new(name: TopicName, partitions: u32) -> Self {
        let (lossy, compact) = (name.as_str() == LOSSY, name.as_str() == COMPACT);
        Self { name, partitions, deleting: false, deleted: false, lossy, compact, parts: BTreeMap::new() }
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

    /// A whole batch as it was read: its base offset and the records in it, of which compaction may have taken some.
    pub(super) fn check_batch(&self, base: Offset, records: &[(Offset, RecordId)], compact: bool) -> Check {
        let Some((_, id)) = records.first() else { return Err(format!("the batch at {base} is empty")) };
        let sent = self.sent.range(..=id).next_back().filter(|(first, count)| *id < **first + u64::from(**count));
        let Some((first, count)) = sent else { return Err(format!("record {id} at {base} was never sent")) };
        let found = records.len();
        ensure!(compact || *count as usize == found, "the batch of record {first} has {found} of {count} records");
        for (offset, id) in records {
            let fits = id.checked_sub(*first).is_some_and(|at| at < u64::from(*count) && base + at == *offset);
            ensure!(fits, "the batch at {base} holds record {id} at {offset}; {count} from {first} on were sent");
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
        compact: bool,
        found: &[(Offset, RecordId)],
    ) -> Result<Gone, String> {
        ensure!(
            (self.trimmed..=self.trimming).contains(&log_start),
            "the log starts at {log_start}; {} was answered and {} asked for",
            self.trimmed,
            self.trimming
        );
        let mut seen = BTreeSet::new();
        let mut next = log_start;
        for (offset, id) in found.iter().filter(|(offset, _)| *offset >= log_start) {
            ensure!(*offset == next || (compact && *offset > next), "offset {next} is missing, {offset} follows");
            ensure!(seen.insert(*id), "record {id} is there twice, again at {offset}");
            next = *offset + 1;
        }
        ensure!(next == end, "the log ends at {end} but its records end at {next}");
        let lost = self.known.range(end..).count() as u64;
        if lost > 0 {
            let (offset, id) = self.known.range(end..).next().map(|(o, i)| (*o, *i)).unwrap_or_default();
            ensure!(may_lose, "record {id} at {offset} was answered or seen and is gone; the log ends at {end}");
            ensure!(epoch > self.epoch, "answered records were lost without a new leader epoch");
            self.known.split_off(&end);
        }
        let mut compacted = 0;
        let by_offset: BTreeMap<_, _> = found.iter().copied().collect();
        for (offset, id) in self.known.range(log_start..) {
            let there = by_offset.get(offset);
            let mut later = found.iter().filter(|(newer, _)| newer > offset);
            if compact && there.is_none() && later.any(|(_, newer)| key_of(*newer) == key_of(*id)) {
                compacted += 1;
                continue;
            }
            ensure!(there == Some(id), "offset {offset} must hold record {id} but holds {there:?}");
        }
        ensure!(epoch >= self.epoch, "the leader epoch fell from {} to {epoch}", self.epoch);
        self.epoch = epoch;
        self.trimmed = self.trimmed.max(log_start);
        self.known = by_offset;
        Ok(Gone { lost, compacted })
    }
}
