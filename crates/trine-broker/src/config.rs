//! What a broker is told at start.

use std::{sync::Arc, time::Duration};

use trine_core::{catalog::TopicDefaults, groups::GroupSettings};
use trine_storage::Durability;

/// Settings of the broker, read once at start. Every value has a default that suits a small server.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// How topics without a setting of their own become durable (decision E7).
    pub durability: Durability,
    /// Partitions of a topic that was made without saying how many.
    pub default_partitions: u32,
    /// Bytes of produced batches that may wait for the disk at once; [`Streams::permit`](crate::Streams::permit) waits for room.
    pub append_bytes_max: usize,
    /// Operations other than appends that may be waiting at once; beyond it they are refused with [`Failure::Busy`](crate::Failure::Busy).
    pub control_waiting_max: usize,
    /// Reads of cold data that may run at once on threads that may block.
    pub blocking_reads_max: usize,
    /// Most bytes one fetch returns, whatever it asks for.
    pub fetch_bytes_max: usize,
    /// Fetches that may be parked at once; beyond it a fetch answers at once with what is there.
    pub fetch_waiters_max: usize,
    /// Receives of queues that may be waiting at once; beyond it they are refused with [`Failure::Busy`](crate::Failure::Busy).
    pub receives_waiting_max: usize,
    /// How often retention, compaction, offset and producer expiry look for work.
    pub sweep_every: Duration,
    /// A producer that wrote nothing for so long is forgotten by its partitions, in milliseconds of message time.
    pub producer_idle_ms: i64,
    /// Memory of one compaction's key map, in bytes.
    pub compaction_buffer_bytes: usize,
    /// Values of topic settings that topics do not set themselves.
    pub topic_defaults: Arc<TopicDefaults>,
    /// Bytes in all pub-sub outboxes together; beyond it the largest is cut off (decision Q19).
    pub outbox_total: usize,
    /// Limits and delays of consumer groups.
    pub groups: GroupSettings,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            durability: Durability::Sync,
            default_partitions: 1,
            append_bytes_max: 128 << 20,
            control_waiting_max: 65_536,
            blocking_reads_max: 16,
            fetch_bytes_max: 57_671_680,
            fetch_waiters_max: 100_000,
            receives_waiting_max: 200_000,
            sweep_every: Duration::from_secs(2),
            producer_idle_ms: 86_400_000,
            compaction_buffer_bytes: 64 << 20,
            topic_defaults: Arc::default(),
            outbox_total: crate::pubsub::OUTBOX_TOTAL_DEFAULT,
            groups: GroupSettings::default(),
        }
    }
}
