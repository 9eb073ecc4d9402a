//! Topics and partitions as every connection sees them: shared, read without asking a shard.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use trine_types::{EntityId, Offset, TopicName, Uuid};

use crate::streams::Waiter;

/// A topic of the published catalogue. Never changes: an altered topic is another value with the same id.
pub struct Topic {
    name: TopicName,
    id: Uuid,
    /// Partitions in the order they were made; one chunk per create or grow, so that an idle partition costs its slot and nothing else.
    chunks: Vec<Chunk>,
}

#[derive(Clone)]
pub(crate) struct Chunk {
    first: u32,
    views: Arc<[PartitionView]>,
}

impl Topic {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &TopicName {
        &self.name
    }

    /// Its id; a topic that is deleted and made again has another.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// How many partitions it has.
    #[must_use]
    pub fn partitions(&self) -> u32 {
        self.chunks.last().map_or(0, |chunk| chunk.first + chunk.views.len() as u32)
    }

    /// One of its partitions.
    #[must_use]
    pub fn partition(self: &Arc<Self>, index: u32) -> Option<PartitionRef> {
        (index < self.partitions()).then(|| PartitionRef { topic: Arc::clone(self), index })
    }

    fn view(&self, index: u32) -> &PartitionView {
        let chunk = match self.chunks.as_slice() {
            [only] => only,
            chunks => &chunks[chunks.partition_point(|chunk| chunk.first <= index) - 1],
        };
        &chunk.views[(index - chunk.first) as usize]
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.id)
    }
}

/// One partition of a topic. Cheap to clone.
#[derive(Clone)]
pub struct PartitionRef {
    topic: Arc<Topic>,
    index: u32,
}

impl PartitionRef {
    /// The topic.
    #[must_use]
    pub const fn topic(&self) -> &Arc<Topic> {
        &self.topic
    }

    /// The partition's number.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// The entity that holds it.
    #[must_use]
    pub fn entity(&self) -> EntityId {
        self.view().entity
    }

    /// Its watermarks.
    #[must_use]
    pub fn view(&self) -> &PartitionView {
        self.topic.view(self.index)
    }
}

impl fmt::Debug for PartitionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic.name, self.index)
    }
}

/// What everybody may know of a partition: only what is durable. Written by its shard, read by anyone.
pub struct PartitionView {
    entity: EntityId,
    log_start: AtomicU64,
    end: AtomicU64,
    epoch: AtomicI32,
    deleted: AtomicBool,
    waiters: Mutex<Vec<Arc<Waiter>>>,
}

impl PartitionView {
    /// The first offset that exists.
    #[must_use]
    pub fn log_start(&self) -> Offset {
        self.log_start.load(Ordering::Acquire)
    }

    /// The high watermark: the offset after the last one that is durable. Consumers see only what is below.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.end.load(Ordering::Acquire)
    }

    /// The leader epoch.
    #[must_use]
    pub fn leader_epoch(&self) -> i32 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Whether the topic was deleted. A later topic of the same name has views of its own.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }
}
