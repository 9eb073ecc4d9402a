//! Segment files: data that left the log (decision E11). One kind; a file belongs to one entity or is shared.
//!
//! ```text
//! page 0   "TRINSEG1" | u16 version | u16 flags (1: one entity's own) | u32 0 | u64 id | u64 entity or 0 | 16 B uuid | u32 CRC-32C
//! then blocks, back to back within a round of writing; a round starts on a page, its end is zero-padded to one
//! block    u32 len | u32 CRC-32C of what follows | u64 entity | u64 base | u32 count | u32 0 | i64 max_ts | `len` bytes of record batches
//! ```

use trine_types::{EntityId, Offset};

use super::frame::PAGE;
use crate::codec::Reader;

/// Where the first block lies.
pub(crate) const SEGMENT_START: u64 = PAGE as u64;
/// Bytes of a block before its batches.
pub(crate) const BLOCK_HEADER: usize = 40;
/// No valid block is longer: one batch of the largest size fits.
pub(crate) const BLOCK_BYTES_MAX: usize = 64 << 20;

const MAGIC: &[u8; 8] = b"TRINSEG1";
const VERSION: u16 = 1;
const FLAG_OWN: u16 = 1;
const USED: usize = 48;

/// First page of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentHeader {
    pub(crate) id: u64,
    /// Whose own it is; `None`: shared.
    pub(crate) owner: Option<EntityId>,
    pub(crate) uuid: [u8; 16],
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PAGE);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(if self.owner.is_some() { FLAG_OWN } else { 0 }).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.owner.map_or(0, EntityId::to_bits).to_le_bytes());
        out.extend_from_slice(&self.uuid);
        debug_assert_eq!(out.len(), USED);
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out.resize(PAGE, 0);
        out
    }

    /// `None` unless this is an undamaged header of a known version.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let crc = crc32c::crc32c(bytes.get(..USED)?);
        let mut r = Reader::new(bytes);
        if r.bytes(8)? != MAGIC || r.u16()? != VERSION {
            return None;
        }
        let flags = r.u16()?;
        r.u32()?;
        let (id, entity) = (r.u64()?, EntityId::from_bits(r.u64()?)?);
        let owner = (flags & FLAG_OWN != 0).then_some(entity);
        let header = Self { id, owner, uuid: r.bytes(16)?.try_into().ok()? };
        (r.u32()? == crc).then_some(header)
    }
}

/// Header of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BlockHeader {
    /// Bytes of batches.
    pub(crate) len: usize,
    pub(crate) crc: u32,
    pub(crate) entity: EntityId,
    pub(crate) base: Offset,
    /// Offsets from `base` to the end of the last batch.
    pub(crate) count: u32,
    pub(crate) max_ts: i64,
}

impl BlockHeader {
    /// The header that lies here; `None` when it cannot be one (zeros are padding).
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut r = Reader::new(bytes.get(..BLOCK_HEADER)?);
        let (len, crc) = (r.u32()? as usize, r.u32()?);
        let (entity, base, count) = (EntityId::from_bits(r.u64()?)?, r.u64()?, r.u32()?);
        r.u32()?;
        let header = Self { len, crc, entity, base, count, max_ts: r.i64()? };
        ((1..=BLOCK_BYTES_MAX).contains(&len) && count > 0).then_some(header)
    }

    /// Whether the block that lies here, header included, passes its checksum.
    pub(crate) fn verify(&self, block: &[u8]) -> bool {
        block.get(8..BLOCK_HEADER + self.len).is_some_and(|body| crc32c::crc32c(body) == self.crc)
    }

    pub(crate) const fn end(&self) -> Offset {
        self.base.saturating_add(self.count as u64)
    }
}

/// Fills in the header of a block whose batches stand behind room for it.
pub(crate) fn seal_block(block: &mut [u8], entity: EntityId, base: Offset, count: u32, max_ts: i64) {
    let len = block.len().saturating_sub(BLOCK_HEADER) as u32;
    let Some((head, _)) = block.split_at_mut_checked(BLOCK_HEADER) else { return };
    head[..4].copy_from_slice(&len.to_le_bytes());
    head[8..16].copy_from_slice(&entity.to_bits().to_le_bytes());
    head[16..24].copy_from_slice(&base.to_le_bytes());
    head[24..28].copy_from_slice(&count.to_le_bytes());
    head[28..32].fill(0);
    head[32..40].copy_from_slice(&max_ts.to_le_bytes());
    let crc = crc32c::crc32c(&block[8..]);
    block[4..8].copy_from_slice(&crc.to_le_bytes());
}

pub(crate) fn segment_name(id: u64) -> String {
    format!("{id:020}.seg")
}

/// The number in a segment's name.
pub(crate) fn parse_segment_name(path: &std::path::Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".seg")?;
    if name.len() == 20 { name.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_round_trip_and_damage() {
        for owner in [None, EntityId::new(9, 12)] {
            let header = SegmentHeader { id: 5, owner, uuid: [1; 16] };
            let bytes = header.encode();
            assert_eq!((bytes.len(), SegmentHeader::decode(&bytes)), (PAGE, Some(header)));
            for at in 0..USED + 4 {
                let mut bad = bytes.clone();
                bad[at] ^= 4;
                assert_eq!(SegmentHeader::decode(&bad), None, "byte {at}");
            }
        }
    }

    #[test]
    fn block_round_trip_and_damage() {
        let entity = EntityId::new(1, 2).unwrap();
        let mut block = [&[9; BLOCK_HEADER], &b"batches"[..]].concat();
        seal_block(&mut block, entity, 100, 7, -1);
        let block = &block[..];
        let header = BlockHeader::decode(block).unwrap();
        assert_eq!((header.entity, header.base, header.count, header.max_ts, header.len), (entity, 100, 7, -1, 7));
        assert_eq!((header.end(), header.verify(block)), (107, true));
        for at in 0..block.len() {
            let mut bad = block.to_vec();
            bad[at] ^= 1;
            assert!(!BlockHeader::decode(&bad).is_some_and(|h| h.verify(&bad)), "byte {at}");
        }
        assert_eq!(BlockHeader::decode(&[0; BLOCK_HEADER]), None);
        assert_eq!(parse_segment_name(std::path::Path::new(&segment_name(3))), Some(3));
        assert_eq!(parse_segment_name(std::path::Path::new("3.seg")), None);
    }
}
