//! A shard: the owner of the entities of one shard group. A synchronous state machine, so that a test can run the whole broker on one thread; the task
//! around it ([`run`]) only waits and drains.
//!
//! The order that everything depends on (decision E5): permit → decide → append to the log → apply → park the reply; produced batches of one turn are
//! applied one by one and appended together (ADR 0004). When the log's durable end moves:
//! first raise what everybody sees (high watermarks, the catalogue), then release replies in order, then wake who waits for data.

mod append;
mod catalog;
mod checkpoint;
mod compact;
mod groups;
mod hash;
mod partition;
mod progress;
mod queues;
mod recovery;
mod reply;
mod run;
mod sweep;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use trine_core::{groups::Group, streams::Partition};
use trine_storage::{Durability, Op, OpBatch, ShardStore};
use trine_types::{EntityId, GroupName, Lsn, ShardId, Timestamp};

pub(crate) use append::AppendCommand;
pub(crate) use catalog::CatalogOwner;
pub(crate) use hash::EntityMap;
pub(crate) use queues::{LateAckCommand, QueueCommand, StillHere};
pub(crate) use recovery::{Recovered, Recovery};
pub(crate) use reply::Reply;
pub(crate) use run::run;

use crate::{Failure, broker::Inner, topic::PartitionRef};

/// What a shard is asked to do.
pub(crate) enum Command {
    /// The hot one, without an allocation of its own.
    Append(AppendCommand),
    /// The hot ones of queues.
    Queue(QueueCommand),
    /// Anything else.
    Call(Box<dyn FnOnce(&mut Shard) + Send>),
}

/// Commands handled before the watermarks are looked at again and other tasks get a turn.
pub(crate) const TURN_COMMANDS_MAX: usize = 1024;

/// The owner of one shard group.
pub(crate) struct Shard {
    id: ShardId,
    store: Arc<dyn ShardStore>,
    shared: Arc<Inner>,
    /// Only partitions that were ever written to.
    partitions: EntityMap<PartitionSlot>,
    groups: groups::GroupTable,
    queues: queues::QueueTable,
    /// In shard group 0.
    catalog: Option<CatalogOwner>,
    /// The last batch that was appended and applied.
    applied: Lsn,
    /// Watermarks at the last look.
    durable: Lsn,
    written: Lsn,
    /// Time of decisions: message time that never falls.
    now: Timestamp,
    open: append::OpenBatch,
    open_queues: queues::OpenQueues,
    /// What waits for the durable end, in the order of LSNs.
    until_durable: VecDeque<progress::Parked>,
    /// What waits for the written end.
    until_written: VecDeque<progress::Parked>,
    scratch: progress::Scratch,
    sweep: sweep::Sweep,
    checkpoint: Option<checkpoint::Checkpoint>,
    stopping: bool,
    failed: bool,
}

/// One partition.
#[derive(Default)]
pub(crate) struct PartitionSlot {
    state: Partition,
    /// Where everybody sees it; `None` only during recovery.
    at: Option<PartitionRef>,
    /// The cleaner has it.
    compacting: bool,
}

impl Shard {
    /// A shard after recovery; `last` is the last LSN of its log.
    pub(crate) fn new(
        id: ShardId,
        shared: Arc<Inner>,
        recovered: Recovered,
        last: Lsn,
        catalog: Option<CatalogOwner>,
    ) -> Self {
        let mut partitions = EntityMap::default();
        partitions.reserve(recovered.partitions.len());
        for (entity, state) in recovered.partitions {
            partitions.insert(entity, PartitionSlot { state, ..PartitionSlot::default() });
        }
        let sweep = sweep::Sweep::new(shared.clock.mono() + shared.config.sweep_every);
        let queues = recovered.queues;
        let mut shard = Self {
            id,
            store: Arc::clone(&shared.stores[usize::from(id.0)]),
            now: recovered.at.max(shared.clock.now()),
            shared,
            partitions,
            groups: groups::GroupTable::default(),
            queues: queues::QueueTable::default(),
            catalog,
            applied: last,
            durable: last,
            written: last,
            open: append::OpenBatch::new(),
            open_queues: queues::OpenQueues::new(),
            until_durable: VecDeque::new(),
            until_written: VecDeque::new(),
            scratch: progress::Scratch::default(),
            sweep,
            checkpoint: None,
            stopping: false,
            failed: false,
        };
        shard.adopt_queues(queues);
        shard
    }

    /// Tells a recovered partition where everybody sees it, and shows what it holds: all of it survived a crash, so all of it is durable.
    pub(crate) fn place(&mut self, partition: &PartitionRef) {
        let view = partition.view();
        if let Some(slot) = self.partitions.get_mut(&view.entity()) {
            view.raise_end(slot.state.end());
            view.raise_log_start(slot.state.log_start());
            view.raise_epoch(slot.state.epochs().current());
            slot.at = Some(partition.clone());
            if slot.state.log_start() > 0 {
                // Told before, but the store need not have kept it.
                self.store.trim(view.entity(), slot.state.log_start());
            }
        }
    }

    /// Takes over a group of the catalogue; `state` is what the log says about it.
    pub(crate) fn place_group(&mut self, entity: EntityId, name: GroupName, state: Option<Group>) {
        let mono = self.shared.clock.mono();
        self.groups.place(entity, name, state.unwrap_or_default(), mono);
    }

    /// Stops: nothing new begins, a last checkpoint is written.
    pub(crate) fn stop(&mut self) {
        if !self.stopping {
            self.stopping = true;
            self.shared.mailboxes[usize::from(self.id.0)].close(Failure::Stopping);
            self.abandon_groups();
            self.queue_stop();
            self.flush_queues();
            self.checkpoint = None;
            self.begin_checkpoint();
        }
    }

    /// Handles commands in order, then everything that became due. `commands` is left empty.
    pub(crate) fn turn(&mut self, commands: &mut Vec<Command>) {
        self.now = self.now.max(self.shared.clock.now());
        for command in commands.drain(..) {
            if self.failed {
                // Dropping a command tells its sender that nobody knows.
                continue;
            }
            match command {
                Command::Append(command) => self.append(command),
                Command::Queue(command) => self.queue_command(command),
                Command::Call(work) => {
                    self.flush();
                    self.flush_queues();
                    work(self);
                }
            }
        }
        self.flush();
        self.flush_queues();
        self.progress();
        if !self.failed {
            self.background();
        }
    }

    fn background(&mut self) {
        if !self.stopping {
            self.group_timers();
            self.queue_timers();
            self.flush_queues();
            self.progress();
        }
        self.sweep_slice();
        self.store_request();
        self.checkpoint_slice();
    }

    /// Whether another turn should follow at once, without anything new to do.
    pub(crate) fn has_more(&self) -> bool {
        !self.failed
            && (self.checkpoint.is_some() || self.sweep.is_running() || (!self.stopping && self.queue_has_more()))
    }

    /// Connection time of the next turn that is needed even if nothing happens. A stopping shard only waits for the store.
    pub(crate) fn next_wake(&self) -> Option<Duration> {
        let timers = [Some(self.sweep.next_at()), self.groups.next_timer(), self.queue_next_wake()];
        timers.into_iter().flatten().min().filter(|_| !self.stopping)
    }

    /// Whether a stopping shard has nothing left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.failed
            || (self.stopping
                && self.checkpoint.is_none()
                && self.until_durable.is_empty()
                && self.until_written.is_empty())
    }

    /// Appends one atomic batch of decisions of now. The caller applies the records once this succeeded, and changes nothing when it did not.
    fn commit(&mut self, ops: Vec<Op>, durability: Durability, reserve: bool) -> Result<Lsn, Failure> {
        debug_assert!(self.open.is_empty(), "decisions of an open batch come first in the log");
        match self.store.append(OpBatch { at: self.now, durability, reserve, ops }) {
            Ok(lsn) => {
                self.applied = lsn;
                Ok(lsn)
            }
            Err(error) => {
                if let trine_storage::AppendError::Stopped(reason) = &error {
                    self.fail(reason);
                }
                Err(error.into())
            }
        }
    }

    /// The store is gone: nothing is answered any more, senders learn that the outcome is unknown (law 7).
    fn fail(&mut self, reason: &Arc<str>) {
        if !self.failed {
            self.failed = true;
            self.shared.fail(reason);
        }
        self.open.clear();
        self.open_queues.clear();
        self.until_durable.clear();
        self.until_written.clear();
        self.groups.forget_waiting();
        self.queues.forget_waiting();
        self.checkpoint = None;
    }

    /// Forgets entities whose end is durable in the catalogue.
    pub(crate) fn drop_entities(&mut self, entities: &[EntityId]) {
        for entity in entities {
            if self.partitions.remove(entity).is_some() {
                self.store.drop_entity(*entity);
            }
        }
    }
}
