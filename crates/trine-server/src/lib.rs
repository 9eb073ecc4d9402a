//! Assembly: configuration to a running server; what main calls is what tests call.
//!
//! [`Server::start`] binds every port, answers `/livez`, recovers, creates declared objects, and only then lets clients in (decision E14). [`run`] adds what
//! a process needs: a runtime, the start-up block, signals, exit.

mod aws;
mod banner;
pub mod config;
mod declared;
mod environment;
mod kafka;
mod ready_file;
mod redis;
mod run;
mod start;
mod store;

pub use aws::SecretError;
pub use declared::check_objects;
pub use environment::Environment;
pub use run::{RunError, run};
pub use start::{Server, StartError, StopError};
pub use store::verify;
