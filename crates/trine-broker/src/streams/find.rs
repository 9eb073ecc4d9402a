//! Looking offsets up, exact to the record.

use trine_records::{BatchHeader, Records, find_by_timestamp, records_of};
use trine_storage::{StoredBatch, Where};
use trine_types::{EntityId, Offset};

use super::{
    FoundOffset, OffsetQuery, StreamError, Streams,
    read::{ReadFailure, blocking, read_now},
};
use crate::{PartitionRef, broker::Inner};

/// Read at a time when looking for a record.
const SCAN_BYTES: usize = 1 << 20;
/// Most bytes one stored batch may decompress to when its records are looked at.
pub(crate) const DECOMPRESSED_BYTES_MAX: usize = 256 << 20;

impl From<ReadFailure> for StreamError {
    fn from(failure: ReadFailure) -> Self {
        match failure {
            ReadFailure::Corrupt(at) => Self::Corrupt(at),
            ReadFailure::Io(what) => Self::Io(what),
        }
    }
}

impl Streams<'_> {
    /// Looks an offset up, exact to the record. Only what is durable is seen.
    pub async fn offset_for(self, partition: &PartitionRef, query: OffsetQuery) -> Result<FoundOffset, StreamError> {
        let inner = &self.broker.inner;
        let view = partition.view();
        if view.is_deleted() {
            return Err(StreamError::UnknownPartition);
        }
        let (entity, start, end) = (view.entity(), view.log_start(), view.end());
        let leader_epoch = view.leader_epoch();
        let found = match query {
            OffsetQuery::Earliest => {
                return Ok(FoundOffset { offset: Some(start), timestamp: None, leader_epoch });
            }
            OffsetQuery::Latest => return Ok(FoundOffset { offset: Some(end), timestamp: None, leader_epoch }),
            OffsetQuery::At(time) => blocking(inner, move |inner| first_at(inner, entity, start, end, time.0)).await?,
            OffsetQuery::MaxTimestamp => {
                let partition = partition.clone();
                let max = inner.call(entity, move |shard, reply| shard.max_timestamp(&partition, reply)).await?;
                blocking(inner, move |inner| largest(inner, entity, start, end, max)).await?
            }
        };
        let none = FoundOffset { offset: None, timestamp: None, leader_epoch };
        Ok(found.map_or(none, |found| FoundOffset {
            offset: Some(found.offset),
            timestamp: Some(found.timestamp),
            leader_epoch: found.epoch,
        }))
    }
}

/// A record that was looked for.
pub(crate) struct Found {
    pub(crate) offset: Offset,
    pub(crate) timestamp: i64,
    epoch: i32,
}

/// The first record in `start..end` whose timestamp is at least `ts`.
fn first_at(
    inner: &Inner,
    entity: EntityId,
    start: Offset,
    end: Offset,
    ts: i64,
) -> Result<Option<Found>, ReadFailure> {
    let Some(from) = inner.store_of(entity).find_time(entity, ts) else { return Ok(None) };
    let mut found = None;
    scan(inner, entity, from.max(start), end, |header, batch| {
        if header.max_timestamp < ts {
            return Ok(true);
        }
        found = find_by_timestamp(&batch.bytes, start, ts, DECOMPRESSED_BYTES_MAX)
            .map_err(|error| damaged(entity, batch, &error))?
            .map(|(offset, timestamp)| Found { offset, timestamp, epoch: header.leader_epoch });
        Ok(found.is_none())
    })?;
    Ok(found.filter(|found| found.offset < end))
}

/// The first record in `start..end`.
pub(crate) fn first_from(
    inner: &Inner,
    entity: EntityId,
    start: Offset,
    end: Offset,
) -> Result<Option<Found>, ReadFailure> {
    let mut found = None;
    scan(inner, entity, start, end, |header, batch| {
        found = find_by_timestamp(&batch.bytes, start, i64::MIN, DECOMPRESSED_BYTES_MAX)
            .map_err(|error| damaged(entity, batch, &error))?
            .map(|(offset, timestamp)| Found { offset, timestamp, epoch: header.leader_epoch });
        Ok(found.is_none())
    })?;
    Ok(found.filter(|found| found.offset < end))
}

/// The record with the largest timestamp in `start..end`; `hint` is the largest one the partition knows of, which may be gone or not durable yet.
fn largest(
    inner: &Inner,
    entity: EntityId,
    start: Offset,
    end: Offset,
    hint: i64,
) -> Result<Option<Found>, ReadFailure> {
    if hint < 0 {
        return Ok(None);
    }
    if let Some(found) = first_at(inner, entity, start, end, hint)? {
        return Ok(Some(found));
    }
    let mut best: Option<Found> = None;
    scan(inner, entity, start, end, |header, batch| {
        let better = best.as_ref().is_none_or(|best| header.max_timestamp > best.timestamp);
        if better && let Some(found) = largest_of(entity, header, batch, start)? {
            best = Some(best.take().filter(|best| best.timestamp >= found.timestamp).unwrap_or(found));
        }
        Ok(true)
    })?;
    Ok(best.filter(|found| found.offset < end))
}

/// The first record at or after `start` with the largest timestamp of those in one batch.
fn largest_of(
    entity: EntityId,
    header: &BatchHeader,
    batch: &StoredBatch,
    start: Offset,
) -> Result<Option<Found>, ReadFailure> {
    let wrong = |error| damaged(entity, batch, &error);
    let payload = records_of(header, &batch.bytes, DECOMPRESSED_BYTES_MAX).map_err(wrong)?;
    let mut best: Option<Found> = None;
    for record in Records::new(&payload) {
        let record = record.map_err(wrong)?;
        let (offset, timestamp) = (header.offset_at(record.offset_delta), record.timestamp(header));
        if offset >= start && best.as_ref().is_none_or(|best| timestamp > best.timestamp) {
            best = Some(Found { offset, timestamp, epoch: header.leader_epoch });
        }
    }
    Ok(best)
}

/// Visits batches in order until the visitor says no. Blocks.
pub(crate) fn scan(
    inner: &Inner,
    entity: EntityId,
    mut from: Offset,
    end: Offset,
    mut visit: impl FnMut(&BatchHeader, &StoredBatch) -> Result<bool, ReadFailure>,
) -> Result<(), ReadFailure> {
    while from < end {
        let batches = read_now(inner, entity, from, end, SCAN_BYTES)?;
        let Some(last) = batches.last() else { return Ok(()) };
        from = last.end();
        for batch in &batches {
            let header = BatchHeader::parse(&batch.bytes).map_err(|error| damaged(entity, batch, &error))?;
            if !visit(&header, batch)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// A stored batch whose checksum is right but whose content is not: it was accepted wrongly.
pub(crate) fn damaged(entity: EntityId, batch: &StoredBatch, error: &dyn std::fmt::Display) -> ReadFailure {
    let what = format!("batch at offset {} of entity {entity}: {error}", batch.base);
    tracing::error!("{what}");
    ReadFailure::Corrupt(Where { file: format!("entity {entity}"), pos: batch.base, what })
}
