//! What the catalogue knows of a queue, and what it decides about one.

use std::sync::Arc;

use trine_types::limits::ENTITIES_MAX;
use trine_types::{EntityId, Namespace, QueueName, Timestamp, Uuid};

use super::{Catalog, CatalogRecord, CatalogRefusal};
use crate::queues::{QueueSettings, SettingsError};

/// A deleted queue's name is remembered for so long, in milliseconds (SQS: a name may be used again 60 s after its queue was deleted).
pub const TOMBSTONE_KEEP_MS: i64 = 60_000;
/// Deleted names remembered at once; beyond it a name is free at once. 1000 deletes per second fit.
pub const TOMBSTONES_MAX: usize = 60_000;

/// Namespace and name of a queue as one sortable key: names of a namespace lie together, in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueKey(Arc<str>);

impl QueueKey {
    /// The key of a queue.
    #[must_use]
    pub fn new(namespace: &Namespace, name: &str) -> Self {
        // A namespace's name has no NUL, so this is the first one.
        Self([namespace.as_str(), "\0", name].concat().into())
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<[u8]> for QueueKey {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// A queue. Immutable: a change makes a new one.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueInfo {
    /// Its id; another one after delete and create.
    pub id: Uuid,
    /// Where its name is unique.
    pub namespace: Namespace,
    /// Its name.
    pub name: QueueName,
    /// Entity number of lane 0; the others follow.
    pub first_number: u64,
    /// Logs of its own, one per priority, at least 1.
    pub lanes: u8,
    /// Its settings; queues with equal settings share them.
    pub settings: Arc<QueueSettings>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its settings last changed.
    pub altered_at: Timestamp,
    /// Version of the catalogue that its settings are of: rises with every change of them.
    pub version: u64,
}

impl QueueInfo {
    /// The key of its name.
    #[must_use]
    pub fn key(&self) -> QueueKey {
        QueueKey::new(&self.namespace, self.name.as_str())
    }

    /// The entity of a lane: all lanes have the slot of the queue's name, so that they lie in one shard group.
    #[must_use]
    pub fn lane(&self, lane: u8) -> Option<EntityId> {
        if lane >= self.lanes {
            return None;
        }
        let slot = EntityId::slot_of(self.key().as_ref());
        EntityId::new(slot, self.first_number + u64::from(lane))
    }

    /// The queue's entity: lane 0.
    #[must_use]
    pub fn entity(&self) -> EntityId {
        self.lane(0).unwrap_or(EntityId::CATALOG)
    }

    /// All its entities, in lane order.
    pub fn entities(&self) -> impl Iterator<Item = EntityId> {
        (0..self.lanes).filter_map(|lane| self.lane(lane))
    }

    /// The key of the queue that takes its dead letters.
    fn dead_letter_key(&self) -> Option<QueueKey> {
        let target = &self.settings.dead_letter.as_ref()?.target;
        Some(QueueKey::new(&self.namespace, target.as_str()))
    }
}

/// A queue to create.
#[derive(Clone, Debug)]
pub struct NewQueue {
    /// Its id: random, from the caller.
    pub id: Uuid,
    /// Where its name is unique.
    pub namespace: Namespace,
    /// Its name.
    pub name: QueueName,
    /// Its settings.
    pub settings: QueueSettings,
    /// How long the name of a deleted queue is not to be used again, in milliseconds, at most [`TOMBSTONE_KEEP_MS`].
    pub cooldown_ms: i64,
}

impl Catalog {
    /// A queue by name.
    #[must_use]
    pub fn queue(&self, namespace: &Namespace, name: &str) -> Option<&Arc<QueueInfo>> {
        self.queues.get(&QueueKey::new(namespace, name))
    }

    /// A queue by id.
    #[must_use]
    pub fn queue_by_id(&self, id: Uuid) -> Option<&Arc<QueueInfo>> {
        self.queues.get(self.queue_ids.get(&id)?)
    }

    /// All queues, by namespace and name.
    pub fn queues(&self) -> impl Iterator<Item = &Arc<QueueInfo>> {
        self.queues.iter().map(|(_, queue)| queue)
    }

    /// Number of queues.
    #[must_use]
    pub const fn queues_len(&self) -> usize {
        self.queues.len()
    }

    /// Queues of a namespace whose names begin with `prefix` and come after `after`, in order.
    pub fn queues_from(
        &self,
        namespace: &Namespace,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = &Arc<QueueInfo>> {
        let begin = QueueKey::new(namespace, prefix);
        let after = after.map(|name| QueueKey::new(namespace, name));
        let found = self.queues.from({
            let begin = begin.clone();
            move |key| *key < begin || after.as_ref().is_some_and(|after| key <= after)
        });
        found.take_while(move |(key, _)| key.as_str().starts_with(begin.as_str())).map(|(_, queue)| queue)
    }

    /// Queues whose dead letters go to the queue of this name, by name, whether it exists or not.
    pub fn dead_letter_sources(&self, namespace: &Namespace, target: &str) -> impl Iterator<Item = &Arc<QueueInfo>> {
        let target = QueueKey::new(namespace, target);
        let found = self.dead_letters.from({
            let target = target.clone();
            move |(other, _)| *other < target
        });
        found
            .take_while(move |((other, _), ())| *other == target)
            .filter_map(|((_, source), ())| self.queues.get(source))
    }

    /// When the queue that last had this name was deleted, if that is not long ago.
    #[must_use]
    pub fn queue_deleted_at(&self, namespace: &Namespace, name: &str) -> Option<Timestamp> {
        self.tombstones.get(&QueueKey::new(namespace, name)).copied()
    }

    /// The secret that receipts are signed with, `None` before a directory's first start.
    #[must_use]
    pub const fn receipt_key(&self) -> Option<[u8; 32]> {
        self.receipt_key
    }

    /// The record of the receipt key, until there is one.
    #[must_use]
    pub fn decide_receipt_key(&self, key: [u8; 32]) -> Option<CatalogRecord> {
        self.receipt_key.is_none().then_some(CatalogRecord::ReceiptKey { key })
    }

    /// A new queue.
    pub fn decide_create_queue(&self, new: &NewQueue, now: Timestamp) -> Result<CatalogRecord, CatalogRefusal> {
        if self.queue(&new.namespace, new.name.as_str()).is_some() {
            return Err(CatalogRefusal::QueueExists { name: new.name.clone() });
        }
        let deleted = self.queue_deleted_at(&new.namespace, new.name.as_str());
        if let Some(left) = deleted.map(|at| new.cooldown_ms - now.ms_since(at)).filter(|left| *left > 0) {
            return Err(CatalogRefusal::QueueDeletedRecently { name: new.name.clone(), left_ms: left });
        }
        new.settings.check()?;
        let lanes = new.settings.lanes();
        if self.entities_len() + u64::from(lanes) > ENTITIES_MAX {
            return Err(CatalogRefusal::TooManyEntities { max: ENTITIES_MAX });
        }
        Ok(CatalogRecord::QueueCreated {
            id: new.id,
            namespace: new.namespace.clone(),
            name: new.name.clone(),
            first_number: self.next_number,
            lanes,
            settings: Box::new(new.settings.clone()),
        })
    }

    /// New settings of a queue; `None` when they are what it has.
    pub fn decide_alter_queue(
        &self,
        id: Uuid,
        settings: &QueueSettings,
    ) -> Result<Option<CatalogRecord>, CatalogRefusal> {
        let queue = self.queue_by_id(id).ok_or(CatalogRefusal::UnknownQueue)?;
        queue.settings.check_alter(settings)?;
        if settings.durability.is_memory() != queue.settings.durability.is_memory() {
            // What was sent is in the log, or is not.
            return Err(SettingsError::Fixed { name: "durability" }.into());
        }
        if *settings == *queue.settings {
            return Ok(None);
        }
        Ok(Some(CatalogRecord::QueueAltered { id, settings: Box::new(settings.clone()) }))
    }

    /// The end of a queue.
    pub fn decide_delete_queue(&self, id: Uuid) -> Result<CatalogRecord, CatalogRefusal> {
        let queue = self.queue_by_id(id).ok_or(CatalogRefusal::UnknownQueue)?;
        Ok(CatalogRecord::QueueDeleted { id: queue.id })
    }

    pub(super) fn put_queue(&mut self, mut queue: QueueInfo) {
        // A hundred thousand queues mostly have the same settings as the one before.
        match &self.last_settings {
            Some(last) if *last == queue.settings => queue.settings = Arc::clone(last),
            _ => self.last_settings = Some(Arc::clone(&queue.settings)),
        }
        let key = queue.key();
        self.queue_ids.insert(queue.id, key.clone());
        if let Some(target) = queue.dead_letter_key() {
            self.dead_letters.insert((target, key.clone()), ());
        }
        self.lanes += u64::from(queue.lanes);
        if let Some(old) = self.queues.insert(key, Arc::new(queue)) {
            self.lanes -= u64::from(old.lanes);
        }
    }

    pub(super) fn alter_queue(&mut self, id: Uuid, settings: QueueSettings, at: Timestamp) {
        let Some(old) = self.queue_by_id(id).cloned() else { return };
        if let Some(target) = old.dead_letter_key() {
            self.dead_letters.remove(&(target, old.key()));
        }
        let (settings, version) = (Arc::new(settings), self.version);
        self.put_queue(QueueInfo { settings, altered_at: at, version, ..QueueInfo::clone(&old) });
    }

    pub(super) fn remove_queue(&mut self, id: Uuid, at: Timestamp) {
        let Some(key) = self.queue_ids.remove(&id) else { return };
        let Some(old) = self.queues.remove(&key) else { return };
        if let Some(target) = old.dead_letter_key() {
            self.dead_letters.remove(&(target, key.clone()));
        }
        self.lanes -= u64::from(old.lanes);
        self.bury(key, at);
    }

    /// Remembers a deleted name; forgets those that are too old to matter.
    fn bury(&mut self, key: QueueKey, at: Timestamp) {
        let young = |buried: &Timestamp| at.ms_since(*buried) < TOMBSTONE_KEEP_MS;
        self.tombstones.retain_near(&key, young);
        if self.tombstones.len() < TOMBSTONES_MAX {
            self.tombstones.insert(key, at);
        }
    }
}
