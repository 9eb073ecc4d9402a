//! `CONTROL.0` and `CONTROL.1`: two blocks written alternately; the valid one with the higher number counts. A torn write loses only the newer.
//!
//! Each names the newest two checkpoints of every shard group and the newest two saves of the run index, so that one damaged file never costs
//! data (decision E6). While the store is open neither block says `clean`: otherwise the loss of one block could make the other call a log complete
//! that has grown since.

use trine_types::Lsn;

use super::{frame::WalPos, options::SHARDS_MAX};
use crate::codec::Reader;

/// Bytes of a control block.
pub(crate) const CONTROL_BYTES: usize = 4096;
const MAGIC: &[u8; 8] = b"TRINCTL1";
const VERSION: u16 = 1;
const FLAG_CLEAN: u16 = 1;

/// A published checkpoint of one shard group; id 0 stands for "none": replay starts at `from` with no state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct CheckpointRef {
    /// Number in the file's name.
    pub(crate) id: u64,
    /// The LSN at which it began; replay skips batches up to it.
    pub(crate) lsn: Lsn,
    /// Every later batch lies at or after this place.
    pub(crate) from: WalPos,
}

/// A published save of the run index; id 0 stands for "none".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct IndexRef {
    /// Number in the file's name.
    pub(crate) id: u64,
    /// Every batch it does not cover lies at or after this place.
    pub(crate) from: WalPos,
}

/// Newest and second newest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Pair<T> {
    pub(crate) cur: T,
    pub(crate) prev: T,
}

impl<T: Copy> Pair<T> {
    pub(crate) fn push(&mut self, new: T) {
        self.prev = std::mem::replace(&mut self.cur, new);
    }

    pub(crate) fn both(&self) -> [T; 2] {
        [self.cur, self.prev]
    }
}

/// The root of everything in a data directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Control {
    /// Which of the two blocks is newer.
    pub(crate) seq: u64,
    /// The directory's id.
    pub(crate) uuid: [u8; 16],
    /// Whether the store was closed: the log ends exactly at `end`.
    pub(crate) clean: bool,
    /// End of the log after a clean stop.
    pub(crate) end: WalPos,
    /// All frames before it were known durable when this block was written.
    pub(crate) synced: WalPos,
    /// Next number for a checkpoint or index file.
    pub(crate) next_id: u64,
    /// Saves of the run index.
    pub(crate) index: Pair<IndexRef>,
    /// Checkpoints of the shard groups.
    pub(crate) groups: Vec<Pair<CheckpointRef>>,
}

impl Control {
    pub(crate) fn new(uuid: [u8; 16], shards: u16) -> Self {
        Self {
            seq: 0,
            uuid,
            clean: false,
            end: WalPos::default(),
            synced: WalPos::default(),
            next_id: 1,
            index: Pair::default(),
            groups: vec![Pair::default(); usize::from(shards)],
        }
    }

    /// The oldest place any recovery from this block could start reading at.
    pub(crate) fn oldest(&self) -> WalPos {
        let groups = self.groups.iter().flat_map(|g| g.both().map(|c| c.from));
        groups.chain(self.index.both().map(|i| i.from)).min().unwrap_or_default()
    }

    /// Nothing starts behind the place where the log was found to end.
    pub(crate) fn move_back_to(&mut self, end: WalPos) {
        for group in &mut self.groups {
            group.cur.from = group.cur.from.min(end);
            group.prev.from = group.prev.from.min(end);
        }
        self.index.cur.from = self.index.cur.from.min(end);
        self.index.prev.from = self.index.prev.from.min(end);
    }

    /// Whether a checkpoint or index file is one of those kept.
    pub(crate) fn names(&self, id: u64) -> bool {
        let groups = self.groups.iter().flat_map(|g| g.both().map(|c| c.id));
        groups.chain(self.index.both().map(|i| i.id)).any(|named| named == id)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(CONTROL_BYTES);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(if self.clean { FLAG_CLEAN } else { 0 }).to_le_bytes());
        out.extend_from_slice(&(self.groups.len() as u16).to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.uuid);
        let mut word = |value: u64| out.extend_from_slice(&value.to_le_bytes());
        for value in [self.seq, self.end.file, self.end.pos, self.synced.file, self.synced.pos, self.next_id] {
            word(value);
        }
        for index in self.index.both() {
            [index.id, index.from.file, index.from.pos].into_iter().for_each(&mut word);
        }
        for checkpoint in self.groups.iter().flat_map(Pair::both) {
            [checkpoint.id, checkpoint.lsn.0, checkpoint.from.file, checkpoint.from.pos]
                .into_iter()
                .for_each(&mut word);
        }
        out.resize(CONTROL_BYTES - 4, 0);
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// `None` for anything that is not a whole, undamaged block of a known version.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, crc) = bytes.get(..CONTROL_BYTES)?.split_at(CONTROL_BYTES - 4);
        if crc32c::crc32c(body) != u32::from_le_bytes(crc.try_into().ok()?) {
            return None;
        }
        let mut r = Reader::new(body);
        if r.bytes(8)? != MAGIC || r.u16()? != VERSION {
            return None;
        }
        let (flags, groups) = (r.u16()?, r.u16()?);
        if groups == 0 || groups > SHARDS_MAX {
            return None;
        }
        r.u16()?;
        let uuid = r.bytes(16)?.try_into().ok()?;
        let pos = |r: &mut Reader<'_>| Some(WalPos { file: r.u64()?, pos: r.u64()? });
        let seq = r.u64()?;
        let (end, synced) = (pos(&mut r)?, pos(&mut r)?);
        let next_id = r.u64()?;
        let index = |r: &mut Reader<'_>| Some(IndexRef { id: r.u64()?, from: pos(r)? });
        let index = Pair { cur: index(&mut r)?, prev: index(&mut r)? };
        let checkpoint = |r: &mut Reader<'_>| Some(CheckpointRef { id: r.u64()?, lsn: Lsn(r.u64()?), from: pos(r)? });
        let groups = (0..groups)
            .map(|_| Some(Pair { cur: checkpoint(&mut r)?, prev: checkpoint(&mut r)? }))
            .collect::<Option<_>>()?;
        Some(Self { seq, uuid, clean: flags & FLAG_CLEAN != 0, end, synced, next_id, index, groups })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Control {
        let mut control = Control::new([7; 16], SHARDS_MAX);
        control.seq = 9;
        control.clean = true;
        control.end = WalPos { file: 3, pos: 8192 };
        control.synced = WalPos { file: 3, pos: 4096 };
        control.index.push(IndexRef { id: 4, from: WalPos { file: 2, pos: 4096 } });
        for (at, group) in control.groups.iter_mut().enumerate() {
            group.push(CheckpointRef { id: 5, lsn: Lsn(at as u64), from: WalPos { file: 1, pos: 4096 } });
        }
        control
    }

    #[test]
    fn round_trip() {
        let control = sample();
        let bytes = control.encode();
        assert_eq!(bytes.len(), CONTROL_BYTES);
        assert_eq!(Control::decode(&bytes), Some(control));
    }

    #[test]
    fn any_flipped_byte_and_any_cut_is_noticed() {
        let bytes = sample().encode();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x10;
            assert_eq!(Control::decode(&bad), None, "byte {at}");
            assert_eq!(Control::decode(&bytes[..at]), None);
        }
    }

    #[test]
    fn the_oldest_start_counts_the_second_newest() {
        let mut control = Control::new([0; 16], 1);
        let at = |file| WalPos { file, pos: 4096 };
        control.index = Pair { cur: IndexRef { id: 9, from: at(9) }, prev: IndexRef { id: 8, from: at(8) } };
        let checkpoint = |file| CheckpointRef { id: file, lsn: Lsn(file), from: at(file) };
        control.groups[0] = Pair { cur: checkpoint(7), prev: checkpoint(6) };
        assert_eq!(control.oldest(), at(6));
        control.groups[0].push(checkpoint(10));
        assert_eq!(control.oldest(), at(7));
        control.move_back_to(WalPos { file: 9, pos: 4095 });
        assert_eq!((control.groups[0].cur.from, control.groups[0].prev.from), (WalPos { file: 9, pos: 4095 }, at(7)));
    }
}
