//! The edge over sockets, in both protocols, on a broker in memory whose message time stands still until a test moves it.

mod access;
mod errors;
mod fifo;
mod golden;
mod messages;
mod moves;
mod peek;
mod polls;
mod queues;
mod reference;
mod server;
