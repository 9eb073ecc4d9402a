//! Topics: create, delete, grow, alter. Every change is decided by the catalogue in shard group 0, is durable and visible in
//! [`Broker::catalog`](crate::Broker::catalog) before the call returns (decision E12).

use std::{collections::BTreeMap, sync::Arc};

use trine_types::{TopicName, Uuid};

use crate::{Broker, Failure, topic::Topic};

/// A topic to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: TopicName,
    /// How many partitions; `None` for the server's default.
    pub partitions: Option<u32>,
    /// Settings that differ from the defaults, by name (`retention.ms`), as text.
    pub settings: BTreeMap<String, String>,
}

/// One change of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    /// Name of the setting.
    pub key: String,
    /// What to do with it.
    pub op: SettingOp,
}

/// How a setting changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingOp {
    /// To this value.
    Set(String),
    /// Back to the default.
    Delete,
    /// A list gains these comma-separated elements.
    Append(String),
    /// A list loses these comma-separated elements.
    Subtract(String),
}

/// New settings of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alteration {
    /// Only the named ones change.
    Change(Vec<SettingChange>),
    /// These, and everything else back to its default.
    Replace(BTreeMap<String, String>),
}

/// Which topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TopicSelector {
    /// The one that now has this name.
    Name(TopicName),
    /// This very topic, not a later one of the same name.
    Id(Uuid),
}

impl From<TopicName> for TopicSelector {
    fn from(name: TopicName) -> Self {
        Self::Name(name)
    }
}

impl From<Uuid> for TopicSelector {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

/// Why a topic operation was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// The name is taken.
    #[error("the topic {0} already exists")]
    Exists(TopicName),
    /// The name differs from an existing one only in "." and "_", which collide in metric names.
    #[error("the topic {name} collides with the existing topic {existing}")]
    Collides {
        /// The refused name.
        name: TopicName,
        /// The topic that is there.
        existing: TopicName,
    },
    /// No such topic.
    #[error("there is no such topic")]
    NotFound,
    /// The number of partitions is zero or too large.
    #[error("{asked} partitions are not possible: 1 to {max} are allowed")]
    Partitions {
        /// What was asked for.
        asked: u32,
        /// `PARTITIONS_PER_TOPIC_MAX`.
        max: u32,
    },
    /// The new number of partitions is not larger than the present one.
    #[error("the topic has {present} partitions, which {asked} would not increase")]
    NotMore {
        /// What it has.
        present: u32,
        /// What was asked for.
        asked: u32,
    },
    /// A setting is unknown or its value not allowed.
    #[error("{key}: {reason}")]
    InvalidSetting {
        /// Name of the setting.
        key: String,
        /// What is wrong, naming the value and what is allowed.
        reason: String,
    },
    /// The directory holds as many partitions and groups as it may.
    #[error("the limit of {max} partitions and groups is reached")]
    TooMany {
        /// `ENTITIES_MAX`.
        max: u64,
    },
    /// Not about the topic.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// What creating a topic gave.
pub type CreateResult = Result<Arc<Topic>, TopicError>;

/// Creating, deleting and altering topics.
#[derive(Clone, Copy)]
pub struct Topics<'a> {
    pub(crate) broker: &'a Broker,
}

impl Topics<'_> {
    /// Creates topics; each succeeds or fails by itself, in order. With `validate_only` nothing is created and the topics returned are what would be.
    pub async fn create(&self, topics: Vec<NewTopic>, validate_only: bool) -> Vec<CreateResult> {
        let _ = (topics, validate_only);
        crate::later()
    }

    /// Returns the topic, creating it with the server's defaults when there is none.
    pub async fn auto_create(&self, name: &TopicName) -> CreateResult {
        let _ = name;
        crate::later()
    }

    /// Deletes a topic and its data. Fetches parked on it are answered. Returns what was deleted.
    pub async fn delete(&self, topic: TopicSelector) -> CreateResult {
        let _ = topic;
        crate::later()
    }

    /// Raises the number of partitions to `total`.
    pub async fn add_partitions(&self, name: &TopicName, total: u32, validate_only: bool) -> CreateResult {
        let _ = (name, total, validate_only);
        crate::later()
    }

    /// Changes settings. All or none.
    pub async fn alter(&self, name: &TopicName, change: Alteration, validate_only: bool) -> CreateResult {
        let _ = (name, change, validate_only);
        crate::later()
    }
}
