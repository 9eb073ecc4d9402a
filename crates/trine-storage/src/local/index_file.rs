//! The records in which the run index is saved (section_file.rs): per entity its entries, per shard group up to which LSN the index is complete, and
//! the list of segments with their synced lengths.

use trine_types::{EntityId, Lsn};

use super::{files::FileKey, index::Entry};
use crate::codec::{Reader, put_varint};

/// First byte of every record body.
const VERSION: u8 = 1;

/// A segment as a save names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentInfo {
    pub(crate) id: u64,
    /// Bytes that were synced; recovery cuts the file to it.
    pub(crate) len: u64,
    /// Bytes entries were made for when it was written.
    pub(crate) given: u64,
    /// Whether it belongs to one entity.
    pub(crate) own: bool,
}

/// Entries of one entity, sorted by offset.
pub(crate) fn encode_runs<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<u8> {
    let mut out = vec![VERSION];
    let (mut end, mut ts, mut file) = (0_u64, 0_i64, 0_u32);
    for entry in entries {
        put_varint(&mut out, entry.base.wrapping_sub(end));
        put_varint(&mut out, u64::from(entry.count));
        put_varint(&mut out, zigzag(entry.max_ts.wrapping_sub(ts)));
        put_varint(&mut out, u64::from(entry.file.to_bits() ^ file));
        put_varint(&mut out, u64::from(entry.pos));
        put_varint(&mut out, u64::from(entry.len));
        (end, ts, file) = (entry.end(), entry.max_ts, entry.file.to_bits());
    }
    out
}

/// `None`: not what [`encode_runs`] writes, or entries that overlap.
pub(crate) fn decode_runs(bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut r = Reader::new(bytes);
    if r.u8()? != VERSION {
        return None;
    }
    let mut entries = Vec::new();
    let (mut end, mut ts, mut file) = (0_u64, 0_i64, 0_u32);
    while r.left() > 0 {
        let base = end.checked_add(r.varint()?)?;
        let count = u32::try_from(r.varint()?).ok().filter(|count| *count > 0)?;
        ts = ts.wrapping_add(unzigzag(r.varint()?));
        file ^= u32::try_from(r.varint()?).ok()?;
        let key = FileKey::from_bits(file);
        if key == FileKey::PENDING {
            return None;
        }
        let (pos, len) = (u32::try_from(r.varint()?).ok()?, u32::try_from(r.varint()?).ok()?);
        end = base.checked_add(u64::from(count))?;
        entries.push(Entry { base, max_ts: ts, count, file: key, pos, len });
    }
    Some(entries)
}

pub(crate) fn encode_segments(segments: &[SegmentInfo]) -> Vec<u8> {
    let mut out = vec![VERSION];
    for segment in segments {
        put_varint(&mut out, segment.id);
        put_varint(&mut out, segment.len);
        put_varint(&mut out, segment.given);
        out.push(u8::from(segment.own));
    }
    out
}

pub(crate) fn decode_segments(bytes: &[u8]) -> Option<Vec<SegmentInfo>> {
    let mut r = Reader::new(bytes);
    if r.u8()? != VERSION {
        return None;
    }
    let mut segments = Vec::new();
    while r.left() > 0 {
        segments.push(SegmentInfo { id: r.varint()?, len: r.varint()?, given: r.varint()?, own: r.u8()? != 0 });
    }
    Some(segments)
}

/// A save of the run index, loaded.
#[derive(Default, Debug, PartialEq, Eq)]
pub(crate) struct SavedIndex {
    /// Per entity the last LSN its entries contain, and the entries.
    pub(crate) entities: Vec<(EntityId, Lsn, Vec<Entry>)>,
    /// Per shard group the LSN up to which an entity that is not listed has no data.
    pub(crate) shards: Vec<(u64, Lsn)>,
    pub(crate) segments: Vec<SegmentInfo>,
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn round_trip(
            runs in vec((0..1_u64 << 40, 1..u32::MAX, any::<i64>(), 0..u32::MAX, any::<u32>(), any::<u32>()), 0..20),
            segments in vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<bool>()), 0..20),
        ) {
            let mut end = 0;
            let entries: Vec<_> = runs.into_iter().map(|(gap, count, max_ts, file, pos, len)| {
                let base = end + gap;
                end = base + u64::from(count);
                Entry { base, max_ts, count, file: FileKey::from_bits(file), pos, len }
            }).collect();
            let bytes = encode_runs(entries.iter());
            prop_assert_eq!(decode_runs(&bytes).unwrap(), entries);
            let segments: Vec<_> = segments.into_iter().map(|(id, len, given, own)| SegmentInfo { id, len, given, own }).collect();
            prop_assert_eq!(decode_segments(&encode_segments(&segments)).unwrap(), segments);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode_runs(&bytes);
            let _ = decode_segments(&bytes);
        }
    }
}
