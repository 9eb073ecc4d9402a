//! What all workers share.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize},
};

use trine_broker::Broker;
use trine_env::Rng;
use trine_net::auth::Users;

use crate::{RedisConfig, clients::Clients};

/// Shared by all workers and commands.
pub(crate) struct Shared {
    pub(crate) config: RedisConfig,
    pub(crate) broker: Broker,
    pub(crate) users: Arc<Users>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) clients: Clients,
    pub(crate) counters: Counters,
    /// Connections in MONITOR mode; while zero no line is made.
    pub(crate) monitors: AtomicUsize,
}

/// Figures since start; relaxed.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) error_replies: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    /// Connections closed because of a protocol error.
    pub(crate) malformed: AtomicU64,
    /// Connections cut off at the query buffer limit.
    pub(crate) cut_query: AtomicU64,
    /// Cut off at the hard outbox limit.
    pub(crate) cut_hard: AtomicU64,
    /// Cut off above the soft outbox limit for too long.
    pub(crate) cut_soft: AtomicU64,
    /// Cut off because all outboxes together were too large.
    pub(crate) cut_total: AtomicU64,
    /// ACL refusals: of AUTH, of a command, of a channel.
    pub(crate) denied_auth: AtomicU64,
    pub(crate) denied_command: AtomicU64,
    pub(crate) denied_channel: AtomicU64,
}
