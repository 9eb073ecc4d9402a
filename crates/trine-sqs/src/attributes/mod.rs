//! Attributes of queues: the table, how their texts are read, how they map to the broker's settings (reference/sqs.md §5).

mod changes;
mod redrive;
mod settings;
mod table;

pub(crate) use changes::{Changes, parse_changes};
pub(crate) use settings::{Others, apply, differs, new_settings, policy, set_policy, show};
pub use table::{AttributeName, AttributeSpec, Kind};
