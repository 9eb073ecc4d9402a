//! The admin HTTP API (`/v1`, in the grammar of decision Q16), metrics and health. It is the only back end of the command line, and no second way to change
//! state: every operation is one call of the broker.
//!
//! One file per operation; `router.rs` maps paths to them, `guard.rs` decides who gets in, `error.rs` turns what went wrong into an answer.

mod channels;
mod clock;
mod context;
mod error;
mod expression;
mod groups;
mod guard;
mod health;
mod lines;
mod metrics;
mod page;
mod partitioner;
mod payload;
mod position;
mod queues;
mod router;
mod serve;
mod server;
pub mod time;
mod topics;

pub use context::{Admin, EdgeMetrics, ListenerInfo, ServerInfo};
pub use metrics::Metric;
pub use partitioner::{murmur2, partition_of_key};
pub use serve::Service;
