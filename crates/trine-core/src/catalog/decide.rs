//! Decisions of the catalogue. None changes anything.

use std::collections::BTreeMap;

use trine_types::limits::{ENTITIES_MAX, PARTITIONS_PER_TOPIC_MAX};
use trine_types::{EntityId, GroupName, QueueName, TopicName, Uuid};

use super::settings::{SettingKind, words};
use super::{Catalog, CatalogRecord, SettingError, TopicInfo, check_setting};
use crate::queues::SettingsError;

/// A topic to create.
#[derive(Clone, Debug)]
pub struct NewTopic {
    /// Its name.
    pub name: TopicName,
    /// How many partitions.
    pub partitions: u32,
    /// Settings of its own.
    pub settings: Vec<(String, String)>,
    /// Its id: random, from the caller.
    pub id: Uuid,
}

/// How to change one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterOp {
    /// Give it this value.
    Set(String),
    /// Back to the default.
    Delete,
    /// Add words to a list.
    Append(String),
    /// Take words out of a list.
    Subtract(String),
}

/// A change of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    /// Which setting.
    pub name: String,
    /// What to do with it.
    pub op: AlterOp,
}

/// Why the catalogue refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogRefusal {
    /// The name is taken.
    #[error("topic {name} exists already")]
    TopicExists { name: TopicName },
    /// "." and "_" look the same in metric names.
    #[error("topic {name} collides with the existing topic {other}: names that differ only in '.' and '_' are refused")]
    TopicCollides { name: TopicName, other: TopicName },
    /// No such topic.
    #[error("there is no topic {0}")]
    UnknownTopic(String),
    /// A partition count that cannot be.
    #[error("{got} partitions are not possible: a topic has 1 to {max} partitions")]
    PartitionCount { got: u64, max: u32 },
    /// Partitions can only be added.
    #[error("the topic has {has} partitions; {got} is not more than that")]
    NotMorePartitions { has: u32, got: u32 },
    /// The directory is at its limit.
    #[error("the limit of {max} partitions, queues and groups in one data directory is reached")]
    TooManyEntities { max: u64 },
    /// A queue of this name exists.
    #[error("queue {name} exists already")]
    QueueExists { name: QueueName },
    /// The name's last queue was deleted a moment ago.
    #[error("queue {name} was deleted a moment ago; its name can be used again in {left_ms} ms")]
    QueueDeletedRecently { name: QueueName, left_ms: i64 },
    /// No such queue.
    #[error("there is no such queue")]
    UnknownQueue,
    /// Settings that cannot be, or cannot be had by an existing queue.
    #[error(transparent)]
    QueueSettings(#[from] SettingsError),
    /// A setting is wrong.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

impl Catalog {
    fn room_for(&self, more: u64) -> Result<(), CatalogRefusal> {
        if self.entities_len() + more > ENTITIES_MAX {
            return Err(CatalogRefusal::TooManyEntities { max: ENTITIES_MAX });
        }
        Ok(())
    }

    /// The first record of a directory, until there is one.
    #[must_use]
    pub fn decide_cluster(&self, id: Uuid) -> Option<CatalogRecord> {
        self.cluster_id.is_nil().then_some(CatalogRecord::Cluster { id })
    }

    /// A new topic.
    pub fn decide_create_topic(&self, new: &NewTopic) -> Result<CatalogRecord, CatalogRefusal> {
        if self.topic(&new.name).is_some() {
            return Err(CatalogRefusal::TopicExists { name: new.name.clone() });
        }
        if let Some(other) = self.collisions.get(&new.name.collision_key()) {
            return Err(CatalogRefusal::TopicCollides { name: new.name.clone(), other: other.clone() });
        }
        if !(1..=PARTITIONS_PER_TOPIC_MAX).contains(&new.partitions) {
            return Err(CatalogRefusal::PartitionCount {
                got: u64::from(new.partitions),
                max: PARTITIONS_PER_TOPIC_MAX,
            });
        }
        self.room_for(u64::from(new.partitions))?;
        let mut settings = BTreeMap::new();
        for (name, value) in &new.settings {
            if let Some(spec) = check_setting(name, value)? {
                settings.insert(spec.name.to_owned(), value.trim().to_owned());
            }
        }
        Ok(CatalogRecord::TopicCreated {
            id: new.id,
            name: new.name.clone(),
            first_number: self.next_number,
            partitions: new.partitions,
            settings: settings.into_iter().collect(),
        })
    }

    /// More partitions for a topic; `total` is the new number.
    pub fn decide_add_partitions(&self, name: &TopicName, total: u32) -> Result<CatalogRecord, CatalogRefusal> {
        let topic = self.topic(name).ok_or_else(|| CatalogRefusal::UnknownTopic(name.to_string()))?;
        let has = topic.partitions();
        if total > PARTITIONS_PER_TOPIC_MAX {
            return Err(CatalogRefusal::PartitionCount { got: u64::from(total), max: PARTITIONS_PER_TOPIC_MAX });
        }
        if total <= has {
            return Err(CatalogRefusal::NotMorePartitions { has, got: total });
        }
        self.room_for(u64::from(total - has))?;
        Ok(CatalogRecord::PartitionsAdded { id: topic.id, first_number: self.next_number, count: total - has })
    }

    /// Changes of some settings; all or none. `None` when nothing would change.
    pub fn decide_alter_topic(
        &self,
        name: &TopicName,
        changes: &[SettingChange],
    ) -> Result<Option<CatalogRecord>, CatalogRefusal> {
        let topic = self.topic(name).ok_or_else(|| CatalogRefusal::UnknownTopic(name.to_string()))?;
        let mut settings = BTreeMap::clone(&topic.config.overrides);
        for change in changes {
            self.alter_one(topic, &mut settings, change)?;
        }
        Ok(self.altered(topic, settings))
    }

    /// The topic's own settings become exactly these.
    pub fn decide_replace_settings(
        &self,
        name: &TopicName,
        all: &[(String, String)],
    ) -> Result<Option<CatalogRecord>, CatalogRefusal> {
        let topic = self.topic(name).ok_or_else(|| CatalogRefusal::UnknownTopic(name.to_string()))?;
        let mut settings = BTreeMap::new();
        for (name, value) in all {
            if let Some(spec) = check_setting(name, value)? {
                settings.insert(spec.name, value.trim().to_owned());
            }
        }
        Ok(self.altered(topic, settings))
    }

    fn altered(&self, topic: &TopicInfo, settings: BTreeMap<&'static str, String>) -> Option<CatalogRecord> {
        if settings == *topic.config.overrides {
            return None;
        }
        let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Some(CatalogRecord::TopicAltered { id: topic.id, settings })
    }

    fn alter_one(
        &self,
        topic: &TopicInfo,
        settings: &mut BTreeMap<&'static str, String>,
        change: &SettingChange,
    ) -> Result<(), SettingError> {
        match &change.op {
            AlterOp::Set(value) => {
                if let Some(spec) = check_setting(&change.name, value)? {
                    settings.insert(spec.name, value.trim().to_owned());
                }
            }
            AlterOp::Delete => {
                // Deleting is the only change without a value: check the name alone.
                match check_setting(&change.name, "") {
                    Err(unknown @ SettingError::Unknown { .. }) => return Err(unknown),
                    _ => settings.remove(change.name.as_str()),
                };
            }
            AlterOp::Append(text) | AlterOp::Subtract(text) => {
                let spec = match (super::setting_spec(&change.name), check_setting(&change.name, "")) {
                    (Some(spec), _) => spec,
                    (None, Err(unknown)) => return Err(unknown),
                    (None, Ok(_)) => return Ok(()),
                };
                if !matches!(spec.kind, SettingKind::List { .. } | SettingKind::FreeList) {
                    return Err(SettingError::NotAList { name: spec.name });
                }
                let current = settings.get(spec.name).cloned();
                let current = current.unwrap_or_else(|| topic.config.value(spec, &self.defaults).0.to_owned());
                let mut list: Vec<&str> = words(&current).collect();
                for word in words(text) {
                    if matches!(change.op, AlterOp::Subtract(_)) {
                        list.retain(|known| *known != word);
                    } else if !list.contains(&word) {
                        list.push(word);
                    }
                }
                let value = list.join(",");
                check_setting(spec.name, &value)?;
                settings.insert(spec.name, value);
            }
        }
        Ok(())
    }

    /// The end of a topic.
    pub fn decide_delete_topic(&self, name: &TopicName) -> Result<CatalogRecord, CatalogRefusal> {
        let topic = self.topic(name).ok_or_else(|| CatalogRefusal::UnknownTopic(name.to_string()))?;
        Ok(CatalogRecord::TopicDeleted { id: topic.id })
    }

    /// A place for a group; `None` when it has one.
    pub fn decide_create_group(&self, name: &GroupName) -> Result<Option<CatalogRecord>, CatalogRefusal> {
        if self.group(name).is_some() {
            return Ok(None);
        }
        self.room_for(1)?;
        Ok(Some(CatalogRecord::GroupCreated { name: name.clone(), number: self.next_number }))
    }

    /// The end of a group, if `entity` is still its place; the group itself has said that it may go.
    #[must_use]
    pub fn decide_delete_group(&self, name: &GroupName, entity: EntityId) -> Option<CatalogRecord> {
        self.group(name).filter(|group| group.entity == entity)?;
        Some(CatalogRecord::GroupDeleted { name: name.clone() })
    }

    /// A block of producer ids for the caller: `[first, first + count)`, nobody else's once the record is durable.
    #[must_use]
    pub const fn decide_producer_ids(&self, count: u32) -> (i64, CatalogRecord) {
        let first = self.next_producer_id;
        (first, CatalogRecord::ProducerIds { next: first + count as i64 })
    }
}
