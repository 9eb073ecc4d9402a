//! Commands about one partition other than appends.

use trine_core::streams::PartitionRecord;
use trine_storage::{Durability, Op, OpKind};
use trine_types::{EntityId, Offset};

use super::{Reply, Shard, progress::Raise};
use crate::{
    Failure,
    streams::{EpochEnd, StreamError},
    topic::PartitionRef,
};

impl Shard {
    /// Logs and applies a change of a partition other than an append. Always synchronous (decision E7), always allowed to use the disk reserve.
    fn change_partition(&mut self, entity: EntityId, record: &PartitionRecord) -> Result<(), Failure> {
        let (kind, meta) = record.encode();
        self.commit(vec![Op { kind: OpKind(kind), entity, meta, run: None }], Durability::Sync, true)?;
        let now = self.now;
        let slot = self.partitions.entry(entity).or_default();
        slot.state.apply(record, now);
        let Some(partition) = slot.at.clone() else { return Ok(()) };
        match record {
            PartitionRecord::Trim { to } => self.park_raise(Raise::LogStart { partition, to: *to }),
            PartitionRecord::LeaderEpoch { epoch } => self.park_raise(Raise::Epoch { partition, epoch: *epoch }),
            _ => {}
        }
        Ok(())
    }

    /// Like [`Shard::change_partition`] for work nobody waits for: a full disk leaves it for the next sweep.
    pub(super) fn maintain_partition(&mut self, entity: EntityId, record: &PartitionRecord) -> bool {
        self.change_partition(entity, record).is_ok()
    }

    pub(crate) fn trim(
        &mut self,
        partition: PartitionRef,
        to: Option<Offset>,
        reply: Reply<Result<Offset, StreamError>>,
    ) {
        let view = partition.view();
        let (entity, end, log_start) = (view.entity(), view.end(), view.log_start());
        if view.is_deleted() {
            reply.send(Err(StreamError::UnknownPartition));
            return;
        }
        let to = to.unwrap_or(end);
        let decided = self
            .partitions
            .get(&entity)
            .map_or_else(|| (to == 0).then_some(None), |slot| slot.state.decide_trim(to, end));
        let done = match decided {
            None => Err(StreamError::OutOfRange { asked: to, log_start, end }),
            Some(None) => Ok(()),
            Some(Some(record)) => self.change_partition(entity, &record).map_err(StreamError::from),
        };
        self.once_durable(move |_| reply.send(done.map(|()| partition.view().log_start())));
    }

    pub(crate) fn epoch_end(
        &mut self,
        partition: &PartitionRef,
        epoch: i32,
        reply: Reply<Result<Option<EpochEnd>, StreamError>>,
    ) {
        let view = partition.view();
        if view.is_deleted() {
            reply.send(Err(StreamError::UnknownPartition));
            return;
        }
        // What is not durable yet does not exist for a client: an epoch that goes on ends at the high watermark.
        let end = view.end();
        let found = match self.partitions.get(&view.entity()) {
            Some(slot) => slot.state.epochs().end_of(epoch, end),
            None => trine_core::streams::Epochs::default().end_of(epoch, end),
        };
        self.answer(reply, Ok(found.map(|found| EpochEnd { epoch: found.epoch, end: found.end.min(end) })));
    }

    /// The largest record timestamp that a partition's segments name.
    pub(crate) fn max_timestamp(&mut self, partition: &PartitionRef, reply: Reply<i64>) {
        let segments = self.partitions.get(&partition.entity()).map(|slot| slot.state.segments());
        let max = segments.unwrap_or_default().iter().map(|segment| segment.max_ts).max();
        self.answer(reply, max.unwrap_or(-1));
    }

    /// Raises the leader epoch of a partition that may have lost answered data (decision E7).
    pub(crate) fn raise_leader_epoch(&mut self, partition: PartitionRef) -> Result<(), Failure> {
        let entity = partition.entity();
        let slot = self.partitions.entry(entity).or_default();
        slot.at = Some(partition);
        let record = slot.state.decide_leader_epoch();
        self.change_partition(entity, &record)
    }
}
