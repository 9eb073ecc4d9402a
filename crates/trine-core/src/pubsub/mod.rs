//! Pub-sub without I/O. Nothing is stored and nothing is in the log: subscriptions live as long as their connections.

mod glob;

pub use glob::Glob;
