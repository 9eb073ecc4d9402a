//! What the catalogue knows of a topic and of a group.

use trine_types::{EntityId, GroupName, SLOTS, Timestamp, TopicName, Uuid};

use super::TopicConfig;

/// Partitions that were created together have consecutive entity numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Index of the first partition.
    pub first_index: u32,
    /// Entity number of the first partition.
    pub first_number: u64,
    /// How many.
    pub count: u32,
}

/// A topic. Immutable: a change makes a new one.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicInfo {
    /// Its id; another one after delete and create.
    pub id: Uuid,
    /// Its name.
    pub name: TopicName,
    /// Its partitions, in order.
    pub extents: Vec<Extent>,
    /// Its settings.
    pub config: TopicConfig,
    /// When it was created.
    pub created_at: Timestamp,
}

impl TopicInfo {
    /// Number of partitions, at least 1.
    #[must_use]
    pub fn partitions(&self) -> u32 {
        self.extents.last().map_or(0, |extent| extent.first_index + extent.count)
    }

    /// The entity of a partition: its slot follows the topic's name and its index, so that the partitions of a topic spread over all shard groups.
    #[must_use]
    pub fn entity(&self, partition: u32) -> Option<EntityId> {
        let at = self.extents.partition_point(|extent| extent.first_index <= partition).checked_sub(1)?;
        let extent = self.extents.get(at).filter(|extent| partition - extent.first_index < extent.count)?;
        let slot = (u32::from(EntityId::slot_of(self.name.as_str().as_bytes())) + partition % u32::from(SLOTS))
            % u32::from(SLOTS);
        EntityId::new(slot as u16, extent.first_number + u64::from(partition - extent.first_index))
    }

    /// All its entities, in partition order.
    pub fn entities(&self) -> impl Iterator<Item = EntityId> {
        (0..self.partitions()).filter_map(|partition| self.entity(partition))
    }
}

/// A consumer group's place. What it is stands in its own machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    /// Its name.
    pub name: GroupName,
    /// Its entity; another one after delete and create.
    pub entity: EntityId,
}
