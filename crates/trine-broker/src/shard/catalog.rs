//! The catalogue's owner: shard group 0 decides what exists.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use trine_core::{
    catalog::{Catalog, CatalogRecord, NewTopic},
    ops,
};
use trine_storage::{Durability, Op, OpKind};
use trine_types::{EntityId, GroupName, TopicName, Uuid};

use super::{Command, Reply, Shard, progress::Raise};
use crate::{
    Alteration, CatalogSnapshot, Failure, TopicError, TopicSelector, groups::GroupError, queues::QueueRef,
    topic::Topic, topics::TopicResult,
};

/// The catalogue and what is on its way out.
pub(crate) struct CatalogOwner {
    pub(super) catalog: Catalog,
    /// Topics that are gone from the published catalogue and whose partitions are being dropped.
    removed: HashMap<Uuid, Arc<Topic>>,
    /// Queues that are gone from the published catalogue and whose messages are being dropped.
    pub(super) removed_queues: HashMap<Uuid, QueueRef>,
}

impl CatalogOwner {
    pub(crate) fn new(catalog: Catalog) -> Self {
        Self { catalog, removed: HashMap::new(), removed_queues: HashMap::new() }
    }
}

/// A change that becomes visible once it is durable.
pub(crate) struct CatalogChange {
    /// The catalogue after it.
    after: Catalog,
    /// What it was about.
    about: About,
}

pub(super) enum About {
    /// Groups, producer ids.
    NoTopic,
    /// A topic is new or different.
    Topic(TopicName),
    /// A topic is gone.
    Gone(TopicName, Uuid),
    /// A queue is new or different.
    Queue(Uuid),
    /// A queue is gone.
    QueueGone(Uuid),
}

impl Shard {
    pub(super) fn owner(&mut self) -> &mut CatalogOwner {
        self.catalog.as_mut().expect("catalogue commands go to shard group 0, which owns it")
    }

    /// Logs and applies a change. What it changes for everybody is published once it is durable.
    pub(super) fn change_catalog(
        &mut self,
        record: &CatalogRecord,
        about: About,
        reserve: bool,
    ) -> Result<(), Failure> {
        let op = Op { kind: OpKind(ops::CATALOG), entity: EntityId::CATALOG, meta: record.encode(), run: None };
        self.commit(vec![op], Durability::Sync, reserve)?;
        let now = self.now;
        let catalog = &mut self.owner().catalog;
        catalog.apply(record, now);
        let after = catalog.clone();
        self.park_raise(Raise::Catalog(Box::new(CatalogChange { after, about })));
        Ok(())
    }

    /// Makes a durable change visible.
    pub(super) fn publish(&mut self, change: CatalogChange, snapshot: &mut CatalogSnapshot) {
        snapshot.catalog = change.after;
        match change.about {
            About::NoTopic => {}
            About::Topic(name) => {
                if let Some(info) = snapshot.catalog.topic(&name) {
                    let old = snapshot.topics.get(&name).filter(|old| old.id == info.id);
                    let topic = Arc::new(Topic::new(Arc::clone(info), old.map(Arc::as_ref)));
                    snapshot.topics.insert(name, topic);
                }
            }
            About::Queue(id) => self.publish_queue(id, snapshot),
            About::QueueGone(id) => self.publish_queue_gone(id, snapshot),
            About::Gone(name, id) => {
                if let Some(topic) = snapshot.topics.remove(&name) {
                    topic.views().for_each(crate::view::PartitionView::mark_deleted);
                    self.scratch.deleted.push(Arc::clone(&topic));
                    self.owner().removed.insert(id, topic);
                }
            }
        }
    }

    /// The published topic of a name; called when everything applied is durable, so what was just made is there.
    fn published(&self, name: &TopicName) -> TopicResult {
        self.shared.catalog.load().topic(name.as_str()).cloned().ok_or(TopicError::NotFound)
    }

    /// A topic as it would be in a catalogue that is only tried out.
    fn imagined(catalog: &Catalog, name: &TopicName) -> TopicResult {
        let info = catalog.topic(name).ok_or(TopicError::NotFound)?;
        Ok(Arc::new(Topic::new(Arc::clone(info), None)))
    }

    pub(crate) fn create_topics(&mut self, topics: Vec<NewTopic>, validate_only: bool, reply: Reply<Vec<TopicResult>>) {
        if validate_only {
            let mut trial = self.owner().catalog.clone();
            let mut results = Vec::new();
            for new in &topics {
                results.push(trial.decide_create_topic(new).map_err(TopicError::from).and_then(|record| {
                    trial.apply(&record, self.now);
                    Self::imagined(&trial, &new.name)
                }));
            }
            self.answer(reply, results);
            return;
        }
        let mut results = Vec::new();
        for new in topics {
            let made = self
                .owner()
                .catalog
                .decide_create_topic(&new)
                .map_err(TopicError::from)
                .and_then(|record| Ok(self.change_catalog(&record, About::Topic(new.name.clone()), false)?));
            results.push(made.map(|()| new.name));
        }
        self.once_durable(move |shard| {
            reply.send(results.into_iter().map(|made| made.and_then(|name| shard.published(&name))).collect());
        });
    }

    pub(crate) fn add_partitions(
        &mut self,
        name: &TopicName,
        total: u32,
        validate_only: bool,
        reply: Reply<TopicResult>,
    ) {
        let record = self.owner().catalog.decide_add_partitions(name, total).map(Some);
        self.change_topic(name.clone(), record, validate_only, reply);
    }

    pub(crate) fn alter_topic(
        &mut self,
        name: &TopicName,
        change: Alteration,
        validate_only: bool,
        reply: Reply<TopicResult>,
    ) {
        let catalog = &self.owner().catalog;
        let record = match change {
            Alteration::Change(changes) => {
                let changes: Vec<_> = changes.into_iter().map(Into::into).collect();
                catalog.decide_alter_topic(name, &changes)
            }
            Alteration::Replace(all) => {
                let all: Vec<_> = all.into_iter().collect();
                catalog.decide_replace_settings(name, &all)
            }
        };
        self.change_topic(name.clone(), record, validate_only, reply);
    }

    /// Does what was decided about one topic; `None` means that it is already so.
    fn change_topic(
        &mut self,
        name: TopicName,
        record: Result<Option<CatalogRecord>, trine_core::catalog::CatalogRefusal>,
        validate_only: bool,
        reply: Reply<TopicResult>,
    ) {
        let done = match record {
            Err(refusal) => Err(refusal.into()),
            Ok(None) => Ok(()),
            Ok(Some(record)) if validate_only => {
                let mut trial = self.owner().catalog.clone();
                trial.apply(&record, self.now);
                self.answer(reply, Self::imagined(&trial, &name));
                return;
            }
            Ok(Some(record)) => {
                self.change_catalog(&record, About::Topic(name.clone()), false).map_err(TopicError::from)
            }
        };
        self.once_durable(move |shard| reply.send(done.and_then(|()| shard.published(&name))));
    }

    /// Durable → published → every shard has dropped its part → answered (decision E12).
    pub(crate) fn delete_topic(&mut self, topic: TopicSelector, reply: Reply<TopicResult>) {
        let catalog = &self.owner().catalog;
        let found = match &topic {
            TopicSelector::Name(name) => catalog.topic(name),
            TopicSelector::Id(id) => catalog.topic_by_id(*id),
        };
        let Some((name, id)) = found.map(|info| (info.name.clone(), info.id)) else {
            self.answer(reply, Err(TopicError::NotFound));
            return;
        };
        let done = catalog
            .decide_delete_topic(&name)
            .map_err(TopicError::from)
            .and_then(|record| Ok(self.change_catalog(&record, About::Gone(name, id), true)?));
        self.once_durable(move |shard| match done.map(|()| shard.owner().removed.remove(&id)) {
            Ok(Some(topic)) => shard.drop_topic(topic, reply),
            Ok(None) => reply.send(Err(TopicError::NotFound)),
            Err(error) => reply.send(Err(error)),
        });
    }

    /// Tells every shard to drop its partitions of a topic that is gone; the last one to confirm answers.
    fn drop_topic(&mut self, topic: Arc<Topic>, reply: Reply<TopicResult>) {
        let shards = self.shared.shards();
        let mut parts: Vec<Vec<EntityId>> = vec![Vec::new(); usize::from(shards)];
        for entity in topic.entities() {
            if let Some(part) = parts.get_mut(usize::from(entity.shard(shards).0)) {
                part.push(entity);
            }
        }
        let job = Arc::new(DropJob { left: AtomicUsize::new(parts.len()), done: Mutex::new(Some((topic, reply))) });
        for (shard, part) in parts.into_iter().enumerate() {
            if shard == usize::from(self.id.0) {
                self.drop_entities(&part);
                job.confirm();
                continue;
            }
            let job = Arc::clone(&job);
            self.shared.tell(
                shard,
                Command::Call(Box::new(move |shard| {
                    shard.drop_entities(&part);
                    job.confirm();
                })),
            );
        }
    }

    pub(crate) fn ensure_group(&mut self, name: &GroupName, reply: Reply<Result<EntityId, GroupError>>) {
        let decided = self.owner().catalog.decide_create_group(name);
        let done = match decided {
            Ok(None) => Ok(()),
            Ok(Some(record)) => self.change_catalog(&record, About::NoTopic, true).map_err(GroupError::from),
            Err(trine_core::catalog::CatalogRefusal::TooManyEntities { max }) => Err(GroupError::TooMany { max }),
            Err(_) => Err(GroupError::NotFound),
        };
        let entity = self.owner().catalog.group(name).map(|group| group.entity);
        self.answer(reply, done.and_then(|()| entity.ok_or(GroupError::NotFound)));
    }

    /// Takes a group that said it may go out of the catalogue, then calls `then`.
    pub(crate) fn forget_group(
        &mut self,
        name: &GroupName,
        entity: EntityId,
        then: impl FnOnce(&mut Self, Result<(), Failure>) + Send + 'static,
    ) {
        let record = self.owner().catalog.decide_delete_group(name, entity);
        let done = record.map_or(Ok(()), |record| self.change_catalog(&record, About::NoTopic, true));
        self.once_durable(move |shard| then(shard, done));
    }

    pub(crate) fn producer_ids(&mut self, count: u32, reply: Reply<Result<i64, Failure>>) {
        let (first, record) = self.owner().catalog.decide_producer_ids(count);
        let done = self.change_catalog(&record, About::NoTopic, true);
        self.answer(reply, done.map(|()| first));
    }

    /// The directory's first record, until there is one.
    pub(crate) fn ensure_cluster_id(&mut self, id: Uuid) -> Result<(), Failure> {
        match self.owner().catalog.decide_cluster(id) {
            Some(record) => self.change_catalog(&record, About::NoTopic, true),
            None => Ok(()),
        }
    }
}

/// A topic that every shard drops its part of.
struct DropJob {
    left: AtomicUsize,
    done: Mutex<Option<(Arc<Topic>, Reply<TopicResult>)>>,
}

impl DropJob {
    fn confirm(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1
            && let Some((topic, reply)) = self.done.lock().take()
        {
            reply.send(Ok(topic));
        }
    }
}
