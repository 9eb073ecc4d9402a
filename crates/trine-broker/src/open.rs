//! Opening: recovery, then everything starts.

use std::sync::{Arc, OnceLock, Weak, atomic::AtomicU64};

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, Semaphore, mpsc, watch};
use trine_core::catalog::FlushTo;
use trine_env::{Clock, Rng};
use trine_storage::{Durability, Engine, Opened, Replay, StoreError, Waker};
use trine_types::ShardId;

use crate::{
    Access, Broker, BrokerConfig, CatalogSnapshot, Failure, Host,
    broker::Inner,
    cleaner::{CLEANER_JOBS_MAX, Job},
    mailbox::Mailbox,
    pubsub::PubSub,
    shard::{CatalogOwner, Recovery, Shard},
    stats::Counters,
};

/// What a broker is built from.
pub struct BrokerParts {
    /// Settings.
    pub config: BrokerConfig,
    /// Who may do what.
    pub access: Access,
    /// The three clocks.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// What runs tasks.
    pub host: Arc<dyn Host>,
}

/// Why a broker could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log holds something this version does not understand.
    #[error("the data directory cannot be read: {0}")]
    Replay(String),
    /// The first records of this start could not be written.
    #[error("the data directory cannot be written: {0}")]
    Write(Failure),
}

/// A broker after recovery, before anything moves.
pub struct Recovered {
    pub(crate) broker: Broker,
    pub(crate) shards: Vec<Shard>,
    pub(crate) jobs: mpsc::Receiver<Job>,
    pub(crate) engine: Box<dyn Engine>,
}

impl Broker {
    /// Opens the store with `open_store` (which is given the waker and the replay to hand to it), recovers, and starts everything. Blocks its thread
    /// while it reads the log. Complete once everything this start had to log is durable; only then should listeners open.
    pub async fn open(
        parts: BrokerParts,
        open_store: impl FnOnce(Waker, &mut dyn Replay) -> Result<Opened, StoreError>,
    ) -> Result<Self, OpenError> {
        Self::recover(parts, open_store)?.start().await
    }

    /// The first half of [`Broker::open`]: everything up to the point where threads and tasks start.
    pub fn recover(
        parts: BrokerParts,
        open_store: impl FnOnce(Waker, &mut dyn Replay) -> Result<Opened, StoreError>,
    ) -> Result<Recovered, OpenError> {
        let BrokerParts { config, access, clock, rng, host } = parts;
        // Weak, because the broker holds the stores, which hold this.
        let shared: Arc<OnceLock<Weak<Inner>>> = Arc::default();
        let waker: Waker = {
            let shared = Arc::clone(&shared);
            Arc::new(move |shard: ShardId| {
                let inner = shared.get().and_then(Weak::upgrade);
                if let Some(mailbox) = inner.as_ref().and_then(|inner| inner.mailboxes.get(usize::from(shard.0))) {
                    mailbox.wake();
                }
            })
        };
        let mut recovery = Recovery::new(Arc::clone(&config.topic_defaults));
        let opened = open_store(waker, &mut recovery)?;
        if let Some(error) = recovery.error {
            return Err(OpenError::Replay(error));
        }
        let shards = opened.stores.len() as u16;
        if let Some(last) = shards.checked_sub(1) {
            recovery.shard(ShardId(last));
        }
        for (store, gone) in opened.stores.iter().zip(recovery.drop_unknown()) {
            for entity in gone {
                store.drop_entity(entity);
            }
        }
        let (cleaner, jobs) = mpsc::channel(CLEANER_JOBS_MAX);
        let snapshot = CatalogSnapshot::new(recovery.catalog.clone());
        let inner = Arc::new(Inner {
            access,
            catalog: ArcSwap::from_pointee(snapshot),
            pubsub: PubSub::new(config.outbox_total, Arc::clone(&clock)),
            mailboxes: (0..shards).map(|_| Mailbox::new()).collect(),
            stores: opened.stores,
            clock,
            rng,
            host,
            append_room: Arc::new(Semaphore::new(config.append_bytes_max.clamp(1, u32::MAX as usize >> 1))),
            control_room: Arc::new(Semaphore::new(config.control_waiting_max.max(1))),
            receive_room: Arc::new(Semaphore::new(config.receives_waiting_max.max(1))),
            blocking_room: Arc::new(Semaphore::new(config.blocking_reads_max.max(1))),
            making: crate::groups::Making::default(),
            counters: Counters::default(),
            failed: watch::Sender::new(None),
            stopping: watch::Sender::new(false),
            producer_ids: Mutex::new(0..0),
            store: parking_lot::Mutex::new(None),
            tickets: AtomicU64::new(1),
            clock_move: Mutex::new(()),
            cleaner,
            running: watch::Sender::new(usize::from(shards)),
            config,
        });
        // Nothing wakes before anybody could listen; what moved meanwhile is seen in every shard's first turn.
        let _ = shared.set(Arc::downgrade(&inner));
        let mut catalog = Some(CatalogOwner::new(recovery.catalog));
        let mut machines = Vec::new();
        let mut groups = Vec::new();
        for ((id, mut recovered), last) in recovery.shards.into_iter().enumerate().zip(&opened.last) {
            groups.push(std::mem::take(&mut recovered.groups));
            machines.push(Shard::new(ShardId(id as u16), Arc::clone(&inner), recovered, *last, catalog.take()));
        }
        let broker = Self { inner };
        let catalog = broker.catalog();
        let mut known: Vec<_> = catalog.catalog.groups().collect();
        known.sort_unstable_by_key(|group| group.entity);
        for group in known {
            let shard = usize::from(group.entity.shard(shards).0);
            let state = groups.get_mut(shard).and_then(|groups| groups.remove(&group.entity));
            if let Some(machine) = machines.get_mut(shard) {
                machine.place_group(group.entity, group.name.clone(), state);
            }
        }
        broker.place_partitions(&mut machines, opened.unclean).map_err(OpenError::Write)?;
        Ok(Recovered { broker, shards: machines, jobs, engine: opened.engine })
    }

    /// Tells every recovered partition where everybody sees it, and logs what this start has to: the cluster id of a new directory, and after an
    /// unclean stop the new leader epochs of partitions that may have lost answered data (decision E7), written to or not.
    fn place_partitions(&self, shards: &mut [Shard], unclean: bool) -> Result<(), Failure> {
        let catalog = self.catalog();
        let count = self.inner.shards();
        // In an order that depends on nothing but what there is, so that a simulated run repeats.
        let mut topics: Vec<_> = catalog.topics().collect();
        topics.sort_unstable_by_key(|topic| topic.name.clone());
        for topic in topics {
            let lossy = match topic.config.flush_to {
                FlushTo::Default => self.inner.config.durability != Durability::Sync,
                FlushTo::Sync => false,
                FlushTo::Interval(_) => true,
            };
            for partition in topic.all_partitions() {
                let Some(shard) = shards.get_mut(usize::from(partition.entity().shard(count).0)) else { continue };
                shard.place(&partition);
                if lossy && unclean {
                    shard.raise_leader_epoch(partition)?;
                }
            }
        }
        // By name, so that here too a simulated run repeats.
        for info in catalog.catalog.queues() {
            let (Some(queue), shard) = (catalog.queues.get(&info.id), info.entity().shard(count)) else { continue };
            if let Some(shard) = shards.get_mut(usize::from(shard.0)) {
                shard.place_queue(queue)?;
            }
        }
        if let Some(owner) = shards.first_mut() {
            owner.ensure_cluster_id(self.inner.random_id())?;
            let mut key = [0; 32];
            self.inner.rng.fill(&mut key);
            owner.ensure_receipt_key(key)?;
        }
        Ok(())
    }
}

impl Recovered {
    /// Starts the store's threads and the shards' tasks; complete once everything logged by this start is durable.
    pub async fn start(self) -> Result<Broker, OpenError> {
        let (broker, engine) = self.launch();
        let running = engine.start();
        *broker.inner.store.lock() = Some(Box::new(move || running.close()));
        broker.ready().await.map_err(OpenError::Write)?;
        Ok(broker)
    }

    /// Starts the tasks only; the caller moves the store, step by step, and closes it. Listeners may open after [`Broker::ready`].
    #[must_use]
    pub fn launch(self) -> (Broker, Box<dyn Engine>) {
        let Self { broker, shards, jobs, engine } = self;
        let inner = &broker.inner;
        for shard in shards {
            let shared = Arc::clone(inner);
            inner.host.spawn(Box::pin(async move {
                crate::shard::run(shard, Arc::clone(&shared)).await;
                shared.running.send_modify(|left| *left = left.saturating_sub(1));
            }));
        }
        inner.host.spawn(Box::pin(crate::cleaner::run(Arc::clone(inner), jobs)));
        (broker, engine)
    }
}

impl Broker {
    /// Complete once everything decided so far is durable.
    pub async fn ready(&self) -> Result<(), Failure> {
        for shard in 0..self.inner.mailboxes.len() {
            self.inner.round(shard).await?;
        }
        Ok(())
    }
}
