//! What the edge is told at start.

use std::{sync::Arc, time::Duration};

use trine_net::Advertised;

use crate::wire::frame::FRAME_BYTES_MAX_DEFAULT;

/// Settings of the Kafka edge, read once at start.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// The one broker's id in metadata.
    pub node_id: i32,
    /// Where clients are sent, unless it is the address each client used (decision E18). Changes are seen at once.
    pub advertised: Advertised,
    /// Whether metadata requests create topics that do not exist (`auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// Whether any requested replication factor is accepted (and reported as 1): many applications insist on 3.
    pub any_replication_factor: bool,
    /// Largest request in bytes (`socket.request.max.bytes`).
    pub request_bytes_max: usize,
    /// Most bytes of requests being read or answered, of all connections, beyond the first 64 KiB of each.
    pub request_memory_max: usize,
    /// Bytes of fetched records waiting for slow readers beyond which fetches get smaller, of all connections.
    pub response_memory_max: usize,
    /// A connection that says nothing for so long is closed (`connections.max.idle.ms`).
    pub idle_max: Duration,
    /// Fetch sessions of all connections (`max.incremental.fetch.session.cache.slots`); 0 turns them off.
    pub fetch_sessions_max: usize,
    /// Settings of the server to show as the broker's, beside those the edge knows itself: name and value.
    pub shown_settings: Arc<Vec<(String, String)>>,
    /// The data directory, or a word for memory: what DescribeLogDirs calls the log directory.
    pub log_dir: String,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            node_id: 1,
            advertised: Advertised::default(),
            auto_create_topics: true,
            any_replication_factor: true,
            request_bytes_max: FRAME_BYTES_MAX_DEFAULT,
            request_memory_max: 256 << 20,
            response_memory_max: 256 << 20,
            idle_max: Duration::from_secs(600),
            fetch_sessions_max: 1000,
            shown_settings: Arc::default(),
            log_dir: "memory".to_owned(),
        }
    }
}
