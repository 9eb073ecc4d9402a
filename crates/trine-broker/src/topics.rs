//! Topics: create, delete, grow, alter. Every change is decided by the catalogue in shard group 0, is durable and visible in
//! [`Broker::catalog`](crate::Broker::catalog) before the call returns (decision E12).

use std::{collections::BTreeMap, sync::Arc};

use trine_core::catalog::{AlterOp, CatalogRefusal, SettingError};
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
    /// Only the named ones change; all or none.
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
    #[error("topic {0} exists already")]
    Exists(TopicName),
    /// The name differs from an existing one only in "." and "_", which collide in metric names.
    #[error(
        "topic {name} collides with the existing topic {existing}: names that differ only in '.' and '_' are refused"
    )]
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
    #[error("{asked} partitions are not possible: a topic has 1 to {max} partitions")]
    Partitions {
        /// What was asked for.
        asked: u64,
        /// `PARTITIONS_PER_TOPIC_MAX`.
        max: u32,
    },
    /// The new number of partitions is not larger than the present one.
    #[error("the topic has {present} partitions; {asked} is not more than that")]
    NotMore {
        /// What it has.
        present: u32,
        /// What was asked for.
        asked: u32,
    },
    /// A setting is unknown or its value not allowed.
    #[error("{reason}")]
    InvalidSetting {
        /// Name of the setting.
        key: String,
        /// What is wrong, naming the setting, the value and what is allowed.
        reason: String,
    },
    /// The directory holds as many partitions and groups as it may.
    #[error("the limit of {max} partitions and groups in one data directory is reached")]
    TooMany {
        /// `ENTITIES_MAX`.
        max: u64,
    },
    /// Not about the topic.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<CatalogRefusal> for TopicError {
    fn from(refusal: CatalogRefusal) -> Self {
        match refusal {
            CatalogRefusal::TopicExists { name } => Self::Exists(name),
            CatalogRefusal::TopicCollides { name, other } => Self::Collides { name, existing: other },
            CatalogRefusal::PartitionCount { got, max } => Self::Partitions { asked: got, max },
            CatalogRefusal::NotMorePartitions { has, got } => Self::NotMore { present: has, asked: got },
            CatalogRefusal::TooManyEntities { max } => Self::TooMany { max },
            CatalogRefusal::Setting(error) => {
                let reason = error.to_string();
                let key = match error {
                    SettingError::Unknown { name, .. } => name,
                    SettingError::Invalid { name, .. } | SettingError::NotAList { name } => name.to_owned(),
                };
                Self::InvalidSetting { key, reason }
            }
            // The others are about queues.
            _ => Self::NotFound,
        }
    }
}

impl From<SettingChange> for trine_core::catalog::SettingChange {
    fn from(change: SettingChange) -> Self {
        let op = match change.op {
            SettingOp::Set(value) => AlterOp::Set(value),
            SettingOp::Delete => AlterOp::Delete,
            SettingOp::Append(words) => AlterOp::Append(words),
            SettingOp::Subtract(words) => AlterOp::Subtract(words),
        };
        Self { name: change.key, op }
    }
}

/// What an operation on a topic gave: the topic as it is after it (after a delete: as it was).
pub type TopicResult = Result<Arc<Topic>, TopicError>;

/// Creating, deleting and altering topics.
#[derive(Clone, Copy)]
pub struct Topics<'a> {
    pub(crate) broker: &'a Broker,
}

impl Topics<'_> {
    /// Creates topics; each succeeds or fails by itself, results in their order. With `validate_only` nothing is created and the topics returned are
    /// what would be.
    pub async fn create(self, topics: Vec<NewTopic>, validate_only: bool) -> Vec<TopicResult> {
        let (asked, inner) = (topics.len(), &self.broker.inner);
        let default = inner.config.default_partitions;
        let topics = topics
            .into_iter()
            .map(|new| trine_core::catalog::NewTopic {
                name: new.name,
                partitions: new.partitions.unwrap_or(default),
                settings: new.settings.into_iter().collect(),
                id: inner.random_id(),
            })
            .collect();
        match inner.call_catalog(move |shard, reply| shard.create_topics(topics, validate_only, reply)).await {
            Ok(results) => results,
            Err(failure) => (0..asked).map(|_| Err(failure.clone().into())).collect(),
        }
    }

    /// Returns the topic, creating it with the server's defaults when there is none.
    pub async fn auto_create(self, name: &TopicName) -> TopicResult {
        if let Some(topic) = self.broker.catalog().topic(name.as_str()) {
            return Ok(Arc::clone(topic));
        }
        let new = NewTopic { name: name.clone(), partitions: None, settings: BTreeMap::new() };
        match self.create(vec![new], false).await.pop() {
            // Somebody was faster; the refusal waited until that topic was durable and published.
            Some(Err(TopicError::Exists(_))) => {
                self.broker.catalog().topic(name.as_str()).cloned().ok_or(TopicError::NotFound)
            }
            Some(result) => result,
            None => Err(TopicError::NotFound),
        }
    }

    /// Deletes a topic and its data. Fetches parked on it are answered. Returns what was deleted.
    pub async fn delete(self, topic: TopicSelector) -> TopicResult {
        self.broker.inner.call_catalog(move |shard, reply| shard.delete_topic(topic, reply)).await?
    }

    /// Raises the number of partitions to `total`.
    pub async fn add_partitions(self, name: &TopicName, total: u32, validate_only: bool) -> TopicResult {
        let name = name.clone();
        self.broker
            .inner
            .call_catalog(move |shard, reply| shard.add_partitions(&name, total, validate_only, reply))
            .await?
    }

    /// Changes settings. All or none.
    pub async fn alter(self, name: &TopicName, change: Alteration, validate_only: bool) -> TopicResult {
        let name = name.clone();
        self.broker
            .inner
            .call_catalog(move |shard, reply| shard.alter_topic(&name, change, validate_only, reply))
            .await?
    }
}
