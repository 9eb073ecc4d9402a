//! Recovery: `apply` over the log, and nothing else (law 2).

use std::{collections::HashSet, sync::Arc};

use trine_core::{
    catalog::{Catalog, CatalogRecord, TopicDefaults},
    codec::DecodeError,
    groups::{Group, GroupRecord},
    ops,
    queues::{Queue, QueueRecord},
    streams::{Partition, PartitionRecord},
};
use trine_storage::{Op, Replay, Section};
use trine_types::{EntityId, Lsn, ShardId, Timestamp};

use super::{
    EntityMap,
    checkpoint::{SECTION_CATALOG, SECTION_GROUP, SECTION_PARTITION, SECTION_QUEUE},
};

/// What one shard group's log says.
#[derive(Default)]
pub(crate) struct Recovered {
    pub(crate) partitions: EntityMap<Partition>,
    pub(crate) groups: EntityMap<Group>,
    /// By the entity of lane 0.
    pub(crate) queues: EntityMap<Queue>,
    /// Time of the last decision.
    pub(crate) at: Timestamp,
    /// Last LSN a section contains, per entity that had one.
    as_of: EntityMap<Lsn>,
}

/// Receives sections and batches of all shard groups.
pub(crate) struct Recovery {
    pub(crate) shards: Vec<Recovered>,
    pub(crate) catalog: Catalog,
    defaults: Arc<TopicDefaults>,
    /// Entities of topics whose end is in the log: their data may still be there if the store forgot that it was told so.
    deleted: Vec<EntityId>,
    /// The first thing that could not be understood; recovery must not go on without it.
    pub(crate) error: Option<String>,
}

impl Recovery {
    pub(crate) fn new(defaults: Arc<TopicDefaults>) -> Self {
        Self {
            shards: Vec::new(),
            catalog: Catalog::new(Arc::clone(&defaults)),
            defaults,
            deleted: Vec::new(),
            error: None,
        }
    }

    pub(crate) fn shard(&mut self, shard: ShardId) -> &mut Recovered {
        let at = usize::from(shard.0);
        if self.shards.len() <= at {
            self.shards.resize_with(at + 1, Recovered::default);
        }
        &mut self.shards[at]
    }

    /// Forgets entities that the catalogue does not know and returns them: a topic whose end is durable in group 0 while its shard still had records
    /// (decision E12).
    pub(crate) fn drop_unknown(&mut self) -> Vec<Vec<EntityId>> {
        let known: HashSet<EntityId> = self.catalog.entities().collect();
        let shards = self.shards.len() as u16;
        let mut dropped = Vec::new();
        for (at, shard) in self.shards.iter_mut().enumerate() {
            let all = shard.partitions.keys().chain(shard.groups.keys()).chain(shard.queues.keys());
            let mut gone: Vec<_> = all.filter(|entity| !known.contains(entity)).copied().collect();
            for entity in &gone {
                shard.partitions.remove(entity);
                shard.groups.remove(entity);
                shard.queues.remove(entity);
            }
            let deleted = self.deleted.iter().filter(|entity| usize::from(entity.shard(shards).0) == at);
            gone.extend(deleted);
            dropped.push(gone);
        }
        dropped
    }

    fn read_section(&mut self, shard: ShardId, section: &Section) -> Result<(), String> {
        let damaged = || format!("shard group {shard}: the checkpoint section of entity {} is damaged", section.entity);
        let (kind, rest) = section.bytes.split_first().ok_or_else(damaged)?;
        let (at, state) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        let wrong = |error: DecodeError| format!("{}: {error}", damaged());
        match *kind {
            SECTION_CATALOG => {
                self.catalog = Catalog::decode_section(state, Arc::clone(&self.defaults)).map_err(wrong)?;
            }
            SECTION_PARTITION => {
                let partition = Partition::decode_section(state).map_err(wrong)?;
                self.shard(shard).partitions.insert(section.entity, partition);
            }
            SECTION_GROUP => {
                let group = Group::decode_section(state).map_err(wrong)?;
                self.shard(shard).groups.insert(section.entity, group);
            }
            SECTION_QUEUE => {
                let queue = Queue::decode_section(state).map_err(wrong)?;
                self.shard(shard).queues.insert(section.entity, queue);
            }
            _ => return Err(damaged()),
        }
        let recovered = self.shard(shard);
        recovered.at = recovered.at.max(Timestamp(i64::from_le_bytes(*at)));
        recovered.as_of.insert(section.entity, section.as_of);
        Ok(())
    }

    /// Whether a section contains an operation already. A lane's state is in the section of its queue.
    fn is_known(&mut self, shard: ShardId, op: &Op, lsn: Lsn) -> bool {
        let mut entity = op.entity;
        if op.kind.0 == ops::ENQUEUE
            && let Ok(queue) = QueueRecord::decode(op.kind.0, &op.meta).and_then(|record| queue_of(op, &record))
        {
            entity = queue;
        }
        self.shard(shard).as_of.get(&entity).is_some_and(|as_of| lsn <= *as_of)
    }

    fn apply(&mut self, shard: ShardId, at: Timestamp, op: &Op) -> Result<(), DecodeError> {
        match op.kind.0 {
            ops::CATALOG => {
                let record = CatalogRecord::decode(&op.meta)?;
                if let CatalogRecord::TopicDeleted { id } = &record
                    && let Some(topic) = self.catalog.topic_by_id(*id)
                {
                    self.deleted.extend(topic.entities());
                }
                if let CatalogRecord::QueueDeleted { id } = &record
                    && let Some(queue) = self.catalog.queue_by_id(*id)
                {
                    self.deleted.extend(queue.entities());
                }
                self.catalog.apply(&record, at);
            }
            ops::STREAM_APPEND | ops::TRIM | ops::LEADER_EPOCH | ops::PRODUCERS_EXPIRED | ops::COMPACTED => {
                let run = op.run.as_ref().map(|run| (run.base, run.batch.as_ref()));
                let record = PartitionRecord::decode(op.kind.0, &op.meta, run)?;
                self.shard(shard).partitions.entry(op.entity).or_default().apply(&record, at);
            }
            ops::GROUP => {
                let record = GroupRecord::decode(&op.meta)?;
                self.shard(shard).groups.entry(op.entity).or_default().apply(&record, at);
            }
            ops::BARRIER => {}
            kind if QueueRecord::is_kind(kind) => {
                let record = QueueRecord::decode(kind, &op.meta)?;
                self.shard(shard).queues.entry(queue_of(op, &record)?).or_default().apply(&record, at);
            }
            _ => return Err(DecodeError { what: "an operation of an unknown kind" }),
        }
        Ok(())
    }
}

/// The queue that an operation belongs to: lanes have consecutive numbers.
fn queue_of(op: &Op, record: &QueueRecord) -> Result<EntityId, DecodeError> {
    let first = op.entity.number().checked_sub(u64::from(record.lane()));
    let queue = first.and_then(|first| EntityId::new(op.entity.slot(), first));
    queue.ok_or(DecodeError { what: "the lane of a queue record" })
}

impl Replay for Recovery {
    fn section(&mut self, shard: ShardId, section: Section) {
        if let Err(error) = self.read_section(shard, &section) {
            self.error.get_or_insert(error);
        }
    }

    fn batch(&mut self, shard: ShardId, lsn: Lsn, at: Timestamp, ops: Vec<Op>) {
        if self.error.is_some() {
            return;
        }
        let recovered = self.shard(shard);
        recovered.at = recovered.at.max(at);
        for op in &ops {
            if self.is_known(shard, op, lsn) {
                continue;
            }
            if let Err(error) = self.apply(shard, at, op) {
                self.error = Some(format!("shard group {shard}, batch {lsn}, entity {}: {error}", op.entity));
                return;
            }
        }
    }
}
