//! What all workers share.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use bytes::Bytes;
use trine_broker::{Broker, pubsub::CutOff};
use trine_env::Rng;
use trine_net::auth::Users;

use crate::{
    RedisConfig,
    acl::Acl,
    clients::{Client, Clients},
    node::Node,
    worker::{Control, WorkerHandle},
};

/// Shared by all workers and commands.
pub(crate) struct Shared {
    pub(crate) config: RedisConfig,
    pub(crate) broker: Broker,
    /// Passwords of the configuration.
    pub(crate) users: Arc<Users>,
    /// Users and what they may do.
    pub(crate) acl: Acl,
    pub(crate) node: Node,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) clients: Clients,
    pub(crate) counters: Counters,
    /// Connections in MONITOR mode; while zero no line is made.
    pub(crate) monitors: AtomicUsize,
    /// Bytes of long requests that are not whole yet.
    pub(crate) query_bytes: AtomicUsize,
    /// The workers, in the order of their numbers.
    pub(crate) workers: Vec<Arc<WorkerHandle>>,
}

impl Shared {
    /// Closes a client, wherever it is, without writing what waits for it.
    pub(crate) fn kill(&self, client: &Client) {
        client.killed.store(true, Ordering::Release);
        if let Some(worker) = self.workers.get(client.worker) {
            worker.tell(Control::Kill(client.id));
        }
    }

    /// Shows a line to all clients in MONITOR mode, each after what it was sent before. The line is a whole reply.
    pub(crate) fn monitor(&self, line: &Bytes) {
        if self.monitors.load(Ordering::Relaxed) > 0 {
            for worker in &self.workers {
                worker.tell(Control::Line(line.clone()));
            }
        }
    }
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
    /// Cut off for not reading, in the order of [`CutOff::ALL`].
    cut_offs: [AtomicU64; CutOff::ALL.len()],
    /// ACL refusals: of AUTH, of a command, of a key, of a channel.
    pub(crate) denied_auth: AtomicU64,
    pub(crate) denied_command: AtomicU64,
    pub(crate) denied_key: AtomicU64,
    pub(crate) denied_channel: AtomicU64,
}

impl Counters {
    /// A client was cut off.
    pub(crate) fn cut(&self, reason: CutOff) {
        self.cut_offs[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many were cut off, for whatever reason.
    pub(crate) fn cut_offs(&self) -> u64 {
        self.cut_offs.iter().map(|n| n.load(Ordering::Relaxed)).sum()
    }
}
