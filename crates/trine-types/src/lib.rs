//! Typed ids, names and limits shared by every crate. No I/O, no clock, no wire formats.

mod id;
pub mod limits;
mod name;
mod time;
pub mod units;
mod uuid;

pub use id::{EntityId, Lsn, Offset, SLOTS, ShardId};
pub use name::{GroupName, NameError, Namespace, QueueName, TopicName};
pub use time::Timestamp;
pub use uuid::Uuid;
