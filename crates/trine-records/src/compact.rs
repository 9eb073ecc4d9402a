//! Rewriting one batch for log compaction: offsets, producer fields and the covered offset range stay, dropped records leave gaps.

use bytes::Bytes;

use crate::{
    builder::assemble,
    codec::Compression,
    header::{BatchError, BatchHeader, NO_TIMESTAMP},
    record::{Record, Records, put_record, records_of},
};

/// How a batch is compacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactRules {
    /// Keep a batch without records when all of them go, so that a live producer's sequence survives.
    pub keep_empty: bool,
    /// When tombstones that stay may be dropped (ms): written into a batch that has tombstones and no horizon yet.
    pub delete_horizon: Option<i64>,
    /// Most bytes to decompress.
    pub decompressed_bytes_max: usize,
}

/// Keeps the records for which `keep` says so. `None` when nothing is left; the same bytes when nothing changes.
/// Record offsets are `header.offset_at(record.offset_delta)`; `keep` sees every record once, in order.
pub fn compact_batch(
    batch: &Bytes,
    rules: &CompactRules,
    mut keep: impl FnMut(&BatchHeader, &Record<'_>) -> bool,
) -> Result<Option<Bytes>, BatchError> {
    let mut header = BatchHeader::parse(batch)?;
    let codec = header.attributes.codec()?;
    let payload = records_of(&header, batch, rules.decompressed_bytes_max)?;

    let mut kept = Vec::new();
    let (mut count, mut dropped, mut tombstones) = (0_i32, false, false);
    let mut max_timestamp = NO_TIMESTAMP;
    for record in Records::new(&payload) {
        let record = record?;
        if keep(&header, &record) {
            kept.extend_from_slice(record.bytes());
            count += 1;
            tombstones |= record.value.is_none();
            max_timestamp = max_timestamp.max(record.timestamp(&header));
        } else {
            dropped = true;
        }
    }
    let horizon = rules
        .delete_horizon
        .filter(|_| tombstones && !header.attributes.delete_horizon() && !header.attributes.control());
    if count == 0 {
        if !rules.keep_empty {
            return Ok(None);
        }
        if header.record_count == 0 {
            return Ok(Some(batch.clone()));
        }
        header.base_timestamp = header.max_timestamp;
    } else if !dropped && horizon.is_none() {
        return Ok(Some(batch.clone()));
    }
    if let Some(horizon) = horizon {
        kept = rebase(&kept, header.base_timestamp, horizon)?;
        header.base_timestamp = horizon;
        header.attributes = header.attributes.with_delete_horizon();
    }
    if count > 0 && !header.attributes.log_append_time() {
        header.max_timestamp = max_timestamp;
    }
    header.record_count = count;
    // An empty block is not valid in every codec.
    let compression = if count == 0 { Compression::default() } else { Compression::from(codec) };
    Ok(Some(assemble(header, compression, &kept)?))
}

/// The same records with timestamps relative to another base.
fn rebase(records: &[u8], from: i64, to: i64) -> Result<Vec<u8>, BatchError> {
    let mut out = Vec::with_capacity(records.len());
    for record in Records::new(records) {
        let record = record?;
        let delta = from.saturating_add(record.timestamp_delta).saturating_sub(to);
        let headers: Vec<_> = record.headers().collect();
        put_record(&mut out, delta, record.offset_delta, record.key, record.value, headers.into_iter());
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
