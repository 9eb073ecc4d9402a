//! What the simulation writes: record batches and operations that can be told apart and checked.

use bytes::Bytes;
use trine_env::Seeded;
use trine_storage::{Op, OpKind, Run};
use trine_types::{EntityId, Offset};

/// Adds a run to an entity.
pub(super) const APPEND: OpKind = OpKind(1);
/// Raises the entity's log start to the offset in its meta.
pub(super) const TRIM: OpKind = OpKind(10);
/// Settles the offsets of the range in its meta.
pub(super) const SETTLE: OpKind = OpKind(4);
/// Ends the entity.
pub(super) const DROP: OpKind = OpKind(9);
/// Changes nothing but the entity's history.
pub(super) const NOTE: OpKind = OpKind(13);

const BATCH_HEADER: usize = 61;
const LENGTH_AT: usize = 8;
const EPOCH_AT: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const LAST_DELTA_AT: usize = 23;
const MAX_TS_AT: usize = 35;
const COUNT_AT: usize = 57;

/// A record batch v2 with a valid header and checksum around opaque random bytes. Base offset and leader epoch are a producer's nonsense.
pub(super) fn record_batch(rng: &mut Seeded, count: u32, max_ts: i64, payload: usize) -> Bytes {
    let mut batch = vec![0; BATCH_HEADER + payload];
    rng.fill(&mut batch);
    let length = (batch.len() - LENGTH_AT - 4) as u32;
    let mut put = |at: usize, field: &[u8]| batch[at..at + field.len()].copy_from_slice(field);
    put(LENGTH_AT, &length.to_be_bytes());
    put(MAGIC_AT, &[2]);
    put(LAST_DELTA_AT, &(count - 1).to_be_bytes());
    put(MAX_TS_AT, &max_ts.to_be_bytes());
    put(COUNT_AT, &count.to_be_bytes());
    let crc = crc32c::crc32c(&batch[CRC_AT + 4..]);
    batch[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
    batch.into()
}

/// The batch as the store must give it back: with its base offset and leader epoch.
pub(super) fn stored(run: &Run) -> Bytes {
    let mut batch = run.batch.to_vec();
    batch[..8].copy_from_slice(&run.base.to_be_bytes());
    batch[EPOCH_AT..EPOCH_AT + 4].copy_from_slice(&run.leader_epoch.to_be_bytes());
    batch.into()
}

/// An operation as recovery must give it back.
pub(super) fn stored_op(op: &Op) -> Op {
    let run = op.run.as_ref().map(|run| Run { batch: stored(run), ..run.clone() });
    Op { run, ..op.clone() }
}

/// Sizes of payloads: mostly small, sometimes larger than a block, rarely larger than a frame, very rarely larger than a simulated log file.
pub(super) fn payload_len(rng: &mut Seeded) -> usize {
    let max = match rng.below(1000) {
        0..700 => 200,
        700..940 => 2_000,
        940..990 => 6_000,
        990..998 => 24_000,
        _ => 90_000,
    };
    rng.below(max) as usize
}

pub(super) fn op(kind: OpKind, entity: EntityId, meta: Bytes) -> Op {
    Op { kind, entity, meta, run: None }
}

pub(super) fn trim(entity: EntityId, below: Offset) -> Op {
    op(TRIM, entity, Bytes::copy_from_slice(&below.to_le_bytes()))
}

pub(super) fn settle(entity: EntityId, from: Offset, to: Offset) -> Op {
    let meta = [from.to_le_bytes(), to.to_le_bytes()].concat();
    op(SETTLE, entity, meta.into())
}

/// The numbers in a TRIM's or SETTLE's meta.
pub(super) fn numbers(meta: &[u8]) -> Vec<u64> {
    meta.chunks_exact(8).map(|chunk| u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| chunk[i]))).collect()
}

/// A hash of a few bytes, for histories and digests.
pub(super) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
    })
}
