//! What the store must know: the log of each shard group, the state that follows from it, and the bytes of every run.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    time::Duration,
};

use bytes::Bytes;
use trine_storage::{Op, Run, Section};
use trine_types::{EntityId, Lsn, Offset, ShardId, Timestamp};

use super::content::{APPEND, DROP, SETTLE, TRIM, hash, numbers, stored};

/// State of one entity: what an owner keeps in memory and in checkpoints.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct State {
    /// Next offset.
    pub(super) next: Offset,
    /// Log start.
    pub(super) start: Offset,
    /// Settled offsets at or above the log start.
    pub(super) settled: BTreeSet<Offset>,
    /// Of everything that ever happened to it, in order.
    pub(super) history: u64,
}

impl State {
    pub(super) fn is_live(&self, offset: Offset) -> bool {
        offset >= self.start && offset < self.next && !self.settled.contains(&offset)
    }

    pub(super) fn any_live(&self, mut range: Range<Offset>) -> bool {
        range.any(|offset| self.is_live(offset))
    }

    /// The live offsets of a range, as ranges.
    pub(super) fn live(&self, range: Range<Offset>) -> Vec<Range<Offset>> {
        let mut live: Vec<Range<Offset>> = Vec::new();
        for offset in range.start.max(self.start)..range.end.min(self.next) {
            if self.is_live(offset) {
                match live.last_mut() {
                    Some(last) if last.end == offset => last.end += 1,
                    _ => live.push(offset..offset + 1),
                }
            }
        }
        live
    }

    fn apply(&mut self, lsn: Lsn, op: &Op) {
        self.history = hash(self.history, &[lsn.0, u64::from(op.kind.0)].map(u64::to_le_bytes).concat());
        self.history = hash(self.history, &op.meta);
        if let Some(run) = &op.run {
            self.history = hash(self.history, &[run.base, u64::from(run.count)].map(u64::to_le_bytes).concat());
            self.next = run.base + u64::from(run.count);
        }
        match (op.kind, &numbers(&op.meta)[..]) {
            (TRIM, &[below]) => {
                self.start = self.start.max(below);
                self.settled = self.settled.split_off(&self.start);
            }
            (SETTLE, &[from, to]) => self.settled.extend(from.max(self.start)..to),
            _ => {}
        }
    }

    pub(super) fn encode(&self) -> Bytes {
        let mut words = vec![self.next, self.start, self.history];
        words.extend(&self.settled);
        words.into_iter().flat_map(u64::to_le_bytes).collect()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let words = numbers(bytes);
        let (&[next, start, history], settled) = words.split_first_chunk()?;
        Some(Self { next, start, history, settled: settled.iter().copied().collect() })
    }
}

/// States of the entities of a shard group.
pub(super) type States = BTreeMap<EntityId, State>;

/// Applies operations that a state does not have yet; `as_of` says what sections have.
pub(super) fn apply(states: &mut States, as_of: &BTreeMap<EntityId, Lsn>, lsn: Lsn, ops: &[Op]) {
    for op in ops {
        if as_of.get(&op.entity).is_some_and(|&has| lsn <= has) {
            continue;
        }
        if op.kind == DROP {
            states.remove(&op.entity);
        } else {
            states.entry(op.entity).or_default().apply(lsn, op);
        }
    }
}

/// A batch as appended; its runs as they must come back.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    pub(super) at: Timestamp,
    /// When it must be durable at the latest once written, on the connection clock; `None`: at once.
    pub(super) interval: Option<Duration>,
    pub(super) ops: Vec<Op>,
}

/// One run of an entity that the store must be able to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stored {
    pub(super) count: u32,
    pub(super) max_ts: i64,
    pub(super) bytes: Bytes,
    /// The batch that brought it.
    pub(super) lsn: Lsn,
}

impl Stored {
    pub(super) fn new(run: &Run, lsn: Lsn) -> Self {
        Self { count: run.count, max_ts: run.max_ts, bytes: stored(run), lsn }
    }
}

/// Runs of one entity by base offset.
pub(super) type Runs = BTreeMap<Offset, Stored>;

/// A rewrite whose result may or may not outlive the next crash.
#[derive(Clone, Debug)]
pub(super) struct Rewrite {
    pub(super) entity: EntityId,
    pub(super) range: Range<Offset>,
    pub(super) old: Runs,
}

/// One shard group.
#[derive(Clone, Debug)]
pub(super) struct Shard {
    pub(super) id: ShardId,
    /// All batches ever appended and not lost; LSN 1 first.
    pub(super) log: Vec<Logged>,
    /// State after `base`, the last LSN found by the latest recovery.
    pub(super) base_states: States,
    pub(super) base: Lsn,
    /// State after the last batch of the log.
    pub(super) states: States,
    pub(super) runs: BTreeMap<EntityId, Runs>,
    /// Of this life, one per entity.
    pub(super) rewrites: Vec<Rewrite>,
    /// Of earlier lives, newest last: a damaged file may take recovery back behind them.
    pub(super) rewrites_past: Vec<Rewrite>,
    /// Largest LSN the store ever called durable, or that recovery ever showed.
    pub(super) acked: Lsn,
    /// Largest LSN the store called written in this life.
    pub(super) written: Lsn,
    /// Recovery may lose what lies above, if a bit flips there after an unclean stop (decision E8).
    pub(super) exempt_above: Lsn,
    /// Entities that were dropped.
    pub(super) dropped: BTreeSet<EntityId>,
}

impl Shard {
    pub(super) fn new(id: ShardId) -> Self {
        Self {
            id,
            log: Vec::new(),
            base_states: States::new(),
            base: Lsn::ZERO,
            states: States::new(),
            runs: BTreeMap::new(),
            rewrites: Vec::new(),
            rewrites_past: Vec::new(),
            acked: Lsn::ZERO,
            written: Lsn::ZERO,
            exempt_above: Lsn::ZERO,
            dropped: BTreeSet::new(),
        }
    }

    /// The LSN of the last batch appended.
    pub(super) fn last(&self) -> Lsn {
        Lsn(self.log.len() as u64)
    }

    pub(super) fn get(&self, lsn: Lsn) -> Option<&Logged> {
        self.log.get(usize::try_from(lsn.0.checked_sub(1)?).ok()?)
    }

    /// A batch was appended; its operations as they must come back.
    pub(super) fn append(&mut self, logged: Logged) -> Lsn {
        let lsn = self.last().next();
        apply(&mut self.states, &BTreeMap::new(), lsn, &logged.ops);
        for op in &logged.ops {
            if let (APPEND, Some(run)) = (op.kind, &op.run) {
                self.runs.entry(op.entity).or_default().insert(run.base, Stored::new(run, lsn));
            }
            if op.kind == DROP {
                self.dropped.insert(op.entity);
            }
        }
        self.log.push(logged);
        lsn
    }

    /// The states after `lsn`, which is at or after the latest recovery.
    pub(super) fn states_at(&self, lsn: Lsn) -> States {
        let mut states = self.base_states.clone();
        for at in self.base.0 + 1..=lsn.0 {
            if let Some(logged) = self.get(Lsn(at)) {
                apply(&mut states, &BTreeMap::new(), Lsn(at), &logged.ops);
            }
        }
        states
    }

    /// The process ended and recovery found everything up to `last`, with these states.
    pub(super) fn recovered(&mut self, last: Lsn, states: States) {
        self.log.truncate(last.0 as usize);
        self.runs.retain(|entity, _| states.contains_key(entity));
        for runs in self.runs.values_mut() {
            runs.retain(|_, run| run.lsn <= last);
        }
        self.dropped.retain(|entity| !states.contains_key(entity));
        self.base = last;
        self.base_states.clone_from(&states);
        self.states = states;
        self.acked = last;
        self.written = last;
        self.exempt_above = last;
    }

    /// The runs of an entity.
    pub(super) fn runs_of(&self, entity: EntityId) -> &Runs {
        static NONE: Runs = Runs::new();
        self.runs.get(&entity).unwrap_or(&NONE)
    }
}

impl Rewrite {
    /// The runs as they were before.
    pub(super) fn undo(&self, runs: &Runs) -> Runs {
        let mut undone = runs.clone();
        undone.retain(|base, _| !self.range.contains(base));
        undone.extend(self.old.clone());
        undone
    }
}

/// What a recovery handed over for one shard group.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) states: States,
    pub(super) as_of: BTreeMap<EntityId, Lsn>,
    pub(super) sections: Vec<Section>,
    pub(super) batches: Vec<(Lsn, Timestamp, Vec<Op>)>,
}
