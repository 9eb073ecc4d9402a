//! The Kafka edge: wire codecs, sessions and one file per API.
//!
//! ```text
//! trine-net accept → connection (frames, order, bounds) → wire (bytes ⇄ structs) → apis/<operation> → trine-broker
//! ```
//!
//! The list of APIs and versions is [`wire::APIS`]. An error of one partition is that partition's answer; a request that cannot be read, and an outcome
//! nobody knows, close the connection.

mod apis;
mod config;
mod connection;
mod error;
mod fetch_sessions;
mod memory;
mod stats;
pub mod wire;

use std::sync::Arc;

use trine_broker::Broker;
use trine_env::Rng;
use trine_net::Conn;

pub use config::KafkaConfig;
pub use error::ErrorCode;
pub use stats::{ApiStats, KafkaStats};

use crate::{apis::MetadataCache, fetch_sessions::FetchSessions, memory::Memory, stats::Counters};

/// The Kafka edge. Clones share it.
#[derive(Clone)]
pub struct Kafka {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) broker: Broker,
    pub(crate) config: KafkaConfig,
    pub(crate) sessions: FetchSessions,
    pub(crate) metadata: MetadataCache,
    pub(crate) memory: Memory,
    pub(crate) counters: Counters,
}

impl Kafka {
    /// An edge in front of a broker. Ids of fetch sessions are random.
    #[must_use]
    pub fn new(broker: Broker, config: KafkaConfig, rng: Arc<dyn Rng>) -> Self {
        let inner = Inner {
            sessions: FetchSessions::new(config.fetch_sessions_max, rng),
            metadata: MetadataCache::default(),
            memory: Memory::new(config.request_memory_max, config.response_memory_max),
            counters: Counters::default(),
            broker,
            config,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Serves one connection until it ends. What [`trine_net::accept_loop`] is given.
    pub async fn serve(self, conn: Conn) {
        connection::serve(self.inner, conn).await;
    }

    /// Figures for metrics.
    #[must_use]
    pub fn stats(&self) -> KafkaStats {
        self.inner.counters.collect(&self.inner)
    }
}
