//! The edge as a whole: its workers, what listens, its figures.

use std::{
    io,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::net::{TcpListener, UnixListener};
use trine_broker::{Broker, pubsub::OutboxHolder};
use trine_env::Rng;
use trine_net::{ConnectionLimit, DrainSignal, auth::Users};

use crate::{
    RedisConfig,
    accept::{self, Listener},
    acl::Acl,
    clients::Clients,
    node::Node,
    shared::{Counters, Shared},
    worker::{self, WorkerHandle},
};

/// The Redis edge. Clones share it; its threads end when the last clone is dropped, or with the server's last phase.
#[derive(Clone)]
pub struct Redis {
    owner: Arc<Owner>,
}

struct Owner {
    shared: Arc<Shared>,
    next: Arc<AtomicUsize>,
}

/// Figures since start, except for those that say "now".
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RedisStats {
    /// Connections now.
    pub clients: u64,
    /// Connections served.
    pub connections: u64,
    /// Connections refused at the cap.
    pub refused: u64,
    /// Commands carried out.
    pub commands: u64,
    /// Of those, answered with an error.
    pub errors: u64,
    /// Connections closed because of input that cannot be understood.
    pub malformed: u64,
    /// Connections cut off because their request was too large.
    pub query_cut_offs: u64,
    /// Connections cut off because they do not read, whatever the limit.
    pub cut_offs: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
}

impl Redis {
    /// Starts the workers' threads in front of a broker. With users, clients have to say who they are.
    pub fn start(
        broker: Broker,
        config: RedisConfig,
        users: Arc<Users>,
        rng: Arc<dyn Rng>,
        drain: &DrainSignal,
    ) -> io::Result<Self> {
        let workers: Vec<_> = (0..config.workers.max(1)).map(|_| Arc::new(WorkerHandle::default())).collect();
        for handle in &workers {
            let holder: Weak<WorkerHandle> = Arc::downgrade(handle);
            broker.pubsub().outboxes().register(holder as Weak<dyn OutboxHolder>);
        }
        let shared = Arc::new(Shared {
            acl: Acl::new(&config.users, &users),
            node: Node::new(&**broker.clock(), &*rng),
            config,
            broker,
            users,
            rng,
            clients: Clients::default(),
            counters: Counters::default(),
            monitors: AtomicUsize::new(0),
            query_bytes: AtomicUsize::new(0),
            workers,
        });
        let redis = Self { owner: Arc::new(Owner { shared, next: Arc::default() }) };
        let shared = &redis.owner.shared;
        for (index, handle) in shared.workers.iter().enumerate() {
            let handle = Arc::clone(handle);
            let port = shared.broker.pubsub().port(move || handle.ring());
            worker::start(Arc::clone(shared), index, port, drain.clone())?;
        }
        Ok(redis)
    }

    /// Accepts TCP connections until the server drains. `anonymous`: nobody has to say who they are although users are configured.
    pub async fn serve_tcp(self, listener: TcpListener, anonymous: bool, limit: ConnectionLimit, drain: DrainSignal) {
        self.serve(Listener::Tcp(listener), anonymous, limit, drain).await;
    }

    /// Accepts connections on a unix socket until the server drains; `path` is what clients see as the address.
    pub async fn serve_unix(
        self,
        listener: UnixListener,
        path: String,
        anonymous: bool,
        limit: ConnectionLimit,
        drain: DrainSignal,
    ) {
        self.serve(Listener::Unix(listener, path), anonymous, limit, drain).await;
    }

    async fn serve(self, listener: Listener, anonymous: bool, limit: ConnectionLimit, drain: DrainSignal) {
        let (shared, next) = (Arc::clone(&self.owner.shared), Arc::clone(&self.owner.next));
        accept::accept(shared, listener, anonymous, limit, drain, next).await;
    }

    /// Figures for metrics.
    #[must_use]
    pub fn stats(&self) -> RedisStats {
        let shared = &self.owner.shared;
        let counters = &shared.counters;
        RedisStats {
            clients: shared.clients.len() as u64,
            connections: counters.connections.load(Ordering::Relaxed),
            refused: counters.refused.load(Ordering::Relaxed),
            commands: counters.commands.load(Ordering::Relaxed),
            errors: counters.error_replies.load(Ordering::Relaxed),
            malformed: counters.malformed.load(Ordering::Relaxed),
            query_cut_offs: counters.cut_query.load(Ordering::Relaxed),
            cut_offs: counters.cut_offs(),
            bytes_in: counters.bytes_in.load(Ordering::Relaxed),
            bytes_out: counters.bytes_out.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        for worker in &self.shared.workers {
            worker.stop();
        }
    }
}
