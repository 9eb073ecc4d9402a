//! A stand-in for a disk: the operation log and checkpoints of a [`super::MemoryStore`], kept over a simulated crash.

use std::sync::Arc;

use parking_lot::Mutex;
use trine_types::{Lsn, ShardId, Timestamp};

use super::runs::Runs;
use crate::{CheckpointWriter, Op, OpBatch, Replay, Section, StoreError};

struct Logged {
    lsn: Lsn,
    at: Timestamp,
    ops: Vec<Op>,
}

#[derive(Default)]
struct Checkpoint {
    start: Lsn,
    as_of: Lsn,
    sections: Vec<Section>,
}

#[derive(Default)]
struct Group {
    log: Vec<Logged>,
    durable: Lsn,
    checkpoint: Checkpoint,
    waiting: Vec<Checkpoint>,
}

#[derive(Default)]
struct Inner {
    groups: Vec<Group>,
    used: bool,
    clean: bool,
}

/// See the module. Clones are the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    inner: Arc<Mutex<Inner>>,
}

/// What a disk holds.
#[derive(Default)]
pub(super) struct Found {
    pub(super) unclean: bool,
    pub(super) shards: Vec<(Lsn, Runs)>,
}

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is not durable is lost, as in a crash of the process that has the store open. That process's handles must not be used afterwards.
    pub fn crash(&self) {
        for group in &mut self.inner.lock().groups {
            let durable = group.durable;
            group.log.retain(|logged| logged.lsn <= durable);
            group.waiting.clear();
        }
    }

    pub(super) fn open(&self, shards: u16, replay: &mut dyn Replay) -> Result<Found, StoreError> {
        self.crash();
        let mut inner = self.inner.lock();
        if !inner.groups.is_empty() && inner.groups.len() != usize::from(shards) {
            return Err(StoreError::Format(format!("the disk has {} shard groups, not {shards}", inner.groups.len())));
        }
        inner.groups.resize_with(usize::from(shards), Group::default);
        let mut found = Found { unclean: inner.used && !inner.clean, shards: Vec::new() };
        (inner.used, inner.clean) = (true, false);
        for (at, group) in inner.groups.iter().enumerate() {
            let shard = ShardId(at as u16);
            for section in &group.checkpoint.sections {
                replay.section(shard, section.clone());
            }
            let mut runs = Runs::default();
            for logged in &group.log {
                for (op, run) in logged.ops.iter().filter_map(|op| Some((op, op.run.as_ref()?))) {
                    runs.push(op.entity, run);
                }
                if logged.lsn > group.checkpoint.start {
                    replay.batch(shard, logged.lsn, logged.at, logged.ops.clone());
                }
            }
            found.shards.push((group.durable, runs));
        }
        Ok(found)
    }

    pub(super) fn append(&self, shard: ShardId, lsn: Lsn, batch: &OpBatch) {
        if let Some(group) = self.inner.lock().groups.get_mut(usize::from(shard.0)) {
            group.log.push(Logged { lsn, at: batch.at, ops: batch.ops.clone() });
        }
    }

    pub(super) fn set_durable(&self, shard: ShardId, lsn: Lsn) {
        if let Some(group) = self.inner.lock().groups.get_mut(usize::from(shard.0)) {
            group.durable = lsn;
        }
    }

    /// Publishes checkpoints of which everything is durable; whether there was one.
    pub(super) fn publish(&self) -> bool {
        let mut some = false;
        for group in &mut self.inner.lock().groups {
            while let Some(at) = group.waiting.iter().position(|c| c.as_of <= group.durable) {
                group.checkpoint = group.waiting.remove(at);
                some = true;
            }
        }
        some
    }

    pub(super) fn set_clean(&self) {
        self.inner.lock().clean = true;
    }
}

/// Collects the sections of a checkpoint, or ignores them when there is no disk.
pub(super) struct CheckpointDraft {
    disk: Option<MemoryDisk>,
    shard: ShardId,
    checkpoint: Checkpoint,
}

impl CheckpointDraft {
    pub(super) fn new(disk: Option<MemoryDisk>, shard: ShardId, start: Lsn) -> Self {
        Self { disk, shard, checkpoint: Checkpoint { start, as_of: start, sections: Vec::new() } }
    }
}

impl CheckpointWriter for CheckpointDraft {
    fn section(&mut self, section: Section) {
        if self.disk.is_some() {
            self.checkpoint.as_of = self.checkpoint.as_of.max(section.as_of);
            self.checkpoint.sections.push(section);
        }
    }

    fn finish(self: Box<Self>) {
        let Self { disk, shard, mut checkpoint } = *self;
        if let Some(disk) = disk
            && let Some(group) = disk.inner.lock().groups.get_mut(usize::from(shard.0))
        {
            // An entity without a section is gone as of now, which must be durable too.
            checkpoint.as_of = group.log.last().map_or(checkpoint.as_of, |logged| logged.lsn.max(checkpoint.as_of));
            group.waiting.push(checkpoint);
        }
    }
}
