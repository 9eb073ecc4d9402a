//! The edge over real sockets, byte for byte.

mod access;
mod cluster;
mod commands;
mod common;
mod introspection;
mod limits;
mod pubsub;
mod stress;
mod transactions;
