//! The Kafka protocol, just enough of it to load a server: fixed request layouts of versions every server since Kafka 2.4 speaks.

pub mod client;
pub mod consume;
pub mod produce;
