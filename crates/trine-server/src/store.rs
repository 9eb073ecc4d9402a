//! Opening the store and recovering, away from the threads that serve.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use trine_broker::{Access, Broker, BrokerConfig, BrokerParts, OpenError, TokioHost};
use trine_core::groups::GroupSettings;
use trine_env::Fs;
use trine_net::auth::Users;
use trine_storage::{
    Durability as StoreDurability, LocalOptions, LocalStore, MemoryOptions, MemoryStore, Opened, Replay, StoreError,
    VerifyReport, Waker,
};

use crate::{
    Environment,
    config::{Config, Durability},
    redis,
};

/// Recovery that takes longer says how far it is, this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Bytes read and bytes to read.
#[derive(Default)]
struct Progress {
    done: AtomicU64,
    total: AtomicU64,
}

/// Recovers and starts the broker.
pub(crate) async fn open(config: &Config, env: &Environment) -> Result<Broker, OpenError> {
    let parts = BrokerParts {
        config: broker_config(config),
        // An anonymous listener serves everybody everything; the listeners that know who is there check for themselves.
        access: if config.listeners.iter().any(|l| l.anonymous) { Access::allow_all() } else { access(config) },
        clock: Arc::clone(&env.clock),
        rng: Arc::clone(&env.rng),
        host: Arc::new(TokioHost::current()),
    };
    let progress = Arc::new(Progress::default());
    let reporter = tokio::spawn(report(Arc::clone(&progress)));
    let (config, env) = (config.clone(), env.clone());
    let recovered = tokio::task::spawn_blocking(move || {
        Broker::recover(parts, |waker, replay| open_store(&config, &env, waker, replay, &progress))
    })
    .await;
    reporter.abort();
    match recovered {
        Ok(recovered) => recovered?.start().await,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// What the configured users may do.
pub(crate) fn access(config: &Config) -> Access {
    Access::new(config.users.iter().map(|u| (u.name.clone(), u.grants.clone())))
}

/// Who can log in with a password.
pub(crate) fn users(config: &Config) -> Users {
    Users::new(config.users.iter().filter_map(|u| Some((u.name.clone(), u.verifier.clone()?))))
}

fn open_store(
    config: &Config,
    env: &Environment,
    waker: Waker,
    replay: &mut dyn Replay,
    progress: &Progress,
) -> Result<Opened, StoreError> {
    if config.in_memory() {
        let options = MemoryOptions { bytes_max: config.memory_max, ..MemoryOptions::default() };
        return MemoryStore::open(options, waker);
    }
    let options = LocalOptions { cache_bytes: config.tail_cache, ..LocalOptions::default() };
    LocalStore::open(
        Arc::clone(&env.fs),
        Arc::clone(&env.clock),
        Arc::clone(&env.rng),
        &config.data,
        options,
        waker,
        replay,
        &mut |done, total| {
            progress.done.store(done, Ordering::Relaxed);
            progress.total.store(total, Ordering::Relaxed);
        },
    )
}

async fn report(progress: Arc<Progress>) {
    const MIB: u64 = 1 << 20;
    loop {
        tokio::time::sleep(PROGRESS_EVERY).await;
        let (done, total) = (progress.done.load(Ordering::Relaxed), progress.total.load(Ordering::Relaxed));
        if let Some(percent) = done.saturating_mul(100).checked_div(total) {
            tracing::info!("recovering: {} of {} MiB of the log read ({percent} %)", done / MIB, total / MIB);
        }
    }
}

fn broker_config(config: &Config) -> BrokerConfig {
    BrokerConfig {
        durability: match config.durability {
            Durability::Interval(ms) => StoreDurability::Interval(ms),
            // In memory everything is as durable as it gets at once.
            Durability::Sync | Durability::Memory => StoreDurability::Sync,
        },
        default_partitions: config.kafka_partitions,
        groups: GroupSettings {
            initial_rebalance_delay: config.kafka_initial_rebalance_delay,
            ..GroupSettings::default()
        },
        outbox_total: config.outbox_total.unwrap_or_else(redis::outbox_total_auto),
        ..BrokerConfig::default()
    }
}

/// The data directory as an absolute path, for people.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Checks every checksum of a data directory that no server uses. `progress` is told how many bytes of how many were looked at.
pub fn verify(fs: &dyn Fs, dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<VerifyReport, StoreError> {
    LocalStore::verify(fs, dir, progress)
}
