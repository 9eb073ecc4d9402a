//! The edge over real sockets, byte for byte.

mod common;

mod pubsub;

mod transactions;
