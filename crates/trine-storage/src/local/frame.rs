//! Frames: what one group commit writes (decision E3, E7, E8).
//!
//! ```text
//! frame   at a multiple of 4096, zero-padded to one
//!    0 u32 magic      4 u32 CRC-32C of bytes 8..len     8 u32 len        12 u8 version   13 u8 kind   14 u16 0
//!   16 u64 salt of the file's present life             24 u64 file_no   32 u64 own position
//!   40 u64 synced.file  48 u64 synced.pos  (known durable when this was written)     56 u32 batches     60 u32 0
//!   64 batches, or for an end frame: u64 number of the next file
//! batch   u16 group | u16 flags | u32 len | u64 lsn | u64 at_ms | u32 ops | u32 epoch | ops
//! op      u32 len | u16 kind | u16 flags | u64 entity | u32 meta_len
//!         with a run: | u64 base | u32 count | u32 batch_len | i64 max_ts | i32 leader_epoch      then meta,
//!         with a run: | u32 CRC-32C of the batch's first 21 bytes, which its own CRC does not cover | record batch
//! ```

use bytes::Bytes;
use trine_types::{EntityId, Lsn, ShardId, Timestamp};

use crate::{
    Op, OpKind, Run, batch,
    codec::{Reader, be_u32},
};

/// Alignment of everything that is written.
pub(crate) const PAGE: usize = 4096;
/// [`PAGE`] as a file position.
pub(crate) const PAGE_U64: u64 = 4096;
/// Bytes of a frame before its batches.
pub(crate) const FRAME_HEADER: usize = 64;
/// No valid frame is longer: 4 MiB after which a frame takes no more batches, plus the largest batch, with room to grow.
pub(crate) const FRAME_BYTES_MAX: usize = 64 << 20;
/// Bytes of a batch before its operations.
pub(crate) const BATCH_BYTES: usize = 32;
/// Bytes of an operation before its meta, without and with a run.
pub(crate) const OP_BYTES: usize = 20;
pub(crate) const OP_RUN_BYTES: usize = 48 + PREFIX_CRC_BYTES;
/// The checksum right before a record batch.
pub(crate) const PREFIX_CRC_BYTES: usize = 4;

const MAGIC: u32 = 0x4d52_4654; // "TFRM"
const VERSION: u8 = 1;
const OP_HAS_RUN: u16 = 1;
/// The batch was answered before it was synced (decision E7).
const BATCH_INTERVAL: u16 = 1;

/// A place in the log: file number, byte position in the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct WalPos {
    pub(crate) file: u64,
    pub(crate) pos: u64,
}

/// What a frame holds. The numbers are permanent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FrameKind {
    /// Batches.
    Data = 1,
    /// The file ends here; the log goes on in another one.
    End = 2,
}

/// Fields of a frame's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    /// Bytes without the padding.
    pub(crate) len: usize,
    pub(crate) salt: u64,
    pub(crate) at: WalPos,
    pub(crate) synced: WalPos,
    pub(crate) batches: u32,
}

/// `len` rounded up to a page.
pub(crate) const fn padded(len: usize) -> usize {
    len.next_multiple_of(PAGE)
}

impl FrameHeader {
    /// The header of a frame that may lie here; its CRC is not checked. `None` when this cannot be one.
    pub(crate) fn peek(bytes: &[u8]) -> Option<Self> {
        let mut r = Reader::new(bytes.get(..FRAME_HEADER)?);
        if r.u32()? != MAGIC {
            return None;
        }
        r.u32()?;
        let len = r.u32()? as usize;
        if r.u8()? != VERSION || !(FRAME_HEADER..=FRAME_BYTES_MAX).contains(&len) {
            return None;
        }
        let kind = match r.u8()? {
            1 => FrameKind::Data,
            2 => FrameKind::End,
            _ => return None,
        };
        r.u16()?;
        let salt = r.u64()?;
        let at = WalPos { file: r.u64()?, pos: r.u64()? };
        let synced = WalPos { file: r.u64()?, pos: r.u64()? };
        Some(Self { kind, len, salt, at, synced, batches: r.u32()? })
    }

    /// Whether `bytes` (at least `self.len`) pass the checksum.
    pub(crate) fn verify(&self, bytes: &[u8]) -> bool {
        let stored = Reader::new(bytes.get(4..8).unwrap_or_default()).u32();
        bytes.get(8..self.len).is_some_and(|body| stored == Some(crc32c::crc32c(body)))
    }
}

/// The number of the next file in an end frame.
pub(crate) fn next_file(frame: &[u8]) -> Option<u64> {
    Reader::new(frame.get(FRAME_HEADER..)?).u64()
}

/// Bytes one batch takes in a frame.
pub(crate) fn batch_size(ops: &[Op]) -> usize {
    ops.iter().fold(BATCH_BYTES, |sum, op| {
        sum + op.meta.len() + op.run.as_ref().map_or(OP_BYTES, |run| OP_RUN_BYTES + run.batch.len())
    })
}

/// Builds one frame at a time in a buffer it keeps.
#[derive(Default)]
pub(crate) struct FrameBuilder {
    buf: Vec<u8>,
    batches: u32,
    /// Length without padding, once the frame was finished: finishing it again (the disk was full) gives the same frame for another place.
    body: Option<usize>,
}

/// A buffer that grew beyond this for one large batch is given back.
const KEEP_BYTES: usize = 8 << 20;

impl FrameBuilder {
    /// Starts a new frame.
    pub(crate) fn clear(&mut self) {
        self.buf.clear();
        if self.buf.capacity() > KEEP_BYTES {
            self.buf.shrink_to(KEEP_BYTES / 2);
        }
        self.buf.resize(FRAME_HEADER, 0);
        self.batches = 0;
        self.body = None;
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.buf.len()
    }

    /// Adds a batch; `placed` is told where each run's record batch begins in the frame.
    pub(crate) fn push(
        &mut self,
        shard: ShardId,
        lsn: Lsn,
        at: Timestamp,
        interval: bool,
        ops: &[Op],
        mut placed: impl FnMut(&Op, &Run, usize),
    ) {
        let out = &mut self.buf;
        out.reserve(batch_size(ops));
        out.extend_from_slice(&shard.0.to_le_bytes());
        out.extend_from_slice(&(if interval { BATCH_INTERVAL } else { 0 }).to_le_bytes());
        out.extend_from_slice(&(batch_size(ops) as u32).to_le_bytes());
        out.extend_from_slice(&lsn.0.to_le_bytes());
        out.extend_from_slice(&at.0.to_le_bytes());
        out.extend_from_slice(&(ops.len() as u32).to_le_bytes());
        out.extend_from_slice(&0_u32.to_le_bytes());
        for op in ops {
            let (head, flags, batch_len) =
                op.run.as_ref().map_or((OP_BYTES, 0, 0), |run| (OP_RUN_BYTES, OP_HAS_RUN, run.batch.len()));
            out.extend_from_slice(&((head + op.meta.len() + batch_len) as u32).to_le_bytes());
            out.extend_from_slice(&op.kind.0.to_le_bytes());
            out.extend_from_slice(&flags.to_le_bytes());
            out.extend_from_slice(&op.entity.to_bits().to_le_bytes());
            out.extend_from_slice(&(op.meta.len() as u32).to_le_bytes());
            let Some(run) = &op.run else {
                out.extend_from_slice(&op.meta);
                continue;
            };
            out.extend_from_slice(&run.base.to_le_bytes());
            out.extend_from_slice(&run.count.to_le_bytes());
            out.extend_from_slice(&(batch_len as u32).to_le_bytes());
            out.extend_from_slice(&run.max_ts.to_le_bytes());
            out.extend_from_slice(&run.leader_epoch.to_le_bytes());
            out.extend_from_slice(&op.meta);
            let pos = out.len() + PREFIX_CRC_BYTES;
            out.extend_from_slice(&[0; PREFIX_CRC_BYTES]);
            out.extend_from_slice(&run.batch);
            batch::patch(&mut out[pos..], run.base, run.leader_epoch);
            let crc = batch::prefix_crc(&out[pos..]);
            out[pos - PREFIX_CRC_BYTES..pos].copy_from_slice(&crc.to_le_bytes());
            placed(op, run, pos);
        }
        self.batches += 1;
    }

    /// The finished data frame, padded.
    pub(crate) fn finish(&mut self, salt: u64, at: WalPos, synced: WalPos) -> &[u8] {
        self.seal(FrameKind::Data, salt, at, synced)
    }

    /// An end frame naming the next file.
    pub(crate) fn end_frame(&mut self, salt: u64, at: WalPos, synced: WalPos, next: u64) -> &[u8] {
        self.clear();
        self.buf.extend_from_slice(&next.to_le_bytes());
        self.seal(FrameKind::End, salt, at, synced)
    }

    /// The finished frame or part of it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buf
    }

    fn seal(&mut self, kind: FrameKind, salt: u64, at: WalPos, synced: WalPos) -> &[u8] {
        let len = *self.body.get_or_insert(self.buf.len());
        let out = &mut self.buf;
        out.truncate(len);
        out[..4].copy_from_slice(&MAGIC.to_le_bytes());
        out[8..12].copy_from_slice(&(len as u32).to_le_bytes());
        out[12] = VERSION;
        out[13] = kind as u8;
        for (field, value) in [salt, at.file, at.pos, synced.file, synced.pos].into_iter().enumerate() {
            out[16 + field * 8..24 + field * 8].copy_from_slice(&value.to_le_bytes());
        }
        out[56..60].copy_from_slice(&self.batches.to_le_bytes());
        let crc = crc32c::crc32c(&out[8..len]);
        out[4..8].copy_from_slice(&crc.to_le_bytes());
        out.resize(padded(len), 0);
        out
    }
}

/// A batch read back from a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DecodedBatch {
    pub(crate) shard: ShardId,
    pub(crate) lsn: Lsn,
    pub(crate) at: Timestamp,
    pub(crate) interval: bool,
    pub(crate) ops: Vec<Op>,
    /// Where the record batch of each run begins in the frame, in the order of the operations that have one.
    pub(crate) places: Vec<u32>,
}

/// The batches of a data frame whose checksum was verified; payloads are slices of `frame`. `None`: not what [`FrameBuilder`] writes.
pub(crate) fn decode_batches(frame: &Bytes, header: &FrameHeader) -> Option<Vec<DecodedBatch>> {
    let mut r = Reader::new(frame.get(..header.len)?);
    r.bytes(FRAME_HEADER)?;
    let mut batches = Vec::new();
    for _ in 0..header.batches {
        batches.push(decode_batch(frame, &mut r)?);
    }
    (r.left() == 0).then_some(batches)
}

fn decode_batch(frame: &Bytes, r: &mut Reader<'_>) -> Option<DecodedBatch> {
    let begin = r.at();
    let shard = ShardId(r.u16()?);
    let interval = r.u16()? & BATCH_INTERVAL != 0;
    let len = r.u32()? as usize;
    let lsn = Lsn(r.u64()?);
    let at = Timestamp(r.i64()?);
    let count = r.u32()?;
    r.u32()?;
    let (mut ops, mut places) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let op_begin = r.at();
        let op_len = r.u32()? as usize;
        let kind = OpKind(r.u16()?);
        let flags = r.u16()?;
        let entity = EntityId::from_bits(r.u64()?)?;
        let meta_len = r.u32()? as usize;
        let run = if flags & OP_HAS_RUN == 0 {
            None
        } else {
            let (base, count, batch_len) = (r.u64()?, r.u32()?, r.u32()? as usize);
            Some((base, count, batch_len, r.i64()?, r.i32()?))
        };
        let meta_at = r.at();
        r.bytes(meta_len)?;
        let meta = frame.slice(meta_at..r.at());
        let run = match run {
            None => None,
            Some((base, count, batch_len, max_ts, leader_epoch)) => {
                r.bytes(PREFIX_CRC_BYTES)?;
                let at = r.at();
                r.bytes(batch_len)?;
                places.push(u32::try_from(at).ok()?);
                Some(Run { base, count, max_ts, leader_epoch, batch: frame.slice(at..r.at()) })
            }
        };
        if r.at() - op_begin != op_len {
            return None;
        }
        ops.push(Op { kind, entity, meta, run });
    }
    (r.at() - begin == len).then_some(DecodedBatch { shard, lsn, at, interval, ops, places })
}

/// Whether a run's fields agree with its own batch, so that a bad caller is noticed before its data is written.
pub(crate) fn run_is_sound(run: &Run) -> bool {
    run.count > 0
        && run.batch.len() >= batch::BATCH_HEADER
        && be_u32(&run.batch, 8).is_some_and(|len| len as usize + 12 == run.batch.len())
}

#[cfg(test)]
#[path = "frame/tests.rs"]
mod tests;
