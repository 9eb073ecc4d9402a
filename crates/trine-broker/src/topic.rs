//! Topics and partitions as every connection sees them: shared, read without asking a shard.

use std::{fmt, ops::Deref, sync::Arc};

use trine_core::catalog::TopicInfo;
use trine_types::EntityId;

use crate::view::PartitionView;

/// A topic of the published catalogue. Never changes: an altered topic is another value with the same id.
pub struct Topic {
    info: Arc<TopicInfo>,
    /// Partitions in the order they were made; one chunk per create or grow, so that an idle partition costs its slot and nothing else.
    chunks: Vec<Chunk>,
}

#[derive(Clone)]
struct Chunk {
    first: u32,
    views: Arc<[PartitionView]>,
}

impl Topic {
    /// The topic with views for all its partitions; those that `old` has are kept, so that whoever watches one goes on watching it.
    pub(crate) fn new(info: Arc<TopicInfo>, old: Option<&Self>) -> Self {
        let mut chunks = old.map(|old| old.chunks.clone()).unwrap_or_default();
        let have = chunks.last().map_or(0, |chunk| chunk.first + chunk.views.len() as u32);
        let views: Arc<[PartitionView]> =
            (have..info.partitions()).filter_map(|p| info.entity(p)).map(PartitionView::new).collect();
        if !views.is_empty() {
            chunks.push(Chunk { first: have, views });
        }
        Self { info, chunks }
    }

    /// What the catalogue says about it: id, name, settings, time of creation.
    #[must_use]
    pub const fn info(&self) -> &Arc<TopicInfo> {
        &self.info
    }

    /// One of its partitions.
    #[must_use]
    pub fn partition(self: &Arc<Self>, index: u32) -> Option<PartitionRef> {
        self.find(index).is_some().then(|| PartitionRef { topic: Arc::clone(self), index })
    }

    /// All its partitions, in order.
    pub fn all_partitions(self: &Arc<Self>) -> impl Iterator<Item = PartitionRef> {
        (0..self.info.partitions()).filter_map(|index| self.partition(index))
    }

    pub(crate) fn views(&self) -> impl Iterator<Item = &PartitionView> {
        self.chunks.iter().flat_map(|chunk| chunk.views.iter())
    }

    fn find(&self, index: u32) -> Option<&PartitionView> {
        let at = match self.chunks.len() {
            1 => 0,
            _ => self.chunks.partition_point(|chunk| chunk.first <= index).checked_sub(1)?,
        };
        let chunk = self.chunks.get(at)?;
        chunk.views.get((index - chunk.first) as usize)
    }
}

/// A topic reads like its catalogue entry: `topic.name`, `topic.id`, `topic.config`.
impl Deref for Topic {
    type Target = TopicInfo;

    fn deref(&self) -> &TopicInfo {
        &self.info
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.info.name, self.info.id)
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

    /// Whether this is the same partition of the same version of the topic.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.index == other.index && Arc::ptr_eq(&self.topic, &other.topic)
    }

    /// The entity that holds it.
    #[must_use]
    pub fn entity(&self) -> EntityId {
        self.view().entity()
    }

    /// Its watermarks.
    #[must_use]
    pub fn view(&self) -> &PartitionView {
        // The index was checked when the reference was made, and a topic's partitions never become fewer.
        self.topic.find(self.index).expect("a partition reference is only made for a partition that exists")
    }
}

impl fmt::Debug for PartitionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic.info.name, self.index)
    }
}
