//! Checkpoints: one section per entity, encoded between commands (decision E6).

use bytes::{BufMut, Bytes, BytesMut};
use trine_core::{codec::Writer, queues::FrozenQueue};
use trine_storage::{CheckpointWriter, Request, Section};
use trine_types::{EntityId, Lsn, Timestamp};

use super::{Shard, sweep::SLICE};

/// What a section holds: the first byte of its bytes. On disk for ever.
pub(super) const SECTION_PARTITION: u8 = 1;
/// A consumer group.
pub(super) const SECTION_GROUP: u8 = 2;
/// The catalogue.
pub(super) const SECTION_CATALOG: u8 = 3;
/// A queue with all its lanes.
pub(super) const SECTION_QUEUE: u8 = 4;
/// Bytes of a queue's section encoded at once: well below a slice of time.
const QUEUE_SLICE_BYTES: usize = 64 << 10;

/// A checkpoint that is being written.
pub(crate) struct Checkpoint {
    writer: Box<dyn CheckpointWriter>,
    todo: Vec<EntityId>,
    /// A queue whose section is being encoded: its state can be large, so it was frozen and goes slice by slice.
    queue: Option<QueueSection>,
}

struct QueueSection {
    entity: EntityId,
    as_of: Lsn,
    state: FrozenQueue,
    bytes: Writer,
}

/// Kind, time of the last decision (so that time does not fall across a restart without a tail), state.
pub(super) fn frame(kind: u8, at: Timestamp, state: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(9 + state.len());
    bytes.put_u8(kind);
    bytes.put_i64_le(at.0);
    bytes.put_slice(state);
    bytes.freeze()
}

impl Shard {
    /// Does what the store asks for.
    pub(super) fn store_request(&mut self) {
        // Bounded: every answer lets the store go on to its next wish.
        for _ in 0..16 {
            match self.store.request() {
                Some(Request::Checkpoint) => {
                    if self.checkpoint.is_some() {
                        return;
                    }
                    self.begin_checkpoint();
                    return;
                }
                Some(Request::Live(ranges)) => {
                    for (entity, range) in ranges {
                        let log_start = self.partitions.get(&entity).map(|slot| slot.state.log_start());
                        // An entity nobody knows is dead, whatever its bytes say.
                        let live = log_start.map(|start| start.max(range.start)..range.end);
                        let live = match self.queue_live(entity, range.clone()) {
                            Some(live) => live,
                            None => live.filter(|live| !live.is_empty()).into_iter().collect(),
                        };
                        self.store.live(entity, range, live, self.applied);
                    }
                }
                None => return,
            }
        }
    }

    /// Starts a checkpoint of everything that is applied now.
    pub(super) fn begin_checkpoint(&mut self) {
        let mut todo: Vec<_> = self.partitions.keys().copied().collect();
        todo.extend(self.groups.entities());
        todo.extend(self.queues.entities());
        if self.catalog.is_some() {
            todo.push(EntityId::CATALOG);
        }
        self.checkpoint = Some(Checkpoint { writer: self.store.checkpoint(self.applied), todo, queue: None });
    }

    /// Encodes entities for at most a slice.
    pub(super) fn checkpoint_slice(&mut self) {
        let Some(mut checkpoint) = self.checkpoint.take() else { return };
        let start = self.shared.clock.mono();
        loop {
            if let Some(queue) = &mut checkpoint.queue {
                if !queue.state.encode_slice(&mut queue.bytes, QUEUE_SLICE_BYTES)
                    && let Some(QueueSection { entity, as_of, bytes, .. }) = checkpoint.queue.take()
                {
                    checkpoint.writer.section(Section { entity, as_of, bytes: bytes.finish() });
                }
            } else {
                let Some(entity) = checkpoint.todo.pop() else {
                    checkpoint.writer.finish();
                    return;
                };
                // An entity that is gone by now needs no section.
                if let Some(state) = self.freeze_queue(entity) {
                    let mut bytes = Writer::new();
                    bytes.u8(SECTION_QUEUE);
                    bytes.i64(self.now.0);
                    checkpoint.queue = Some(QueueSection { entity, as_of: self.applied, state, bytes });
                } else if let Some(bytes) = self.section(entity) {
                    checkpoint.writer.section(Section { entity, as_of: self.applied, bytes });
                }
            }
            if self.shared.clock.mono().saturating_sub(start) >= SLICE {
                self.checkpoint = Some(checkpoint);
                return;
            }
        }
    }

    fn section(&self, entity: EntityId) -> Option<Bytes> {
        if entity == EntityId::CATALOG {
            let owner = self.catalog.as_ref()?;
            return Some(frame(SECTION_CATALOG, self.now, &owner.catalog.encode_section()));
        }
        if let Some(group) = self.groups.section(entity) {
            return Some(frame(SECTION_GROUP, self.now, &group));
        }
        let slot = self.partitions.get(&entity)?;
        Some(frame(SECTION_PARTITION, self.now, &slot.state.encode_section()))
    }
}
