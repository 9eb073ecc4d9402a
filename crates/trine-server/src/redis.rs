//! The Redis edge, configured; and the figures of pub-sub, which it serves most.

use std::{fs, io, net::SocketAddr, os::unix::net::UnixStream, path::Path, sync::Arc};

use tokio::{net::UnixListener, task::JoinHandle};
use trine_admin::Metric;
use trine_broker::{
    Broker,
    pubsub::{CutOff, OUTBOX_TOTAL_DEFAULT},
};
use trine_net::{Advertised, ConnectionLimit, Drain};
use trine_redis::{Redis, RedisConfig};

use crate::{
    Environment,
    config::{Config, ListenerKind},
    store,
};

/// Most threads taken when nothing is said.
const WORKERS_AUTO_MAX: usize = 4;

/// An edge whose listeners share everything; none if nothing listens, so that no threads wait for nobody.
pub(crate) fn edge(
    config: &Config,
    env: &Environment,
    broker: &Broker,
    addr: Option<SocketAddr>,
    clients_max: usize,
    advertised: &Advertised,
    drain: &Drain,
) -> io::Result<Option<Redis>> {
    if config.listeners_of(ListenerKind::Redis).next().is_none() && config.redis_unix.is_empty() {
        return Ok(None);
    }
    let redis = RedisConfig {
        workers: config.redis_workers.unwrap_or_else(workers_auto),
        clients_max,
        users: config.users.iter().map(|user| (user.name.clone(), user.grants.clone())).collect(),
        // Unix sockets only: there is no port.
        port: addr.map_or(0, |addr| addr.port()),
        advertise: advertised.clone(),
        ..config.redis.clone()
    };
    let users = Arc::new(store::users(config));
    Redis::start(broker.clone(), redis, users, Arc::clone(&env.rng), &drain.signal()).map(Some)
}

/// Half the cores: the other half is the kernel's, which does most of the work of a fan-out, and everybody else's.
fn workers_auto() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / 2).clamp(1, WORKERS_AUTO_MAX)
}

/// Listens on a unix socket. A file that a server left behind when it died is replaced; one that somebody listens on is not.
pub(crate) fn serve_unix(
    redis: &Redis,
    path: &Path,
    anonymous: bool,
    limit: &ConnectionLimit,
    drain: &Drain,
) -> io::Result<JoinHandle<()>> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && UnixStream::connect(path).is_err() => {
            fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        bound => bound?,
    };
    let (redis, limit, signal, path) = (redis.clone(), limit.clone(), drain.signal(), path.to_owned());
    Ok(tokio::spawn(async move {
        redis.serve_unix(listener, path.display().to_string(), anonymous, limit, signal).await;
        // Nobody listens any more; a file that cannot be removed is found to be stale by the next start.
        let _ = fs::remove_file(&path);
    }))
}

/// What all outboxes together may hold when nothing is said: a quarter of the memory, within reason (decision Q19).
pub(crate) fn outbox_total_auto() -> usize {
    memory_bytes().map_or(OUTBOX_TOTAL_DEFAULT, |memory| (memory / 4).min(OUTBOX_TOTAL_DEFAULT))
}

/// Memory of the machine or of the container, whichever is less; unknown where the platform does not tell.
fn memory_bytes() -> Option<usize> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let kib = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.split_whitespace().next()?;
        kib.parse::<usize>().ok()?.checked_mul(1024)
    });
    let container = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    machine.into_iter().chain(container).min()
}

/// Figures of pub-sub and, if it runs, of the edge.
pub(crate) fn metrics(broker: &Broker, redis: Option<&Redis>) -> Vec<Metric> {
    let stats = broker.pubsub().stats();
    let one = |name, counter, help, value: u64| Metric { name, counter, help, values: vec![(None, value)] };
    let mut metrics = vec![
        one("trine_channel_channels_count", false, "Channels with subscriptions now.", stats.channels),
        one(
            "trine_channel_shard_channels_count",
            false,
            "Shard channels with subscriptions now.",
            stats.shard_channels,
        ),
        one("trine_channel_patterns_count", false, "Distinct patterns subscribed to now.", stats.patterns),
        one(
            "trine_channel_subscribers_count",
            false,
            "Receivers with at least one subscription now.",
            stats.subscribers,
        ),
        one("trine_channel_messages_in_total", true, "Messages published.", stats.messages_in),
        one("trine_channel_bytes_in_total", true, "Bytes of published messages.", stats.bytes_in),
        one("trine_channel_messages_out_total", true, "Messages queued for subscriptions.", stats.messages_out),
        one("trine_channel_outbox_bytes", false, "Bytes waiting for subscribers now.", stats.outbox_bytes),
        one(
            "trine_channel_stalls_total",
            true,
            "Times a publisher was held back because a thread had too much to hand out.",
            stats.stalls,
        ),
        Metric {
            name: "trine_channel_cut_offs_total",
            counter: true,
            help: "Receivers cut off because they do not read, by limit.",
            values: CutOff::ALL
                .iter()
                .zip(stats.cut_offs)
                .map(|(reason, n)| (Some(("limit", reason.as_str())), n))
                .collect(),
        },
    ];
    let Some(redis) = redis else { return metrics };
    let stats = redis.stats();
    metrics.extend([
        one("trine_redis_commands_total", true, "Commands carried out.", stats.commands),
        one("trine_redis_errors_total", true, "Commands answered with an error.", stats.errors),
        one(
            "trine_redis_malformed_total",
            true,
            "Connections closed because of input that cannot be understood.",
            stats.malformed,
        ),
        one(
            "trine_redis_query_cut_offs_total",
            true,
            "Connections cut off because their request was too large.",
            stats.query_cut_offs,
        ),
        one("trine_redis_received_bytes_total", true, "Bytes received.", stats.bytes_in),
        one("trine_redis_sent_bytes_total", true, "Bytes sent.", stats.bytes_out),
    ]);
    metrics
}
