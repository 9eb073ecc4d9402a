//! Start and stop of a whole server inside a tokio runtime.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use trine_admin::{Admin, ListenerInfo, ServerInfo, Service};
use trine_aws::Keys;
use trine_broker::{Broker, OpenError};
use trine_net::{Advertised, AdvertisedAddrs, BindError, Binding, ConnectionLimit, Drain, Phase, accept_loop};
use trine_storage::StoreError;

use crate::{
    Environment, aws,
    banner::{Storage, banner},
    config::{Config, Durability, ListenerKind, Profile, UnixListener},
    declared::{self, DeclaredError},
    kafka,
    ready_file::ReadyFile,
    redis, store,
};

/// Files the process needs besides connections: log, segments, checkpoints, standard streams.
const FILES_RESERVED: u64 = 4_600;
/// Most admin connections: people, scrapers, command lines.
const ADMIN_CONNECTIONS_MAX: usize = 1_000;
/// What the last step of a stop may take at least, whatever the drain time-out: the log is closed in it.
const SHUTDOWN_MIN: Duration = Duration::from_secs(1);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port is taken or an address is not ours.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The data directory cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A declared object cannot be created.
    #[error("declared in the configuration: {0}")]
    Declared(#[from] DeclaredError),
    /// The secret of an AWS key cannot be read.
    #[error(transparent)]
    Secret(#[from] aws::SecretError),
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
    /// The ready file cannot be written.
    #[error("cannot write the ready file: {0}")]
    ReadyFile(#[source] io::Error),
}

/// Why a stop was not clean.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The store could not be closed; the next start recovers.
    #[error("the store was not closed cleanly: {0}")]
    Store(#[from] StoreError),
}

/// A running server. Everything ends with [`Server::stop`].
pub struct Server {
    broker: Broker,
    drain: Drain,
    drain_timeout: Duration,
    limits: Vec<ConnectionLimit>,
    addrs: Vec<(ListenerKind, Vec<SocketAddr>)>,
    loops: Vec<JoinHandle<()>>,
    ready_file: Option<ReadyFile>,
    banner: String,
}

/// One listener kind before clients are let in.
struct Bound {
    kind: ListenerKind,
    anonymous: bool,
    binding: Binding,
}

impl Server {
    /// Starts everything; complete when the server is ready.
    pub async fn start(config: Config, env: Environment) -> Result<Self, StartError> {
        let began = env.clock.mono();
        let mut bound = Vec::new();
        for listener in &config.listeners {
            match Binding::bind(&listener.addr) {
                Ok(binding) => bound.push(Bound { kind: listener.kind, anonymous: listener.anonymous, binding }),
                Err(error) if listener.optional => {
                    tracing::warn!("going on without one address for {}: {error}", listener.kind.as_str());
                }
                Err(error) => return Err(error.into()),
            }
        }
        let keys = aws::keys(&config)?;
        let addrs = by_kind(&bound);
        let limits = limits(&config);
        let limit_of = |kind: ListenerKind| &limits[ListenerKind::ALL.iter().position(|k| *k == kind).unwrap_or(0)];
        let drain = Drain::default();
        let advertised = AdvertisedAddrs {
            kafka: Advertised::new(config.advertise_kafka.clone()),
            redis: Advertised::new(config.advertise_redis.clone()),
        };
        let storage = storage(&config, &env);
        let info = ServerInfo {
            version: env!("CARGO_PKG_VERSION"),
            data: (!config.in_memory()).then(|| store::absolute(&config.data)),
            durability: durability(config.durability),
            file_system: storage.file_system.as_ref().map(|(name, _)| name.clone()),
            listeners: addrs
                .iter()
                .map(|(kind, addrs)| ListenerInfo {
                    kind: kind.as_str(),
                    addrs: addrs.clone(),
                    limit: limit_of(*kind).clone(),
                })
                .collect(),
            auto_create: config.profile == Profile::Dev,
        };
        let admin = Admin::new(
            info,
            store::users(&config),
            store::access(&config),
            advertised.clone(),
            Arc::clone(&env.clock),
            drain.signal(),
        );

        // Liveness is answered while the log is read; everything else waits for its end.
        let mut loops = Vec::new();
        let (admin_bound, others): (Vec<_>, Vec<_>) = bound.into_iter().partition(|b| b.kind == ListenerKind::Admin);
        let service = Service::new(Arc::clone(&admin));
        for bound in admin_bound {
            let limit = limit_of(ListenerKind::Admin);
            for listener in bound.binding.listen()? {
                let service = service.clone();
                let serve = move |conn| service.clone().serve(conn);
                loops.push(tokio::spawn(accept_loop(listener, limit.clone(), drain.signal(), serve)));
            }
        }
        let opened = async {
            let broker = store::open(&config, &env).await?;
            if let Err(error) = declared::create(&broker, &config).await {
                // Whatever is wrong with the declaration, the directory is closed in order.
                let _ = broker.shutdown(SHUTDOWN_MIN).await;
                return Err(error.into());
            }
            Ok(broker)
        };
        let broker = match opened.await {
            Ok(broker) => broker,
            Err(error) => {
                drain.advance(Phase::Closing);
                return Err(error);
            }
        };
        admin.set_broker(broker.clone());
        let mut server = Self {
            broker,
            drain,
            drain_timeout: config.drain_timeout,
            limits,
            addrs,
            loops,
            ready_file: None,
            banner: String::new(),
        };
        match server.open_doors(&config, &env, others, keys, &advertised, &admin) {
            Ok(()) => {}
            Err(error) => {
                let _ = server.stop().await;
                return Err(error);
            }
        }
        admin.set_ready();
        let took = env.clock.mono().saturating_sub(began);
        server.banner = banner(&config, &storage, &server.addrs, took);
        Ok(server)
    }

    fn open_doors(
        &mut self,
        config: &Config,
        env: &Environment,
        bound: Vec<Bound>,
        keys: Keys,
        advertised: &AdvertisedAddrs,
        admin: &Admin,
    ) -> Result<(), StartError> {
        let kafka = kafka::edge(config, env, &self.broker, &advertised.kafka);
        let aws = aws::edge(config, env, &self.broker, keys);
        let addr = self.addrs(ListenerKind::Redis).first().copied();
        let clients_max = self.limit(ListenerKind::Redis).counts().max;
        let redis = redis::edge(config, env, &self.broker, addr, clients_max, &advertised.redis, &self.drain)
            .map_err(StartError::Thread)?;
        let measured = (kafka.clone(), aws.clone(), redis.clone(), self.broker.clone());
        admin.set_edge_metrics(Box::new(move || {
            let mut metrics = kafka::metrics(&measured.0);
            metrics.extend(aws::metrics(&measured.1));
            metrics.extend(redis::metrics(&measured.3, measured.2.as_ref()));
            metrics
        }));
        for Bound { kind, anonymous, binding } in bound {
            let limit = self.limit(kind).clone();
            for listener in binding.listen()? {
                let (limit, drain) = (limit.clone(), self.drain.signal());
                let task = match kind {
                    ListenerKind::Kafka => tokio::spawn(accept_loop(listener, limit, drain, kafka::handler(&kafka))),
                    ListenerKind::Aws => {
                        tokio::spawn(accept_loop(listener, limit, drain, aws::handler(&aws, anonymous)))
                    }
                    ListenerKind::Redis => match &redis {
                        Some(redis) => tokio::spawn(redis.clone().serve_tcp(listener, anonymous, limit, drain)),
                        None => continue,
                    },
                    // Listens since the beginning.
                    ListenerKind::Admin => continue,
                };
                self.loops.push(task);
            }
        }
        for unix in redis.iter().flat_map(|redis| config.redis_unix.iter().map(move |unix| (redis, unix))) {
            let (redis, UnixListener { path, anonymous }) = unix;
            let served = redis::serve_unix(redis, path, *anonymous, self.limit(ListenerKind::Redis), &self.drain);
            self.loops.push(served.map_err(|source| BindError { addr: format!("unix:{}", path.display()), source })?);
        }
        if let Some(path) = &config.ready_file {
            let mut listeners: Vec<(&str, Vec<String>)> = Vec::new();
            for kind in ListenerKind::ALL {
                let mut addrs: Vec<_> = self.addrs(kind).iter().map(ToString::to_string).collect();
                if kind == ListenerKind::Redis {
                    // Behind the others: the first is the one to use over TCP.
                    addrs.extend(config.redis_unix.iter().map(|unix| format!("unix:{}", unix.path.display())));
                }
                if !addrs.is_empty() {
                    listeners.push((kind.as_str(), addrs));
                }
            }
            self.ready_file = Some(ReadyFile::write(path, &listeners).map_err(StartError::ReadyFile)?);
        }
        Ok(())
    }

    fn limit(&self, kind: ListenerKind) -> &ConnectionLimit {
        &self.limits[ListenerKind::ALL.iter().position(|k| *k == kind).unwrap_or(0)]
    }

    /// The real addresses of a listener kind; the first is the one to use.
    #[must_use]
    pub fn addrs(&self, kind: ListenerKind) -> Vec<SocketAddr> {
        self.addrs.iter().filter(|(k, _)| *k == kind).flat_map(|(_, addrs)| addrs.clone()).collect()
    }

    /// The broker behind all listeners.
    #[must_use]
    pub const fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The start-up block.
    #[must_use]
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// Completes when the store has failed, with the reason: the process must report it and end (law 7).
    pub async fn failure(&self) -> Arc<str> {
        self.broker.failure().await
    }

    /// Stops: no new connections, clients finish what they have begun (within the drain time-out), the store is closed.
    pub async fn stop(self) -> Result<(), StopError> {
        drop(self.ready_file);
        self.drain.advance(Phase::Draining);
        let idle = async {
            for limit in &self.limits {
                limit.idle().await;
            }
        };
        // Running out of patience is an answer, too: the rest is cut off below.
        let _ = tokio::time::timeout(self.drain_timeout, idle).await;
        let closed = self.broker.shutdown(self.drain_timeout.max(SHUTDOWN_MIN)).await;
        self.drain.advance(Phase::Closing);
        for task in self.loops {
            // An accept loop has nothing to return; a panic in it was printed where it happened.
            let _ = task.await;
        }
        Ok(closed?)
    }
}

/// Real addresses, in the order of the kinds.
fn by_kind(bound: &[Bound]) -> Vec<(ListenerKind, Vec<SocketAddr>)> {
    ListenerKind::ALL
        .into_iter()
        .map(|kind| (kind, bound.iter().filter(|b| b.kind == kind).flat_map(|b| b.binding.addrs()).collect::<Vec<_>>()))
        .filter(|(_, addrs)| !addrs.is_empty())
        .collect()
}

/// Caps in the order of the kinds. Whatever is configured, there must be files left for the store.
fn limits(config: &Config) -> Vec<ConnectionLimit> {
    let files = trine_net::raise_open_files();
    ListenerKind::ALL
        .into_iter()
        .map(|kind| {
            let wanted = match kind {
                ListenerKind::Admin => ADMIN_CONNECTIONS_MAX.min(config.connections_max),
                ListenerKind::Kafka | ListenerKind::Aws | ListenerKind::Redis => config.connections_max,
            };
            let spare = files.map_or(u64::MAX, |files| files.saturating_sub(FILES_RESERVED).max(files / 4).max(1));
            let possible = usize::try_from(spare).unwrap_or(usize::MAX);
            if possible < wanted {
                tracing::warn!(
                    "limits.connections is {wanted}, but the limit of open files leaves room for {possible} {} connections",
                    kind.as_str()
                );
            }
            ConnectionLimit::new(wanted.min(possible))
        })
        .collect()
}

fn storage(config: &Config, env: &Environment) -> Storage {
    if config.in_memory() {
        return Storage { data: None, file_system: None };
    }
    let data = store::absolute(&config.data);
    // The directory may not exist yet: its nearest parent lies on the same file system.
    let existing = data.ancestors().find(|path| env.fs.exists(path)).unwrap_or(&data);
    Storage { file_system: Some(env.fs.kind(existing)), data: Some(data.display().to_string()) }
}

fn durability(durability: Durability) -> String {
    match durability {
        Durability::Sync => "sync".to_owned(),
        Durability::Interval(ms) => format!("interval:{ms}"),
        Durability::Memory => "memory".to_owned(),
    }
}
