//! The broker: one handle that every edge calls.

use std::{
    ops::Range,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use trine_env::{Clock, Rng};
use trine_storage::{ShardStore, StoreError};
use trine_types::{EntityId, ShardId, Uuid};

use crate::{
    Access, BrokerConfig, BrokerStats, CatalogSnapshot, Failure, Groups, Host, Producers, Queues, Streams, Topics,
    cleaner::Job,
    mailbox::Mailbox,
    pubsub::PubSub,
    shard::{Command, Reply, Shard},
    stats::Counters,
};

/// The broker. Clones share it.
#[derive(Clone)]
pub struct Broker {
    pub(crate) inner: Arc<Inner>,
}

/// What the broker's parts share.
pub(crate) struct Inner {
    pub(crate) config: BrokerConfig,
    pub(crate) access: Access,
    pub(crate) catalog: ArcSwap<CatalogSnapshot>,
    pub(crate) pubsub: PubSub,
    pub(crate) mailboxes: Vec<Mailbox>,
    pub(crate) stores: Vec<Arc<dyn ShardStore>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) host: Arc<dyn Host>,
    /// Bytes of appends that may wait.
    pub(crate) append_room: Arc<Semaphore>,
    /// Other operations that may wait.
    pub(crate) control_room: Arc<Semaphore>,
    /// Receives of queues that may wait.
    pub(crate) receive_room: Arc<Semaphore>,
    /// Reads that may block.
    pub(crate) blocking_room: Arc<Semaphore>,
    /// Groups that are being made.
    pub(crate) making: crate::groups::Making,
    pub(crate) counters: Counters,
    pub(crate) failed: watch::Sender<Option<Arc<str>>>,
    pub(crate) stopping: watch::Sender<bool>,
    /// Producer ids that are logged as used and were not handed out yet.
    pub(crate) producer_ids: Mutex<Range<i64>>,
    /// What makes the store move, until it is closed.
    pub(crate) store: parking_lot::Mutex<Option<StoreHandle>>,
    /// The next ticket of a receive.
    pub(crate) tickets: AtomicU64,
    /// Held while message time is moved.
    pub(crate) clock_move: Mutex<()>,
    /// Partitions to compact.
    pub(crate) cleaner: mpsc::Sender<Job>,
    /// Shards that still run.
    pub(crate) running: watch::Sender<usize>,
}

/// The store's threads, or its steps in simulation.
pub(crate) type StoreHandle = Box<dyn FnOnce() -> Result<(), StoreError> + Send>;

impl Inner {
    pub(crate) fn shards(&self) -> u16 {
        self.mailboxes.len() as u16
    }

    pub(crate) fn shard_of(&self, entity: EntityId) -> ShardId {
        entity.shard(self.shards())
    }

    pub(crate) fn store_of(&self, entity: EntityId) -> &Arc<dyn ShardStore> {
        &self.stores[usize::from(self.shard_of(entity).0)]
    }

    pub(crate) fn mailbox_of(&self, entity: EntityId) -> &Mailbox {
        &self.mailboxes[usize::from(self.shard_of(entity).0)]
    }

    pub(crate) fn random_id(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.rng.fill(&mut bytes);
        Uuid::from_random(bytes)
    }

    /// The secret that receipts are signed with.
    pub(crate) fn receipt_key(&self) -> [u8; 32] {
        // Logged before anything was answered for the first time.
        self.catalog.load().catalog.receipt_key().unwrap_or_default()
    }

    /// A share of the bound on waiting operations other than appends.
    pub(crate) fn control_permit(&self) -> Result<OwnedSemaphorePermit, Failure> {
        Arc::clone(&self.control_room).try_acquire_owned().map_err(|_| {
            self.counters.refused.add(1);
            Failure::Busy { limit: "control_waiting_max", value: self.config.control_waiting_max as u64 }
        })
    }

    /// Asks the shard that owns an entity and waits for its answer.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        entity: EntityId,
        work: impl FnOnce(&mut Shard, Reply<T>) + Send + 'static,
    ) -> Result<T, Failure> {
        self.call_shard(usize::from(self.shard_of(entity).0), work).await
    }

    /// Completes once everything a shard has applied by then is durable.
    pub(crate) async fn round(&self, shard: usize) -> Result<(), Failure> {
        self.call_shard(shard, |shard, reply| shard.answer(reply, ())).await
    }

    pub(crate) async fn call_shard<T: Send + 'static>(
        &self,
        shard: usize,
        work: impl FnOnce(&mut Shard, Reply<T>) + Send + 'static,
    ) -> Result<T, Failure> {
        let room = self.control_permit()?;
        let (to, answer) = oneshot::channel();
        let reply = Reply::new(to, room);
        self.mailboxes[shard].push(Command::Call(Box::new(move |shard| work(shard, reply))))?;
        answer.await.map_err(|_| Failure::Unknown)
    }

    /// Asks the catalogue's owner.
    pub(crate) async fn call_catalog<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Shard, Reply<T>) + Send + 'static,
    ) -> Result<T, Failure> {
        self.call(EntityId::CATALOG, work).await
    }

    /// From shard to shard: never waits and is never refused for lack of room, since every such message stands for something already logged.
    pub(crate) fn tell(&self, shard: usize, command: Command) {
        if let Some(mailbox) = self.mailboxes.get(shard) {
            mailbox.push_internal(command);
        }
    }

    /// Ends the broker because the store failed.
    pub(crate) fn fail(&self, reason: &Arc<str>) {
        let first = self.failed.send_if_modified(|failed| {
            let first = failed.is_none();
            failed.get_or_insert_with(|| Arc::clone(reason));
            first
        });
        if first {
            tracing::error!(reason = &**reason, "the store has failed; the server must be restarted");
            for mailbox in &self.mailboxes {
                mailbox.close(Failure::Unknown);
            }
        }
    }
}

impl Broker {
    /// What exists now, as far as it is durable.
    #[must_use]
    pub fn catalog(&self) -> Arc<CatalogSnapshot> {
        self.inner.catalog.load_full()
    }

    /// How it was configured.
    #[must_use]
    pub fn config(&self) -> &BrokerConfig {
        &self.inner.config
    }

    /// The clock everything is decided by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// Creating, deleting and altering topics.
    #[must_use]
    pub const fn topics(&self) -> Topics<'_> {
        Topics { broker: self }
    }

    /// Reading and writing partitions.
    #[must_use]
    pub const fn streams(&self) -> Streams<'_> {
        Streams { broker: self }
    }

    /// Consumer groups.
    #[must_use]
    pub const fn groups(&self) -> Groups<'_> {
        Groups { broker: self }
    }

    /// Queues and their messages.
    #[must_use]
    pub const fn queues(&self) -> Queues<'_> {
        Queues { broker: self }
    }

    /// Channels: publishing and subscribing.
    #[must_use]
    pub fn pubsub(&self) -> &PubSub {
        &self.inner.pubsub
    }

    /// Ids of idempotent producers.
    #[must_use]
    pub const fn producers(&self) -> Producers<'_> {
        Producers { broker: self }
    }

    /// Who may do what.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.inner.access
    }

    /// Figures for metrics and `status`.
    #[must_use]
    pub fn stats(&self) -> BrokerStats {
        crate::stats::collect(&self.inner)
    }

    /// Why the store has failed, if it has.
    #[must_use]
    pub fn failed(&self) -> Option<Arc<str>> {
        self.inner.failed.borrow().clone()
    }

    /// Completes when the store has failed, with the reason: the process must report it and end (law 7).
    pub async fn failure(&self) -> Arc<str> {
        let mut failed = self.inner.failed.subscribe();
        match failed.wait_for(Option::is_some).await.map(|reason| reason.clone()) {
            Ok(Some(reason)) => reason,
            _ => std::future::pending().await,
        }
    }

    /// Stops: parked fetches and joins are answered, new work is refused, every shard writes a checkpoint, the store is closed. A store that has failed
    /// cannot be closed: that is an error. Takes at most about `drain`, plus what the store needs to close.
    pub async fn shutdown(&self, drain: Duration) -> Result<(), StoreError> {
        let inner = &self.inner;
        inner.stopping.send_replace(true);
        for shard in 0..inner.mailboxes.len() {
            inner.tell(shard, Command::Call(Box::new(Shard::stop)));
        }
        let mut running = inner.running.subscribe();
        tokio::select! {
            biased;
            _ = running.wait_for(|left| *left == 0) => {}
            () = inner.host.sleep(drain) => {}
        }
        for mailbox in &inner.mailboxes {
            mailbox.close(Failure::Stopping);
        }
        let Some(close) = inner.store.lock().take() else { return Ok(()) };
        let (done, closed) = oneshot::channel();
        inner.host.block(Box::new(move || {
            let _ = done.send(close());
        }));
        closed.await.unwrap_or(Ok(()))
    }
}
