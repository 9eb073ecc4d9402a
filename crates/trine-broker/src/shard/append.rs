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

/// Appends that were decided and applied in this turn and that the store does not have yet, of any number of partitions. The store was asked before each
/// of them whether it takes produced data, so that nothing it takes in the same turn is refused for want of space: all that can go wrong between here and
/// the store is that the store has stopped, which ends the process (law 7). Until the batch is handed over nobody sees any of it, and nothing but appends
/// is handled (ADR 0004).
pub(crate) struct OpenBatch {
    durability: Durability,
    bytes: usize,
    records: u64,
    ops: Vec<Op>,
    /// What is parked once the batch has an LSN, in the order of decisions: also answers of appends that wrote nothing but may have read what is in it.
    parked: Vec<(Raise, Release)>,
}

impl OpenBatch {
    pub(crate) const fn new() -> Self {
        Self { durability: Durability::Sync, bytes: 0, records: 0, ops: Vec::new(), parked: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Drops what is in it: its senders learn that nobody knows.
    pub(crate) fn clear(&mut self) {
        self.ops.clear();
        self.parked.clear();
        (self.bytes, self.records) = (0, 0);
    }
}

impl Shard {
    /// Decides an append, applies it, and leaves it in the open batch.
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
        let fits = self.open.durability == durability && self.open.bytes + bytes <= OPEN_BATCH_BYTES_MAX;
        if !fits && !self.open.is_empty() {
            self.flush();
        }
        if self.failed {
            return;
        }
        let slot = self.partitions.entry(entity).or_default();
        let record = match slot.state.decide_append(self.now, &command.batch.facts, &config.segments) {
            Ok(AppendDecision::Append(record)) => record,
            Ok(AppendDecision::Duplicate { base, .. }) => {
                self.shared.counters.duplicates.add(1);
                let answer = Appended { base_offset: base, log_start: view.log_start(), duplicate: true };
                return self.park_append(durability, command.reply, Ok(answer), command.permit);
            }
            Err(refusal) => {
                return self.park_append(durability, command.reply, Err(refusal.into()), command.permit);
            }
        };
        // The last moment at which a refusal changes nothing.
        if let Err(error) = self.store.admit() {
            return self.refuse(command.reply, error);
        }
        let PartitionRecord::Append { base, facts, .. } = &record else { return };
        let (base, count, size) = (*base, facts.count, facts.bytes);
        let (kind, meta) = record.encode();
        let run = Run {
            base,
            count,
            max_ts: facts.max_ts,
            leader_epoch: slot.state.epochs().current(),
            batch: command.batch.bytes,
        };
        slot.state.apply(&record, self.now);
        if slot.at.as_ref().is_none_or(|at| !at.is_same(&command.partition)) {
            slot.at = Some(command.partition.clone());
        }
        let answer = Appended { base_offset: base, log_start: view.log_start(), duplicate: false };
        let raise = Raise::End { partition: command.partition, end: base + u64::from(count), bytes: size };
        let release = Release::Append { reply: command.reply, answer: Ok(answer), permit: command.permit };
        self.open.durability = durability;
        self.open.bytes += bytes;
        self.open.records += u64::from(count);
        self.open.ops.push(Op { kind: OpKind(kind), entity, meta, run: Some(run) });
        self.open.parked.push((raise, release));
    }

    /// Answers an append that wrote nothing, but only once what it read is as durable as the topic asks for: it may have read what is in the open batch.
    fn park_append(
        &mut self,
        durability: Durability,
        reply: AppendReply,
        answer: Result<Appended, AppendError>,
        permit: Permit,
    ) {
        let release = Release::Append { reply, answer, permit };
        if self.open.is_empty() {
            self.park(durability, Parked { lsn: self.applied, raise: Raise::Nothing, release });
        } else {
            // It has this durability: an open batch of another was flushed before the decision.
            self.open.parked.push((Raise::Nothing, release));
        }
    }

    /// Refuses an append of which nothing was done.
    fn refuse(&mut self, reply: AppendReply, error: trine_storage::AppendError) {
        if let trine_storage::AppendError::Stopped(reason) = &error {
            self.fail(reason);
            return;
        }
        self.shared.counters.refused.add(1);
        let _ = reply.send(Err(AppendError::Failure(error.into())));
    }

    /// Hands the open batch to the store and parks what waits for it.
    pub(super) fn flush(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let durability = self.open.durability;
        // As large as this one: the next turn is likely to be like it.
        let next = Vec::with_capacity(self.open.ops.len());
        let ops = std::mem::replace(&mut self.open.ops, next);
        let appended = ops.len() as u64;
        // Admitted one by one, so it may finish in the reserve what began outside of it.
        let lsn = match self.store.append(OpBatch { at: self.now, durability, reserve: true, ops }) {
            Ok(lsn) => lsn,
            Err(error) => {
                // The state is ahead of the log: there is no way back (law 7).
                self.fail(&error.to_string().into());
                return;
            }
        };
        self.applied = lsn;
        let mut parked = std::mem::take(&mut self.open.parked);
        for (raise, release) in parked.drain(..) {
            self.park(durability, Parked { lsn, raise, release });
        }
        self.open.parked = parked;
        let counters = &self.shared.counters;
        counters.batches_appended.add(appended);
        counters.records_appended.add(self.open.records);
        counters.bytes_appended.add(self.open.bytes as u64);
        (self.open.bytes, self.open.records) = (0, 0);
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
