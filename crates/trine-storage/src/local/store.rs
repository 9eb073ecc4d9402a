//! The handle of one shard group.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::Ordering::{AcqRel, Acquire, Relaxed},
    },
};

use trine_types::{EntityId, Lsn, Offset, ShardId, limits::OP_BATCH_BYTES_MAX};

use super::{
    checkpoint::{OpenCheckpoint, Writer},
    frame,
    index::Planned,
    read::ReadJob,
    rewrite,
    shared::{Message, Queued, Shard, Shared},
};
use crate::{
    AppendError, CheckpointWriter, OpBatch, ReadError, Request, Run, ShardStore, StoreError, StoreStats, StoredBatch,
};

/// Room for the meta of a batch's operations beside its record batches.
const BATCH_BYTES_MAX: usize = OP_BATCH_BYTES_MAX + (16 << 20);
const _: () = assert!(BATCH_BYTES_MAX + frame::FRAME_HEADER + (4 << 20) <= frame::FRAME_BYTES_MAX);

/// See [`ShardStore`].
pub(crate) struct LocalShard {
    pub(crate) shared: Arc<Shared>,
    pub(crate) at: usize,
}

impl LocalShard {
    fn shard(&self) -> &Shard {
        &self.shared.shards[self.at]
    }

    /// Whether a batch is taken now.
    fn check(&self, reserve: bool) -> Result<(), AppendError> {
        let shared = &self.shared;
        if let Some(why) = shared.failure() {
            return Err(AppendError::Stopped(why));
        }
        if shared.closed.load(Acquire) {
            return Err(AppendError::Stopped("it was closed".into()));
        }
        if !reserve && shared.space.full.load(Acquire) {
            let (free, needed) = (shared.space.free.load(Relaxed), shared.space.needed.load(Relaxed));
            return Err(AppendError::Full { free, needed });
        }
        Ok(())
    }
}

impl ShardStore for LocalShard {
    fn shard(&self) -> ShardId {
        self.shard().id
    }

    fn append(&self, batch: OpBatch) -> Result<Lsn, AppendError> {
        let (shared, shard) = (&self.shared, self.shard());
        self.check(batch.reserve)?;
        let size = frame::batch_size(&batch.ops);
        assert!(size <= BATCH_BYTES_MAX, "an operation batch of {size} bytes: the caller bounds them");
        debug_assert!(
            !batch.ops.is_empty() && batch.ops.iter().filter_map(|op| op.run.as_ref()).all(frame::run_is_sound)
        );
        let mut log = shard.log.lock();
        let lsn = log.last.next();
        if batch.ops.iter().any(|op| op.run.is_some()) {
            let mut index = shard.index.write();
            for op in &batch.ops {
                if let Some(run) = &op.run {
                    index.push_pending(op.entity, run);
                }
            }
        }
        log.last = lsn;
        log.queue.push_back(Queued { lsn, at: batch.at, durability: batch.durability, ops: batch.ops, size });
        drop(log);
        shard.batches.fetch_add(1, Relaxed);
        shard.bytes.fetch_add(size as u64, Relaxed);
        shard.queued_bytes.fetch_add(size as u64, Relaxed);
        shared.commit_signal.notify();
        Ok(lsn)
    }

    fn admit(&self) -> Result<(), AppendError> {
        self.check(false)
    }

    fn written(&self) -> Lsn {
        self.shard().written()
    }

    fn durable(&self) -> Lsn {
        self.shard().durable()
    }

    fn failure(&self) -> Option<Arc<str>> {
        self.shared.failure()
    }

    fn read(
        &self,
        entity: EntityId,
        from: Offset,
        below: Offset,
        max_bytes: usize,
        may_block: bool,
    ) -> Result<Vec<StoredBatch>, ReadError> {
        let shared = &*self.shared;
        // The files are looked up under the index's lock: whoever removes one removes its entries first.
        let plan: Vec<_> = {
            let index = self.shard().index.read();
            let plan = index.plan(entity, from, below, max_bytes);
            plan.into_iter()
                .map(|planned| {
                    let file = match &planned {
                        Planned::Stored(entry) => shared.files.get(entry.file),
                        Planned::Pending(..) => None,
                    };
                    (planned, file)
                })
                .collect()
        };
        ReadJob {
            shared,
            entity,
            from,
            below,
            may_block,
            consumer: true,
            bytes_max: max_bytes,
            out: Vec::new(),
            bytes: 0,
            full: false,
        }
        .run(plan)
    }

    fn find_time(&self, entity: EntityId, ts: i64) -> Option<Offset> {
        self.shard().index.read().find_time(entity, ts)
    }

    fn bytes_in(&self, entity: EntityId, range: Range<Offset>) -> u64 {
        self.shard().index.read().bytes_in(entity, &range)
    }

    fn trim(&self, entity: EntityId, below: Offset) {
        self.shard().index.write().trim(entity, below, &self.shared.files);
    }

    fn drop_entity(&self, entity: EntityId) {
        self.shard().index.write().drop_entity(entity, &self.shared.files);
    }

    fn rewrite(&self, entity: EntityId, range: Range<Offset>, batches: Vec<Run>) -> Result<(), StoreError> {
        rewrite::rewrite(&self.shared, self.shard(), entity, &range, batches)
    }

    fn request(&self) -> Option<Request> {
        self.shard().requests.lock().pop_front()
    }

    fn live(&self, entity: EntityId, range: Range<Offset>, live: Vec<Range<Offset>>, applied: Lsn) {
        self.shared.send(Message::Live { entity, range, live, applied });
    }

    fn checkpoint(&self, start: Lsn) -> Box<dyn CheckpointWriter> {
        let open = OpenCheckpoint::begin(&self.shared, self.shard(), start);
        self.shared.send(Message::Checkpoint(Arc::clone(&open)));
        Box::new(Writer::new(Arc::clone(&self.shared), open))
    }

    fn stats(&self) -> StoreStats {
        let (shared, shard) = (&self.shared, self.shard());
        StoreStats {
            batches: shard.batches.load(Relaxed),
            bytes: shard.bytes.load(Relaxed),
            queued_bytes: shard.queued_bytes.load(Relaxed),
            syncs: shared.counters.syncs.load(Relaxed),
            sync_us: shared.counters.sync_us.load(Relaxed),
            wal_bytes: shared.counters.wal.load(Relaxed),
            wal_budget: shared.options.wal_budget,
            segment_bytes: shared.counters.segments.load(Relaxed),
            index_bytes: shard.index.read().bytes(),
            cache_bytes: shared.cache.bytes(),
            full: shared.space.full.load(Acquire),
        }
    }
}

impl Shared {
    /// Ends appending; whether this call did it.
    pub(crate) fn close_appends(&self) -> bool {
        !self.closed.swap(true, AcqRel)
    }
}
