//! The edge over real sockets, byte for byte.

mod common;
mod limits;
mod pubsub;
mod stress;
mod transactions;
