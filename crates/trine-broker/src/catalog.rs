//! The published catalogue: what exists, as far as it is durable.

use std::sync::Arc;

use trine_core::catalog::{Catalog, NameMap, TopicDefaults};
use trine_types::{EntityId, GroupName, Namespace, TopicName, Uuid};

use crate::{queues::QueueRef, topic::Topic};

/// Everything that exists at one moment. Replaced, never changed; holding one delays nothing.
#[derive(Clone)]
pub struct CatalogSnapshot {
    pub(crate) catalog: Catalog,
    pub(crate) topics: NameMap<TopicName, Arc<Topic>>,
    pub(crate) queues: NameMap<Uuid, QueueRef>,
    queue_entities: NameMap<EntityKey, Uuid>,
}

/// An entity as a key of a [`NameMap`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct EntityKey([u8; 8]);

impl EntityKey {
    const fn new(entity: EntityId) -> Self {
        Self(entity.to_bits().to_le_bytes())
    }
}

impl AsRef<[u8]> for EntityKey {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl CatalogSnapshot {
    pub(crate) fn new(catalog: Catalog) -> Self {
        let mut topics = NameMap::default();
        for info in catalog.topics() {
            topics.insert(info.name.clone(), Arc::new(Topic::new(Arc::clone(info), None)));
        }
        let mut snapshot = Self { topics, queues: NameMap::default(), queue_entities: NameMap::default(), catalog };
        let queues: Vec<_> = snapshot.catalog.queues().cloned().collect();
        for info in queues {
            snapshot.put_queue(QueueRef::new(info));
        }
        snapshot
    }

    pub(crate) fn put_queue(&mut self, queue: QueueRef) {
        self.queue_entities.insert(EntityKey::new(queue.entity()), queue.id());
        self.queues.insert(queue.id(), queue);
    }

    pub(crate) fn remove_queue(&mut self, id: Uuid) -> Option<QueueRef> {
        let queue = self.queues.remove(&id)?;
        self.queue_entities.remove(&EntityKey::new(queue.entity()));
        Some(queue)
    }

    /// The queue that an entity (its lane 0) is.
    pub(crate) fn queue_of(&self, entity: EntityId) -> Option<&QueueRef> {
        self.queues.get(self.queue_entities.get(&EntityKey::new(entity))?)
    }

    /// Rises with every change: answers computed from a snapshot may be cached under it.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.catalog.version()
    }

    /// The data directory's id, made when it was created.
    #[must_use]
    pub const fn cluster_id(&self) -> Uuid {
        self.catalog.cluster_id()
    }

    /// The topic with this name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topics.get(name)
    }

    /// The topic with this id.
    #[must_use]
    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<Topic>> {
        self.topics.get(&self.catalog.topic_by_id(id)?.name)
    }

    /// All topics, in no particular order.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.topics.values()
    }

    /// Number of topics.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.catalog.topics_len()
    }

    /// Whether there are no topics.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of partitions of all topics.
    #[must_use]
    pub const fn partitions_len(&self) -> u64 {
        self.catalog.partitions_len()
    }

    /// The queue with this name.
    #[must_use]
    pub fn queue(&self, namespace: &Namespace, name: &str) -> Option<&QueueRef> {
        self.queues.get(&self.catalog.queue(namespace, name)?.id)
    }

    /// All queues, by namespace and name.
    pub fn queues(&self) -> impl Iterator<Item = &QueueRef> {
        self.catalog.queues().filter_map(|info| self.queues.get(&info.id))
    }

    /// Number of queues.
    #[must_use]
    pub const fn queues_len(&self) -> usize {
        self.catalog.queues_len()
    }

    /// Names of all groups, in no particular order.
    pub fn groups(&self) -> impl Iterator<Item = &GroupName> {
        self.catalog.groups().map(|group| &group.name)
    }

    /// Values of settings that topics do not set.
    #[must_use]
    pub const fn topic_defaults(&self) -> &Arc<TopicDefaults> {
        self.catalog.defaults()
    }

    pub(crate) fn group(&self, name: &GroupName) -> Option<EntityId> {
        self.catalog.group(name).map(|group| group.entity)
    }
}
