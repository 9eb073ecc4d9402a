//! What the edge can be told.

use trine_broker::{Grant, pubsub::OutboxLimits};
use trine_net::Advertised;

/// Settings of the edge.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// Threads that own connections.
    pub workers: usize,
    /// Pretend to be a cluster of one node, for cluster clients (decision Q18).
    pub cluster: bool,
    /// The version told to clients that branch on it.
    pub redis_version: &'static str,
    /// Our own version.
    pub trine_version: &'static str,
    /// Most connections, as `CONFIG GET maxclients` shows it.
    pub clients_max: usize,
    /// Longest bulk argument, in bytes.
    pub bulk_bytes_max: usize,
    /// Most bytes of requests that a connection may have sent and that are not carried out yet.
    pub query_bytes_max: usize,
    /// The users of the configuration and what they were granted. With any, clients have to say who they are.
    pub users: Vec<(String, Vec<Grant>)>,
    /// What cluster clients are told to connect to; else the address they came to.
    pub advertise: Advertised,
    /// The port of the first TCP listener, for those who come over a unix socket.
    pub port: u16,
    /// Most bytes of unfinished requests of all connections together; the one that exceeds it is cut off.
    pub query_total_bytes_max: usize,
    /// What may wait in the outbox of a connection with a subscription.
    pub outbox: OutboxLimits,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            workers: 1,
            cluster: false,
            redis_version: "7.4.1",
            trine_version: env!("CARGO_PKG_VERSION"),
            clients_max: 10_000,
            bulk_bytes_max: 512 << 20,
            query_bytes_max: 1 << 30,
            users: Vec::new(),
            advertise: Advertised::default(),
            port: 6379,
            query_total_bytes_max: 1 << 30,
            outbox: OutboxLimits::default(),
        }
    }
}
