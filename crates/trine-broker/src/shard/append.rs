//! Appends: decided one by one, written many at a time.

use tokio::sync::oneshot;
use trine_core::{
    catalog::FlushTo,
    streams::{AppendDecision, AppendRefusal, PartitionRecord},
};
use trine_storage::{Durability, Op, OpBatch, OpKind, Run};

use super::{
    Shard,
    progress::{Parked, Raise, Release},
};
use crate::{
    streams::{AppendError, Appended, NewBatch, Permit},
    topic::PartitionRef,
};

/// An open batch is handed to the store when it has so many bytes: one atomic unit should not grow without need.
const OPEN_BATCH_BYTES_MAX: usize = 1 << 20;

/// A batch for a partition.
pub(crate) struct AppendCommand {
    pub(crate) partition: PartitionRef,
    pub(crate) batch: NewBatch,
    pub(crate) permit: Permit,
    pub(crate) reply: AppendReply,
}

/// Where the answer goes.
pub(crate) type AppendReply = oneshot::Sender<Result<Appended, AppendError>>;

/// Appends that were decided and not yet handed to the store, at most one per partition: the next decision about a partition needs the one before it
/// applied, and nothing is applied before the store took it.
pub(crate) struct OpenBatch {
    /// Number of this batch, never 0, so that a partition knows whether it is in it.
    number: u64,
    durability: Durability,
    bytes: usize,
    decided: Vec<Decided>,
}

struct Decided {
    command: AppendCommand,
    record: PartitionRecord,
}

impl OpenBatch {
    pub(crate) const fn new() -> Self {
        Self { number: 1, durability: Durability::Sync, bytes: 0, decided: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.decided.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.decided.clear();
        self.bytes = 0;
        self.number += 1;
    }
}

impl Shard {
    /// Decides an append and keeps it in the open batch.
    pub(super) fn append(&mut self, command: AppendCommand) {
        let view = command.partition.view();
        if view.is_deleted() {
            let _ = command.reply.send(Err(AppendError::UnknownPartition));
            return;
        }
        let entity = view.entity();
        let config = &command.partition.topic().config;
        let durability = match config.flush_to {
            FlushTo::Default => self.shared.config.durability,
            FlushTo::Sync => Durability::Sync,
            FlushTo::Interval(ms) => Durability::Interval(ms),
        };
        let bytes = command.batch.bytes.len();
        let in_batch = self.partitions.get(&entity).is_some_and(|slot| slot.in_batch == self.open.number);
        let fits = self.open.durability == durability && self.open.bytes + bytes <= OPEN_BATCH_BYTES_MAX;
        if in_batch || !(fits || self.open.is_empty()) {
            self.flush();
        }
        if self.failed {
            return;
        }
        let slot = self.partitions.entry(entity).or_default();
        match slot.state.decide_append(self.now, &command.batch.facts, &config.segments) {
            Ok(AppendDecision::Append(record)) => {
                slot.in_batch = self.open.number;
                self.open.durability = durability;
                self.open.bytes += bytes;
                self.open.decided.push(Decided { command, record });
            }
            Ok(AppendDecision::Duplicate { base, .. }) => {
                self.shared.counters.duplicates.add(1);
                let answer = Appended { base_offset: base, log_start: view.log_start(), duplicate: true };
                self.park_append(durability, command, Ok(answer));
            }
            Err(refusal) => self.park_append(durability, command, Err(refusal.into())),
        }
    }

    /// Answers an append that wrote nothing, but only once what it read is as durable as the topic asks for.
    fn park_append(&mut self, durability: Durability, command: AppendCommand, answer: Result<Appended, AppendError>) {
        let release = Release::Append { reply: command.reply, answer, permit: command.permit };
        self.park(durability, Parked { lsn: self.applied, raise: Raise::Nothing, release });
    }

    /// Hands the open batch to the store, applies it, parks the replies. When the store refuses, nothing has changed.
    pub(super) fn flush(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let durability = self.open.durability;
        let decided = std::mem::take(&mut self.open.decided);
        let ops = decided.iter().map(|decided| self.op(decided)).collect();
        self.open.clear();
        let lsn = match self.store.append(OpBatch { at: self.now, durability, reserve: false, ops }) {
            Ok(lsn) => lsn,
            Err(error) => {
                if let trine_storage::AppendError::Stopped(reason) = &error {
                    self.fail(reason);
                    return;
                }
                self.shared.counters.refused.add(decided.len() as u64);
                for Decided { command, .. } in decided {
                    let _ = command.reply.send(Err(AppendError::Failure(error.clone().into())));
                }
                return;
            }
        };
        self.applied = lsn;
        let (mut records, mut bytes) = (0, 0);
        for Decided { command, record } in decided {
            let PartitionRecord::Append { base, facts, .. } = &record else { continue };
            let (base, count, size) = (*base, facts.count, facts.bytes);
            records += u64::from(count);
            bytes += u64::from(size);
            let slot = self.partitions.entry(command.partition.entity()).or_default();
            slot.state.apply(&record, self.now);
            if slot.at.as_ref().is_none_or(|at| !at.is_same(&command.partition)) {
                slot.at = Some(command.partition.clone());
            }
            let answer =
                Appended { base_offset: base, log_start: command.partition.view().log_start(), duplicate: false };
            let raise = Raise::End { partition: command.partition, end: base + u64::from(count), bytes: size };
            let release = Release::Append { reply: command.reply, answer: Ok(answer), permit: command.permit };
            self.park(durability, Parked { lsn, raise, release });
        }
        let counters = &self.shared.counters;
        counters.batches_appended.add(1);
        counters.records_appended.add(records);
        counters.bytes_appended.add(bytes);
    }

    fn op(&self, decided: &Decided) -> Op {
        let entity = decided.command.partition.entity();
        let (kind, meta) = decided.record.encode();
        let run = match &decided.record {
            PartitionRecord::Append { base, facts, .. } => Some(Run {
                base: *base,
                count: facts.count,
                max_ts: facts.max_ts,
                leader_epoch: self.partitions.get(&entity).map_or(0, |slot| slot.state.epochs().current()),
                batch: decided.command.batch.bytes.clone(),
            }),
            _ => None,
        };
        Op { kind: OpKind(kind), entity, meta, run }
    }
}

impl From<AppendRefusal> for AppendError {
    fn from(refusal: AppendRefusal) -> Self {
        match refusal {
            AppendRefusal::OldEpoch { id, got, current } => Self::OldEpoch { id, got, current },
            AppendRefusal::OutOfOrder { id, got, expected } => Self::OutOfOrder { id, got, expected },
        }
    }
}
