//! Queues of a shard: drives the machine in `trine-core`, and keeps what is not logged: who waits, when to look again, what is on its way to other queues.
//!
//! A queue has a slot from its first use on; one that nobody used costs nothing here.

mod attempts;
mod batch;
mod clock;
mod depart;
mod late;
mod lifecycle;
mod memory;
mod moves;
mod observe;
mod origins;
mod push;
mod receive;
mod recover;
mod send;
mod settle;
mod timers;
mod transit;
mod waiters;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use trine_core::queues::{Queue, QueueDurability, QueueRecord};
use trine_storage::{Durability, Op, OpKind, Run};
use trine_types::{EntityId, Timestamp, Uuid};

use super::{EntityMap, Shard};
use crate::queues::{QueueRef, ReceiveCommand, SendCommand, SettleCommand};

use attempts::Attempts;
pub(crate) use batch::OpenQueues;
pub(crate) use late::{LateAckCommand, StillHere};
use memory::MemoryLog;
use waiters::{Ends, Waiters};

/// The hot commands of queues, without an allocation of their own.
pub(crate) enum QueueCommand {
    /// Messages for a queue.
    Send(SendCommand),
    /// Somebody wants messages.
    Receive(ReceiveCommand),
    /// Messages that were handed out are done, kept or given back.
    Settle(SettleCommand),
}

/// The queues of a shard.
#[derive(Default)]
pub(crate) struct QueueTable {
    /// By the entity of lane 0.
    slots: EntityMap<QueueSlot>,
    /// The other lanes: which queue, which lane.
    lanes: EntityMap<(EntityId, u8)>,
    /// When to look at which queue (message time); an entry may be too early, never too late.
    timers: BTreeSet<(Timestamp, EntityId)>,
    /// When waits end.
    ends: Ends,
    /// When to send again what moves (connection time).
    retries: BTreeSet<(Duration, EntityId)>,
}

/// One queue.
struct QueueSlot {
    /// `None` only during recovery.
    queue: Option<QueueRef>,
    id: Uuid,
    lanes: u8,
    kept: Kept,
    state: Queue,
    waiters: Waiters,
    /// Its entry in the timers.
    scheduled: Option<Timestamp>,
    /// Where its messages are if they are in memory only.
    memory: Option<Box<MemoryLog>>,
    /// Receives that may be repeated.
    attempts: Option<Box<Attempts>>,
    transit: Option<Box<transit::Transit>>,
    /// Push consumers, while there are any.
    pushers: Option<Box<push::Pushers>>,
    /// Names of queues that messages came from and that are gone.
    origins: Option<Box<origins::OriginNames>>,
    /// Below this the store was told to drop, per lane.
    trimmed: Vec<u64>,
}

/// Where what happens to a queue is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// In the log; answered when it is as durable as this.
    Logged(Durability),
    /// Nowhere: after a restart the queue is empty.
    Memory,
}

impl QueueSlot {
    fn new(state: Queue) -> Self {
        Self {
            queue: None,
            id: Uuid::NIL,
            lanes: 1,
            kept: Kept::Logged(Durability::Sync),
            state,
            waiters: Waiters::default(),
            scheduled: None,
            memory: None,
            attempts: None,
            transit: None,
            pushers: None,
            origins: None,
            trimmed: Vec::new(),
        }
    }
}

/// The entity of a lane of the queue whose lane 0 is `queue`.
fn lane_entity(queue: EntityId, lane: u8) -> EntityId {
    // The catalogue gave all lanes at once: they exist if lane 0 does.
    EntityId::new(queue.slot(), queue.number() + u64::from(lane)).unwrap_or(queue)
}

impl Shard {
    pub(super) fn queue_command(&mut self, command: QueueCommand) {
        match command {
            QueueCommand::Send(command) => self.queue_send(command),
            QueueCommand::Receive(command) => self.queue_receive(command),
            QueueCommand::Settle(command) => self.queue_settle(command),
        }
    }

    /// Makes sure that a queue has a slot and goes by its settings of now; false when it was deleted.
    fn queue_ready(&mut self, queue: &QueueRef) -> bool {
        if queue.is_deleted() || self.failed {
            return false;
        }
        let entity = queue.entity();
        let info = queue.info();
        let slot = self.queues.slots.entry(entity).or_insert_with(|| QueueSlot::new(Queue::new()));
        let altered = slot.state.meta_version() != info.version || slot.state.id() != info.id;
        if slot.queue.is_none() || altered {
            slot.kept = match info.settings.durability {
                QueueDurability::Default => Kept::Logged(self.shared.config.durability),
                QueueDurability::Sync => Kept::Logged(Durability::Sync),
                QueueDurability::Interval(ms) => Kept::Logged(Durability::Interval(ms)),
                QueueDurability::Memory => Kept::Memory,
            };
            if slot.kept == Kept::Memory {
                slot.memory.get_or_insert_default();
            }
        }
        if slot.queue.is_none() {
            slot.queue = Some(queue.clone());
            slot.id = info.id;
            slot.lanes = info.lanes;
            for lane in 1..info.lanes {
                self.queues.lanes.insert(lane_entity(entity, lane), (entity, lane));
            }
        }
        if altered && let Some(record) = slot.state.decide_meta(info.id, info.version, &info.settings) {
            self.queue_record(entity, &record, None);
        }
        true
    }

    /// Logs a decision and applies it.
    fn queue_record(&mut self, entity: EntityId, record: &QueueRecord, run: Option<Run>) {
        let now = self.now;
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        match slot.kept {
            Kept::Memory => {
                if let (Some(memory), Some(run)) = (&mut slot.memory, run) {
                    memory.push(record.lane(), run);
                }
            }
            Kept::Logged(durability) => {
                let (kind, meta) = record.encode();
                let op = Op { kind: OpKind(kind), entity: lane_entity(entity, record.lane()), meta, run };
                self.queue_log(durability, op);
            }
        }
        // Logging may have flushed, never more: the slot is as it was.
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        slot.state.apply(record, now);
        if let Some(memory) = &mut slot.memory {
            memory.after(record, &slot.state);
        }
    }

    fn queue_records(&mut self, entity: EntityId, records: &[QueueRecord]) {
        for record in records {
            self.queue_record(entity, record, None);
        }
    }

    /// Runs `then` once everything decided about a queue until now is as durable as the queue asks for.
    fn queue_answer(&mut self, entity: EntityId, then: impl FnOnce(&mut Self) + Send + 'static) {
        match self.queues.slots.get(&entity).map(|slot| slot.kept) {
            Some(Kept::Logged(durability)) => self.queue_then(durability, then),
            Some(Kept::Memory) => then(self),
            None => self.queue_then(Durability::Sync, then),
        }
    }

    /// What follows every change of a queue: whoever waits is served, what moves is sent, the timer is set.
    fn queue_changed(&mut self, entity: EntityId) {
        if self.failed {
            return;
        }
        self.queue_serve(entity);
        self.queue_depart(entity);
        self.queue_schedule(entity);
    }

    /// The queue of an entity, if it exists.
    fn queue_of(&self, entity: EntityId) -> Option<QueueRef> {
        let known = self.queues.slots.get(&entity).and_then(|slot| slot.queue.clone());
        known.or_else(|| self.shared.catalog.load().queue_of(entity).cloned())
    }
}

impl QueueTable {
    pub(super) fn entities(&self) -> impl Iterator<Item = EntityId> {
        self.slots.keys().copied()
    }

    /// Drops everybody who waits: nobody knows any more.
    pub(super) fn forget_waiting(&mut self) {
        for slot in self.slots.values_mut() {
            slot.waiters.clear();
            slot.pushers = None;
        }
        self.ends.clear();
    }
}

/// Text shown as who holds messages.
fn holder(consumer: &str) -> Arc<str> {
    consumer.into()
}
