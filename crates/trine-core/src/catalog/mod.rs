//! The catalogue: which topics, queues and groups exist, under which ids, with which settings (decision E12).
//!
//! It lives in shard group 0 and alone decides create, alter and delete. Its state is made of shared, immutable parts, so that a copy for readers
//! ([`Catalog`] is `Clone`) costs next to nothing: readers see the copy of the last durable change.

mod decide;
mod map;
mod ordered;
mod queue;
mod record;
mod section;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod topic;

pub use decide::{AlterOp, CatalogRefusal, NewTopic, SettingChange};
pub use map::NameMap;
pub use ordered::OrderedMap;
pub use queue::{NewQueue, QueueInfo, QueueKey, TOMBSTONE_KEEP_MS, TOMBSTONES_MAX};
pub use record::CatalogRecord;
pub use settings::{
    Cleanup, Compression, FlushTo, SettingError, SettingKind, SettingSpec, TOPIC_SETTINGS, TimestampType, TopicConfig,
    TopicDefaults, check_setting, setting_spec,
};
pub use state::Catalog;
pub use topic::{Extent, GroupInfo, TopicInfo};
