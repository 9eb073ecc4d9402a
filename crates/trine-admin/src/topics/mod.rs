//! `/v1/topics`.

mod add_partitions;
mod alter;
mod append;
mod consume;
mod create;
mod delete;
mod list;
mod produce;
mod show;
mod trim;

use std::sync::Arc;

use trine_broker::{Broker, PartitionRef, Topic};

use crate::error::ApiError;

pub(crate) use add_partitions::add_partitions;
pub(crate) use alter::alter;
pub(crate) use consume::consume;
pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use list::list;
pub(crate) use produce::produce;
pub(crate) use show::show;
pub(crate) use trim::trim;

/// The topic with a name.
pub(crate) fn find(broker: &Broker, name: &str) -> Result<Arc<Topic>, ApiError> {
    broker.catalog().topic(name).cloned().ok_or_else(|| ApiError::not_found(format!("there is no topic {name}")))
}

/// One partition, or all when none is named.
pub(crate) fn partitions(topic: &Arc<Topic>, only: Option<u32>) -> Result<Vec<PartitionRef>, ApiError> {
    match only {
        None => Ok(topic.all_partitions().collect()),
        Some(index) => Ok(vec![partition(topic, index)?]),
    }
}

/// One partition.
pub(crate) fn partition(topic: &Arc<Topic>, index: u32) -> Result<PartitionRef, ApiError> {
    topic.partition(index).ok_or_else(|| {
        let (name, last) = (&topic.name, topic.partitions() - 1);
        ApiError::not_found(format!("the topic {name} has no partition {index}; its partitions are 0 to {last}"))
    })
}
