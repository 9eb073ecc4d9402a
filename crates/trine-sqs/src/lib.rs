//! The SQS edge: 23 actions over JSON 1.0 and Query.
//!
//! ```text
//! trine-aws (HTTP, signatures, protocols) → table (name → action) → actions/<action>: required members, queue, ranges, entries → trine-broker
//! ```
//!
//! The list of actions is [`ACTIONS`]; that of queue attributes [`AttributeName::TABLE`]. Texts of errors are the service's own, because clients and suites
//! compare them.

mod actions;
mod attributes;
mod batch;
mod config;
mod context;
mod error;
mod failure;
mod message;
mod name;
mod names;
mod page;
mod peek;
mod permission;
mod purges;
mod service;
mod shapes;
mod table;
mod tags;
mod task_handle;
mod wire;

pub use attributes::{AttributeName, AttributeSpec, Kind};
pub use config::SqsConfig;
pub use error::{ErrorKind, Spelling, SqsError};
pub use service::Sqs;
pub use table::{ACTIONS, ActionSpec};
