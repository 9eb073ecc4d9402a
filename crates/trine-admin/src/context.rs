//! What every operation of the admin API can reach.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use trine_broker::{Access, Action, Broker, Principal, Resource};
use trine_env::Clock;
use trine_net::{AdvertisedAddrs, ConnectionLimit, DrainSignal, auth::Users};

use crate::{error::ApiError, metrics::Metric};

/// One listener kind, for `status` and metrics.
#[derive(Clone, Debug)]
pub struct ListenerInfo {
    /// Name of the kind (`kafka`).
    pub kind: &'static str,
    /// Its real addresses.
    pub addrs: Vec<SocketAddr>,
    /// Its connections.
    pub limit: ConnectionLimit,
}

/// What the server says about itself.
#[derive(Clone, Debug)]
pub struct ServerInfo {
    /// Version of the program.
    pub version: &'static str,
    /// The data directory; `None` in memory.
    pub data: Option<PathBuf>,
    /// `sync`, `interval:MS` or `memory`.
    pub durability: String,
    /// What the file system of the data directory is.
    pub file_system: Option<String>,
    /// What listens.
    pub listeners: Vec<ListenerInfo>,
    /// Whether `produce` creates topics (`trine dev`, decision Q17).
    pub auto_create: bool,
}

/// Asks an edge for its metrics.
pub type EdgeMetrics = Box<dyn Fn() -> Vec<Metric> + Send + Sync>;

/// Shared by all connections of the admin listener.
pub struct Admin {
    info: ServerInfo,
    users: Users,
    access: Access,
    advertised: AdvertisedAddrs,
    clock: Arc<dyn Clock>,
    drain: DrainSignal,
    started: Duration,
    broker: OnceLock<Broker>,
    edges: OnceLock<EdgeMetrics>,
    ready: AtomicBool,
    /// Turns over the partitions that records without a key go to.
    next_partition: AtomicU32,
}

impl Admin {
    /// A context that answers `/livez` and nothing else until [`Admin::set_ready`]. `access` says what the users may do: everybody here has logged in,
    /// which need not be so at other listeners, so the broker's own table may say less.
    #[must_use]
    pub fn new(
        info: ServerInfo,
        users: Users,
        access: Access,
        advertised: AdvertisedAddrs,
        clock: Arc<dyn Clock>,
        drain: DrainSignal,
    ) -> Arc<Self> {
        let started = clock.mono();
        Arc::new(Self {
            info,
            users,
            access,
            advertised,
            clock,
            drain,
            started,
            broker: OnceLock::new(),
            edges: OnceLock::new(),
            ready: AtomicBool::new(false),
            next_partition: AtomicU32::new(0),
        })
    }

    /// Recovery is done.
    pub fn set_broker(&self, broker: Broker) {
        // A second broker in one process would be a bug of the assembly; the first stays.
        let _ = self.broker.set(broker);
    }

    /// Adds metrics of the edges.
    pub fn set_edge_metrics(&self, ask: EdgeMetrics) {
        // As with the broker, there is one assembly.
        let _ = self.edges.set(ask);
    }

    pub(crate) fn edge_metrics(&self) -> Vec<Metric> {
        self.edges.get().map(|ask| ask()).unwrap_or_default()
    }

    /// All listeners are open.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Whether clients should come: ready, and not on the way down.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && !self.drain.is_draining()
    }

    pub(crate) fn broker(&self) -> Result<&Broker, ApiError> {
        let broker = self.broker.get().filter(|_| self.ready.load(Ordering::Acquire));
        broker.ok_or_else(|| ApiError::unavailable("starting", "the server is starting: it is not ready yet"))
    }

    /// The one access check, and the broker to do the operation with.
    pub(crate) fn allow(&self, who: &Principal, action: Action, resource: Resource<'_>) -> Result<&Broker, ApiError> {
        let broker = self.broker()?;
        self.access.check(who, action, resource)?;
        Ok(broker)
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    pub(crate) fn info(&self) -> &ServerInfo {
        &self.info
    }

    pub(crate) fn users(&self) -> &Users {
        &self.users
    }

    pub(crate) fn advertised(&self) -> &AdvertisedAddrs {
        &self.advertised
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn drain(&self) -> DrainSignal {
        self.drain.clone()
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.clock.mono().saturating_sub(self.started)
    }

    pub(crate) fn next_partition(&self) -> u32 {
        self.next_partition.fetch_add(1, Ordering::Relaxed)
    }
}
