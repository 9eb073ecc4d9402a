//! Pub-sub without I/O: which names somebody is interested in, which patterns match, who holds which subscription. Nothing is stored and nothing is in
//! the log: subscriptions live as long as their connections.

mod glob;
mod interest;
mod patterns;
mod subscriptions;

pub use glob::Glob;
pub use interest::{Interest, Lanes, Name};
pub use patterns::{PatternIndex, PatternRef};
pub use subscriptions::{Kind, Subscriptions};

#[cfg(test)]
mod tests;
