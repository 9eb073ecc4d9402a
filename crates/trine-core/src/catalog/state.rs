//! The state of the catalogue and how records change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use trine_types::{EntityId, GroupName, Timestamp, TopicName, Uuid};

use super::{
    CatalogRecord, Extent, GroupInfo, NameMap, OrderedMap, QueueInfo, QueueKey, TopicConfig, TopicDefaults, TopicInfo,
    setting_spec,
};
use crate::queues::QueueSettings;

/// What exists. A clone is a snapshot for readers and shares everything.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub(super) version: u64,
    pub(super) cluster_id: Uuid,
    pub(super) topics: NameMap<TopicName, Arc<TopicInfo>>,
    pub(super) by_id: NameMap<Uuid, TopicName>,
    /// Collision keys ("." as "_") of all topics.
    pub(super) collisions: NameMap<String, TopicName>,
    pub(super) groups: NameMap<GroupName, GroupInfo>,
    pub(super) queues: OrderedMap<QueueKey, Arc<QueueInfo>>,
    pub(super) queue_ids: NameMap<Uuid, QueueKey>,
    /// (target, source) of dead letters.
    pub(super) dead_letters: OrderedMap<(QueueKey, QueueKey), ()>,
    /// Names of queues deleted lately, and when.
    pub(super) tombstones: NameMap<QueueKey, Timestamp>,
    /// Settings of the queue put last, to be shared.
    pub(super) last_settings: Option<Arc<QueueSettings>>,
    /// Lanes of all queues.
    pub(super) lanes: u64,
    pub(super) receipt_key: Option<[u8; 32]>,
    /// Number of the next entity; 0 is the catalogue itself.
    pub(super) next_number: u64,
    pub(super) partitions: u64,
    pub(super) next_producer_id: i64,
    pub(super) defaults: Arc<TopicDefaults>,
}

impl Catalog {
    /// An empty catalogue; topics get the server's `defaults` for what they do not set.
    #[must_use]
    pub fn new(defaults: Arc<TopicDefaults>) -> Self {
        Self {
            version: 0,
            cluster_id: Uuid::NIL,
            topics: NameMap::default(),
            by_id: NameMap::default(),
            collisions: NameMap::default(),
            groups: NameMap::default(),
            queues: OrderedMap::default(),
            queue_ids: NameMap::default(),
            dead_letters: OrderedMap::default(),
            tombstones: NameMap::default(),
            last_settings: None,
            lanes: 0,
            receipt_key: None,
            next_number: 1,
            partitions: 0,
            next_producer_id: 0,
            defaults,
        }
    }

    /// Rises with every change.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The directory's cluster id, nil before its first record.
    #[must_use]
    pub const fn cluster_id(&self) -> Uuid {
        self.cluster_id
    }

    /// A topic by name.
    #[must_use]
    pub fn topic(&self, name: &TopicName) -> Option<&Arc<TopicInfo>> {
        self.topics.get(name)
    }

    /// A topic by id.
    #[must_use]
    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<TopicInfo>> {
        self.topics.get(self.by_id.get(&id)?)
    }

    /// All topics, in no order.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<TopicInfo>> {
        self.topics.values()
    }

    /// Number of topics.
    #[must_use]
    pub const fn topics_len(&self) -> usize {
        self.topics.len()
    }

    /// Number of partitions of all topics.
    #[must_use]
    pub const fn partitions_len(&self) -> u64 {
        self.partitions
    }

    /// A group by name.
    #[must_use]
    pub fn group(&self, name: &GroupName) -> Option<&GroupInfo> {
        self.groups.get(name)
    }

    /// All groups, in no order.
    pub fn groups(&self) -> impl Iterator<Item = &GroupInfo> {
        self.groups.values()
    }

    /// Values of settings that topics do not set.
    #[must_use]
    pub const fn defaults(&self) -> &Arc<TopicDefaults> {
        &self.defaults
    }

    /// The first producer id that was never handed out.
    #[must_use]
    pub const fn next_producer_id(&self) -> i64 {
        self.next_producer_id
    }

    /// Every entity that exists, the catalogue itself excepted. Recovery drops all others (decision E12).
    pub fn entities(&self) -> impl Iterator<Item = EntityId> {
        let topics = self.topics().flat_map(|topic| topic.entities());
        let queues = self.queues().flat_map(|queue| queue.entities());
        topics.chain(queues).chain(self.groups().map(|group| group.entity))
    }

    /// Number of [`Catalog::entities`].
    pub(super) const fn entities_len(&self) -> u64 {
        self.partitions + self.lanes + self.groups.len() as u64
    }

    pub(super) fn config(&self, settings: &[(String, String)]) -> TopicConfig {
        // Settings that a newer or older version knew are dropped here, not an error: they were checked when they were set.
        let known = settings.iter().filter_map(|(name, value)| Some((setting_spec(name)?.name, value.clone())));
        TopicConfig::resolve(Arc::new(known.collect::<BTreeMap<_, _>>()), &self.defaults)
    }

    pub(super) fn put_topic(&mut self, topic: TopicInfo) {
        self.by_id.insert(topic.id, topic.name.clone());
        self.collisions.insert(topic.name.collision_key(), topic.name.clone());
        self.partitions += u64::from(topic.partitions());
        if let Some(old) = self.topics.insert(topic.name.clone(), Arc::new(topic)) {
            self.partitions -= u64::from(old.partitions());
        }
    }

    pub(super) fn put_group(&mut self, name: GroupName, number: u64) {
        if let Some(entity) = EntityId::new(EntityId::slot_of(name.as_str().as_bytes()), number) {
            self.groups.insert(name.clone(), GroupInfo { name, entity });
        }
    }

    /// Applies a record in log order; `at` is the time of its decision.
    pub fn apply(&mut self, record: &CatalogRecord, at: Timestamp) {
        self.version += 1;
        match record {
            CatalogRecord::Cluster { id } => self.cluster_id = *id,
            CatalogRecord::TopicCreated { id, name, first_number, partitions, settings } => {
                self.next_number = self.next_number.max(first_number + u64::from(*partitions));
                let config = self.config(settings);
                let extents = vec![Extent { first_index: 0, first_number: *first_number, count: *partitions }];
                self.put_topic(TopicInfo { id: *id, name: name.clone(), extents, config, created_at: at });
            }
            CatalogRecord::PartitionsAdded { id, first_number, count } => {
                self.next_number = self.next_number.max(first_number + u64::from(*count));
                if let Some(topic) = self.topic_by_id(*id) {
                    let mut topic = TopicInfo::clone(topic);
                    topic.extents.push(Extent {
                        first_index: topic.partitions(),
                        first_number: *first_number,
                        count: *count,
                    });
                    self.put_topic(topic);
                }
            }
            CatalogRecord::TopicAltered { id, settings } => {
                if let Some(topic) = self.topic_by_id(*id) {
                    let config = self.config(settings);
                    let topic = TopicInfo { config, ..TopicInfo::clone(topic) };
                    self.put_topic(topic);
                }
            }
            CatalogRecord::TopicDeleted { id } => {
                if let Some(name) = self.by_id.remove(id)
                    && let Some(topic) = self.topics.remove(&name)
                {
                    self.collisions.remove(&name.collision_key());
                    self.partitions -= u64::from(topic.partitions());
                }
            }
            CatalogRecord::GroupCreated { name, number } => {
                self.next_number = self.next_number.max(number + 1);
                self.put_group(name.clone(), *number);
            }
            CatalogRecord::GroupDeleted { name } => {
                self.groups.remove(name);
            }
            CatalogRecord::QueueCreated { id, namespace, name, first_number, lanes, settings } => {
                self.next_number = self.next_number.max(first_number + u64::from(*lanes));
                self.put_queue(QueueInfo {
                    id: *id,
                    namespace: namespace.clone(),
                    name: name.clone(),
                    first_number: *first_number,
                    lanes: *lanes,
                    settings: Arc::new(QueueSettings::clone(settings)),
                    created_at: at,
                    altered_at: at,
                    version: self.version,
                });
            }
            CatalogRecord::QueueAltered { id, settings } => {
                self.alter_queue(*id, QueueSettings::clone(settings), at);
            }
            CatalogRecord::QueueDeleted { id } => self.remove_queue(*id, at),
            CatalogRecord::ReceiptKey { key } => self.receipt_key = Some(*key),
            CatalogRecord::ProducerIds { next } => self.next_producer_id = self.next_producer_id.max(*next),
        }
    }
}
