//! Finding records by time, exact to the record (ListOffsets).

use trine_types::Offset;

use crate::{
    header::{BatchError, BatchHeader},
    record::{Records, records_of},
};

/// The first record of a whole stored batch, at or after offset `from`, whose timestamp is at least `timestamp`: its offset and timestamp.
/// At most `max` bytes are decompressed.
pub fn find_by_timestamp(
    batch: &[u8],
    from: Offset,
    timestamp: i64,
    max: usize,
) -> Result<Option<(Offset, i64)>, BatchError> {
    let header = BatchHeader::parse(batch)?;
    if header.max_timestamp < timestamp {
        return Ok(None);
    }
    first(&header, batch, max, |offset, time| offset >= from && time >= timestamp)
}

/// The first record that has the batch's largest timestamp (with LogAppendTime all have it): its offset and timestamp. At most `max` bytes are decompressed.
pub fn max_timestamp_record(batch: &[u8], max: usize) -> Result<Option<(Offset, i64)>, BatchError> {
    let header = BatchHeader::parse(batch)?;
    first(&header, batch, max, |_, time| time >= header.max_timestamp)
}

fn first(
    header: &BatchHeader,
    batch: &[u8],
    max: usize,
    mut wanted: impl FnMut(Offset, i64) -> bool,
) -> Result<Option<(Offset, i64)>, BatchError> {
    let payload = records_of(header, batch, max)?;
    for record in Records::new(&payload) {
        let record = record?;
        let (offset, time) = (header.offset_at(record.offset_delta), record.timestamp(header));
        if wanted(offset, time) {
            return Ok(Some((offset, time)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
