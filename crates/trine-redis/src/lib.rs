//! The Redis edge: pub-sub for stock Redis clients.
//!
//! ```text
//! accept (server) → a worker's thread → connection (socket, read, write) → wire::request → commands::dispatch → commands/<command>
//!                                          ▲ output: one write per connection and turn      │ publish, subscribe
//!                                          └──────────── worker: local fan-out ◀── trine_broker::pubsub (lanes, directory)
//! ```
//!
//! A worker is one thread that owns its connections and the subscriptions they hold; nothing of it is shared or locked. What workers share is
//! [`shared::Shared`].

mod accept;
mod acl;
mod clients;
mod commands;
mod config;
mod conn;
mod connection;
mod fanout;
mod frames;
mod node;
mod output;
mod server;
mod session;
mod shared;
mod wire;
mod worker;

pub use config::RedisConfig;
pub use server::{Redis, RedisStats};
pub use wire::{RequestError, RequestLimits, RequestParser};
