//! The few fields of a record batch v2 that the store touches: it patches base offset and leader epoch, and verifies what it reads back
//! (decision E9). All integers in a record batch are big endian.

use bytes::Bytes;
use trine_types::Offset;

use crate::codec::{be_u32, be_u64};

/// Bytes of a record batch's header; no batch is shorter.
pub(crate) const BATCH_HEADER: usize = 61;
/// Bytes before the part that `batch_length` counts.
const BATCH_PREFIX: usize = 12;
/// Where the leader epoch lies.
const EPOCH_AT: usize = 12;
/// Where the CRC lies; it covers everything after itself.
const CRC_AT: usize = 17;
/// Where the largest timestamp lies.
const MAX_TS_AT: usize = 35;
/// Where `last_offset_delta` lies.
const LAST_DELTA_AT: usize = 23;

/// Writes base offset and leader epoch into a batch (both outside its CRC).
pub(crate) fn patch(batch: &mut [u8], base: Offset, leader_epoch: i32) {
    if let Some(field) = batch.get_mut(..8) {
        field.copy_from_slice(&base.to_be_bytes());
    }
    if let Some(field) = batch.get_mut(EPOCH_AT..EPOCH_AT + 4) {
        field.copy_from_slice(&leader_epoch.to_be_bytes());
    }
}

/// Bytes of a batch before the part that its own CRC covers.
const PREFIX_BYTES: usize = CRC_AT + 4;

/// A checksum of what a batch's own CRC does not cover: base offset, length, leader epoch, magic and the CRC itself.
pub(crate) fn prefix_crc(batch: &[u8]) -> u32 {
    crc32c::crc32c(batch.get(..PREFIX_BYTES).unwrap_or(batch))
}

/// A patched copy of a batch.
pub(crate) fn patched(batch: &[u8], base: Offset, leader_epoch: i32) -> Bytes {
    let mut copy = batch.to_vec();
    patch(&mut copy, base, leader_epoch);
    copy.into()
}

/// Whole length of the batch that starts here, from its own length field; `None` when there is no room for it.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    let len = (be_u32(bytes, 8)? as usize).checked_add(BATCH_PREFIX)?;
    (len >= BATCH_HEADER && len <= bytes.len()).then_some(len)
}

/// Base offset in a batch's header.
pub(crate) fn base(bytes: &[u8]) -> Option<Offset> {
    be_u64(bytes, 0)
}

/// Offsets a batch covers (last_offset_delta + 1).
pub(crate) fn count(bytes: &[u8]) -> Option<u32> {
    be_u32(bytes, LAST_DELTA_AT)?.checked_add(1)
}

/// Largest record timestamp in a batch's header.
pub(crate) fn max_ts(bytes: &[u8]) -> Option<i64> {
    be_u64(bytes, MAX_TS_AT).map(u64::cast_signed)
}

/// Checks a stored batch: length, base offset, CRC. The text says what is wrong.
pub(crate) fn verify(batch: &[u8], expected_base: Offset) -> Result<(), String> {
    if length(batch) != Some(batch.len()) {
        return Err("the record batch's length field does not match".into());
    }
    match base(batch) {
        Some(found) if found == expected_base => {}
        found => return Err(format!("a record batch has base offset {found:?} instead of {expected_base}")),
    }
    let stored = be_u32(batch, CRC_AT);
    let computed = crc32c::crc32c(batch.get(CRC_AT + 4..).unwrap_or_default());
    if stored != Some(computed) {
        return Err(format!("the record batch at offset {expected_base} fails its checksum"));
    }
    Ok(())
}

/// A valid batch with `count` offsets and `payload` opaque bytes, for tests and benchmarks.
#[must_use]
pub fn test_batch(count: u32, max_ts: i64, payload: &[u8]) -> Bytes {
    let mut batch = vec![0_u8; BATCH_HEADER];
    batch.extend_from_slice(payload);
    let len = (batch.len() - BATCH_PREFIX) as u32;
    batch[8..12].copy_from_slice(&len.to_be_bytes());
    batch[16] = 2;
    batch[LAST_DELTA_AT..LAST_DELTA_AT + 4].copy_from_slice(&count.saturating_sub(1).to_be_bytes());
    batch[MAX_TS_AT..MAX_TS_AT + 8].copy_from_slice(&max_ts.to_be_bytes());
    batch[57..61].copy_from_slice(&count.to_be_bytes());
    let crc = crc32c::crc32c(&batch[CRC_AT + 4..]);
    batch[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
    batch.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patched_batches_verify_and_damaged_ones_do_not() {
        let batch = patched(&test_batch(3, 7, b"hello"), 42, 5);
        assert_eq!((base(&batch), count(&batch), length(&batch)), (Some(42), Some(3), Some(66)));
        assert_eq!(verify(&batch, 42), Ok(()));
        assert!(verify(&batch, 41).is_err());
        assert!(verify(&batch[..65], 42).is_err());
        for at in 0..batch.len() {
            let mut bad = batch.to_vec();
            bad[at] ^= 1;
            // Leader epoch and magic are outside the CRC.
            assert_eq!(verify(&bad, 42).is_ok(), (EPOCH_AT..CRC_AT).contains(&at), "byte {at}");
        }
    }
}
