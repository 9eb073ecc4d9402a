//! Writing batches again without what is old.

use trine_records::{BatchHeader, CompactRules, Record, compact_batch};
use trine_storage::{Run, StoredBatch, Where};
use trine_types::{EntityId, Offset};

use super::{Job, keys::Keys};
use crate::{
    broker::Inner,
    streams::{DECOMPRESSED_BYTES_MAX, ReadFailure, damaged, scan},
};

/// Batches given to the store in one call, in bytes.
const CHUNK_BYTES: usize = 4 << 20;

/// Rewrites everything from the log start to the end of what the map covers; returns how many bytes went from each segment of the job.
pub(super) fn rewrite(inner: &Inner, job: &Job, keys: &Keys) -> Result<Vec<u64>, ReadFailure> {
    let entity = job.partition.entity();
    let mut removed = vec![0_u64; job.segments.len()];
    let mut chunk = Chunk::default();
    let mut failed = Ok(());
    scan(inner, entity, job.start, job.to, |header, batch| {
        if batch.base >= job.to {
            return Ok(false);
        }
        let rewritten = rewrite_one(job, keys, batch)?;
        let kept = rewritten.as_ref().map_or(0, bytes::Bytes::len);
        let at = job.segments.partition_point(|segment| segment.base <= batch.base).saturating_sub(1);
        if let Some(removed) = removed.get_mut(at) {
            *removed += batch.bytes.len().saturating_sub(kept) as u64;
        }
        chunk.add(header, batch, rewritten);
        if chunk.bytes >= CHUNK_BYTES {
            failed = chunk.hand_over(inner, entity);
        }
        Ok(failed.is_ok())
    })?;
    failed?;
    chunk.hand_over(inner, entity)?;
    Ok(removed)
}

fn rewrite_one(job: &Job, keys: &Keys, batch: &StoredBatch) -> Result<Option<bytes::Bytes>, ReadFailure> {
    let rules = CompactRules {
        // What producers sent last is in the partition's own state, not read back from its batches.
        keep_empty: false,
        delete_horizon: Some(job.now.0.saturating_add(job.tombstone_ms)),
        decompressed_bytes_max: DECOMPRESSED_BYTES_MAX,
    };
    let keep = |header: &BatchHeader, record: &Record<'_>| {
        if header.attributes.control() {
            return true;
        }
        let Some(key) = record.key else { return false };
        let old_tombstone =
            record.value.is_none() && header.attributes.delete_horizon() && header.base_timestamp <= job.now.0;
        !old_tombstone && !keys.supersedes(key, header.offset_at(record.offset_delta))
    };
    compact_batch(&batch.bytes, &rules, keep).map_err(|error| damaged(job.partition.entity(), batch, &error))
}

/// Neighbouring batches for the store.
#[derive(Default)]
struct Chunk {
    runs: Vec<Run>,
    range: Option<(Offset, Offset)>,
    changed: bool,
    bytes: usize,
}

impl Chunk {
    fn add(&mut self, header: &BatchHeader, batch: &StoredBatch, rewritten: Option<bytes::Bytes>) {
        let (from, _) = self.range.unwrap_or((batch.base, batch.base));
        self.range = Some((from, batch.end()));
        self.changed |= rewritten.as_ref() != Some(&batch.bytes);
        self.bytes += batch.bytes.len();
        if let Some(bytes) = rewritten {
            // The rewritten header says what is largest now; it was just written by us.
            let max_ts = BatchHeader::parse(&bytes).map_or(header.max_timestamp, |header| header.max_timestamp);
            let leader_epoch = header.leader_epoch;
            self.runs.push(Run { base: batch.base, count: batch.count, max_ts, leader_epoch, batch: bytes });
        }
    }

    /// Nothing is written for a stretch in which nothing changed.
    fn hand_over(&mut self, inner: &Inner, entity: EntityId) -> Result<(), ReadFailure> {
        let chunk = std::mem::take(self);
        let Some((from, to)) = chunk.range.filter(|_| chunk.changed) else { return Ok(()) };
        inner.store_of(entity).rewrite(entity, from..to, chunk.runs).map_err(|error| match error {
            trine_storage::StoreError::Corrupt(Where { file, pos, what }) => {
                ReadFailure::Corrupt(Where { file, pos, what })
            }
            other => ReadFailure::Io(other.to_string()),
        })
    }
}
