//! The published catalogue: what exists, as far as it is durable.

use std::{collections::HashMap, sync::Arc};

use trine_types::{TopicName, Uuid};

use crate::topic::Topic;

/// Every topic at one moment. Replaced, never changed; holding one does not delay anything.
#[derive(Default)]
pub struct CatalogSnapshot {
    version: u64,
    by_name: HashMap<TopicName, Arc<Topic>>,
    by_id: HashMap<Uuid, Arc<Topic>>,
}

impl CatalogSnapshot {
    /// Rises with every change: answers computed from a snapshot may be cached under it.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The topic with this name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.by_name.get(name)
    }

    /// The topic with this id.
    #[must_use]
    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<Topic>> {
        self.by_id.get(&id)
    }

    /// All topics, in no particular order.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.by_name.values()
    }

    /// How many topics there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are no topics.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}
