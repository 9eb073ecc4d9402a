//! The Kafka edge: wire codecs, sessions and one file per API.

pub mod wire;
