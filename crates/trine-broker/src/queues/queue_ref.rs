//! A queue as every connection sees it: shared, read without asking a shard.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
use trine_core::{catalog::QueueInfo, queues::QueueSettings};
use trine_types::{EntityId, Namespace, QueueName, Timestamp, Uuid};

/// One queue of the published catalogue. Cheap to clone; stays the same when settings change; a later queue of the same name is another one.
#[derive(Clone)]
pub struct QueueRef(Arc<Shared>);

struct Shared {
    info: ArcSwap<QueueInfo>,
    entity: EntityId,
    deleted: AtomicBool,
}

impl QueueRef {
    pub(crate) fn new(info: Arc<QueueInfo>) -> Self {
        let entity = info.entity();
        Self(Arc::new(Shared { info: ArcSwap::new(info), entity, deleted: AtomicBool::new(false) }))
    }

    /// Its id; another one after delete and create.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.0.info.load().id
    }

    /// Where its name is unique.
    #[must_use]
    pub fn namespace(&self) -> Namespace {
        self.0.info.load().namespace.clone()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> QueueName {
        self.0.info.load().name.clone()
    }

    /// Its settings as of now.
    #[must_use]
    pub fn settings(&self) -> Arc<QueueSettings> {
        Arc::clone(&self.0.info.load().settings)
    }

    /// When it was created.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.0.info.load().created_at
    }

    /// When its settings last changed.
    #[must_use]
    pub fn altered_at(&self) -> Timestamp {
        self.0.info.load().altered_at
    }

    /// Whether it was deleted.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.0.deleted.load(Ordering::Acquire)
    }

    /// The entity that holds it.
    #[must_use]
    pub fn entity(&self) -> EntityId {
        self.0.entity
    }

    pub(crate) fn info(&self) -> Arc<QueueInfo> {
        self.0.info.load_full()
    }

    pub(crate) fn set_info(&self, info: Arc<QueueInfo>) {
        self.0.info.store(info);
    }

    pub(crate) fn mark_deleted(&self) {
        self.0.deleted.store(true, Ordering::Release);
    }
}

/// The same queue, not merely one of the same name.
impl PartialEq for QueueRef {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for QueueRef {}

impl fmt::Debug for QueueRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.0.info.load();
        write!(f, "{}/{} ({})", info.namespace, info.name, info.id)
    }
}
