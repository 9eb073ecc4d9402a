//! What an owner does with its store, one random thing at a time.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use bytes::Bytes;
use trine_env::Clock;
use trine_storage::{AppendError, Durability, Op, OpBatch, Request, Run, Section};
use trine_types::{EntityId, Lsn, Offset};

use super::{
    Check,
    check::{self, Ask, Read},
    content::{APPEND, DROP, NOTE, TRIM, op, payload_len, record_batch, settle, trim},
    ensure,
    life::{Due, ENTITIES_MAX, Live, Ongoing, World},
    model::{Logged, Rewrite, Stored},
    trace,
};

/// Rounds after which a commit loop that still claims to have work is broken.
const ROUNDS_MAX: u32 = 1_000;

impl World<'_> {
    pub(super) fn one_step(&mut self, live: &mut Live) -> Check {
        let shard = self.rng.below(live.stores.len() as u64) as usize;
        match self.rng.below(100) {
            0..42 => self.append(live, shard),
            42..56 => self.commit_once(live),
            56..58 => self.commit_all(live),
            58..74 => {
                let did = (0..=self.rng.below(6)).filter(|_| live.engine.maintain()).count();
                trace!(self, "maintain: {did} steps did something");
                Ok(())
            }
            74..82 => self.read_something(live, shard),
            82..86 => {
                self.checkpoint_some(live, shard);
                Ok(())
            }
            86..92 => {
                self.answer_requests(live);
                Ok(())
            }
            92..95 => {
                self.tell_dues(live);
                Ok(())
            }
            95..97 => self.rewrite(live, shard),
            97 if self.bounded => self.free_the_disk(live),
            _ => {
                let ms = if self.rng.chance(0.1) { 3_000 } else { self.rng.below(30) };
                self.clock.advance(Duration::from_millis(ms));
                trace!(self, "{ms} ms pass");
                Ok(())
            }
        }
    }

    fn append(&mut self, live: &mut Live, shard: usize) -> Check {
        let ops = self.random_ops(live.stores.len(), shard);
        let produces = ops.iter().any(|op| op.kind == APPEND);
        let interval = self.rng.chance(0.3).then(|| self.rng.below(50) as u32 + 1);
        let batch = OpBatch {
            at: self.clock.now(),
            durability: interval.map_or(Durability::Sync, Durability::Interval),
            reserve: !produces || self.rng.chance(0.1),
            ops: ops.clone(),
        };
        let (store, model) = (&live.stores[shard], &mut self.shards[shard]);
        let (admitted, reserve) = (store.admit(), batch.reserve);
        match store.append(batch) {
            Ok(lsn) => {
                ensure!(reserve || admitted.is_ok(), "an append was taken that was not admitted: {admitted:?}");
                trace!(self, "append to {shard} as {lsn}, interval {interval:?}: {}", describe(&ops));
                let interval = interval.map(|ms| Duration::from_millis(ms.into()));
                for op in &ops {
                    let below = match op.kind {
                        TRIM => Some(super::content::numbers(&op.meta)[0]),
                        DROP => None,
                        _ => continue,
                    };
                    live.dues.push(Due { shard, lsn, entity: op.entity, below });
                }
                let expected = model.append(Logged { at: self.clock.now(), interval, ops });
                ensure!(lsn == expected, "an append got LSN {lsn} instead of {expected}");
                self.tally.batches += 1;
            }
            Err(AppendError::Full { .. }) => {
                ensure!(self.bounded, "an append was refused as full on an endless disk");
                ensure!(!reserve, "an append that may use the reserve was refused as full");
                ensure!(matches!(admitted, Err(AppendError::Full { .. })), "what was admitted was refused as full");
                self.tally.full += 1;
            }
            Err(AppendError::Stopped(why)) => {
                ensure!(store.failure().is_some(), "an append says the store has stopped ({why}), the store does not");
            }
        }
        Ok(())
    }

    /// Space appears on the full disk: from now on no append may be refused.
    fn free_the_disk(&mut self, live: &mut Live) -> Check {
        self.fs.set_capacity(None);
        self.clock.advance(Duration::from_secs(3));
        for _ in 0..50 {
            live.engine.maintain();
        }
        self.bounded = false;
        self.commit_all(live)
    }

    fn random_ops(&mut self, shards: usize, shard: usize) -> Vec<Op> {
        let model = &self.shards[shard];
        let mut states = model.states.clone();
        let mut ops = Vec::new();
        for _ in 0..=self.rng.below(3) {
            let known: Vec<EntityId> = states.keys().copied().collect();
            if known.is_empty() || (known.len() < ENTITIES_MAX && self.rng.chance(0.1)) {
                let slot = shard as u64 + shards as u64 * self.rng.below(20);
                let Some(entity) = EntityId::new(slot as u16, self.number) else {
                    continue;
                };
                self.number += 1;
                states.insert(entity, super::model::State::default());
                ops.push(self.random_run(entity, 0));
                states.entry(entity).or_default().next = run_end(&ops);
                continue;
            }
            let entity = known[self.rng.below(known.len() as u64) as usize];
            let state = states.entry(entity).or_default();
            match self.rng.below(100) {
                0..72 => {
                    ops.push(self.random_run(entity, state.next));
                    state.next = run_end(&ops);
                }
                72..80 => {
                    let mut meta = vec![0; self.rng.below(60) as usize];
                    self.rng.fill(&mut meta);
                    ops.push(op(NOTE, entity, meta.into()));
                }
                80..88 => {
                    state.start += self.rng.below(state.next - state.start + 1);
                    ops.push(trim(entity, state.start));
                }
                88..97 => {
                    let from = state.start + self.rng.below(state.next - state.start + 1);
                    let to = (from + self.rng.below(20)).min(state.next);
                    ops.push(settle(entity, from, to));
                }
                _ => {
                    states.remove(&entity);
                    ops.push(op(DROP, entity, Bytes::new()));
                }
            }
        }
        ops
    }

    fn random_run(&mut self, entity: EntityId, base: Offset) -> Op {
        let count = self.rng.below(5) as u32 + 1;
        let max_ts = self.clock.now().0 + self.rng.below(1_000) as i64;
        let len = payload_len(&mut self.rng);
        let leader_epoch = self.rng.below(3) as i32;
        let batch = record_batch(&mut self.rng, count, max_ts, len);
        let mut meta = vec![0; self.rng.below(30) as usize];
        self.rng.fill(&mut meta);
        Op { kind: APPEND, entity, meta: meta.into(), run: Some(Run { base, count, max_ts, leader_epoch, batch }) }
    }

    fn commit_once(&mut self, live: &mut Live) -> Check {
        self.round(live)?;
        self.check_intervals(live)
    }

    /// One commit round; false when nothing was to be done.
    fn round(&mut self, live: &mut Live) -> Check<bool> {
        let before: Vec<(Lsn, Lsn)> = live.stores.iter().map(|store| (store.durable(), store.written())).collect();
        self.woken.lock().clear();
        let did = live.engine.commit();
        let woken = self.woken.lock().clone();
        let mut wrote = false;
        for ((store, &(durable, written)), model) in live.stores.iter().zip(&before).zip(&self.shards) {
            wrote |= store.written() > written;
            if store.durable() > durable || store.written() > written {
                ensure!(woken.contains(&model.id), "shard group {} was not woken", model.id);
            }
        }
        if wrote {
            let round = live.stores.iter().zip(&before).map(|(store, (durable, _))| (*durable, store.written()));
            live.rounds.push(round.collect());
        }
        trace!(
            self,
            "commit: {did}, durable {:?}",
            live.stores.iter().map(|store| store.durable().0).collect::<Vec<_>>()
        );
        Ok(did)
    }

    /// Every batch that was written is durable when its interval has passed and a commit round was made.
    fn check_intervals(&mut self, live: &mut Live) -> Check {
        let now = self.clock.mono();
        let failed = self.fs.is_cut() || live.stores.iter().any(|store| store.failure().is_some());
        for ((store, model), deadlines) in live.stores.iter().zip(&self.shards).zip(&mut live.deadlines) {
            let known = deadlines.last().map_or(model.base, |(lsn, _)| *lsn);
            for lsn in (known.0 + 1..=store.written().0).map(Lsn) {
                let interval = model.get(lsn).and_then(|logged| logged.interval).unwrap_or_default();
                deadlines.push((lsn, now + interval));
            }
            let durable = store.durable();
            for (lsn, deadline) in &*deadlines {
                ensure!(
                    failed || *lsn <= durable || *deadline > now,
                    "batch {lsn} of shard group {} was due at {deadline:?}, is not durable at {now:?}",
                    model.id
                );
            }
            let newest = deadlines.last().copied();
            deadlines.retain(|(lsn, _)| *lsn > durable);
            // The newest stays, to remember what was seen.
            if deadlines.is_empty() {
                deadlines.extend(newest);
            }
        }
        Ok(())
    }

    /// Commits until nothing is left to do.
    fn commit_all(&mut self, live: &mut Live) -> Check {
        let mut rounds = 0;
        while self.round(live)? {
            rounds += 1;
            ensure!(rounds < ROUNDS_MAX, "the commit loop never ends");
        }
        for (store, model) in live.stores.iter().zip(&self.shards) {
            // On a full disk what was appended may wait for space.
            if self.fs.is_cut() || self.bounded || store.failure().is_some() {
                continue;
            }
            let (last, written, durable) = (model.last(), store.written(), store.durable());
            ensure!(written == last, "nothing to commit, but {written} of {last} are written");
            for lsn in (durable.0 + 1..=last.0).map(Lsn) {
                let waits = model.get(lsn).is_some_and(|logged| logged.interval.is_some());
                ensure!(waits, "nothing to commit, but batch {lsn} is not durable");
            }
        }
        self.check_intervals(live)
    }

    fn read_something(&mut self, live: &Live, shard: usize) -> Check {
        let model = &self.shards[shard];
        let Some((&entity, state)) = pick(&model.states, self.rng.next_u64()) else {
            return Ok(());
        };
        let runs = model.runs_of(entity);
        let from = state.start + self.rng.below(state.next - state.start + 1);
        let below = from + self.rng.below(state.next - from + 2);
        let may_block = self.rng.chance(0.5);
        let max_bytes = self.rng.below(30_000) as usize;
        let ask = Ask { entity, range: from..below, max_bytes, may_block };
        let store = &live.stores[shard];
        trace!(self, "read {ask:?} of {:?}", runs.keys());
        match check::read(store.as_ref(), state, runs, &ask)? {
            Read::Right { batches, .. } => self.tally.read += batches,
            Read::Waits => {}
            Read::Io => ensure!(self.is_excused(), "a read failed without a fault of the disk"),
            Read::Corrupt(place) => return Err(format!("good data was called corrupt: {place}")),
        }
        let ts = self.clock.now().0 - self.rng.below(500) as i64;
        check::find_time(store.as_ref(), entity, state, runs, ts)?;
        let live_bytes: u64 = runs
            .range(from..)
            .filter(|(base, run)| state.any_live(**base..**base + u64::from(run.count)))
            .map(|(_, run)| run.bytes.len() as u64)
            .sum();
        let held = store.bytes_in(entity, from..state.next);
        ensure!(held > 0 || live_bytes == 0, "{entity} holds {live_bytes} live bytes, the store says none");
        Ok(())
    }

    fn checkpoint_some(&mut self, live: &mut Live, shard: usize) {
        let model = &self.shards[shard];
        let Some(mut ongoing) = live.checkpoints[shard].take() else {
            live.checkpoints[shard] = Some(self.start_checkpoint(live, shard));
            return;
        };
        for _ in 0..=self.rng.below(3) {
            let Some(entity) = ongoing.todo.pop() else {
                break;
            };
            // Dropped since: it has no state to keep.
            if let Some(state) = model.states.get(&entity) {
                trace!(self, "section of {entity} in {shard} as of {}", model.last());
                ongoing.writer.section(Section { entity, as_of: model.last(), bytes: state.encode() });
            }
        }
        if !ongoing.todo.is_empty() {
            live.checkpoints[shard] = Some(ongoing);
        } else if self.rng.chance(0.95) {
            ongoing.writer.finish();
            trace!(self, "checkpoint of {shard} finished");
            self.tally.checkpoints += 1;
        }
    }

    fn start_checkpoint(&self, live: &Live, shard: usize) -> Ongoing {
        let model = &self.shards[shard];
        trace!(self, "checkpoint of {shard} starts at {}", model.last());
        Ongoing { writer: live.stores[shard].checkpoint(model.last()), todo: model.states.keys().copied().collect() }
    }

    pub(super) fn checkpoint_at_once(&mut self, live: &mut Live, shard: usize) {
        if live.checkpoints[shard].is_none() {
            live.checkpoints[shard] = Some(self.start_checkpoint(live, shard));
        }
        while live.checkpoints[shard].is_some() {
            self.checkpoint_some(live, shard);
        }
    }

    fn answer_requests(&mut self, live: &mut Live) {
        for shard in 0..live.stores.len() {
            match live.stores[shard].request() {
                Some(Request::Checkpoint) if self.rng.chance(0.7) => self.checkpoint_at_once(live, shard),
                Some(Request::Live(asked)) => {
                    let model = &self.shards[shard];
                    for (entity, range) in asked {
                        if self.rng.chance(0.1) {
                            continue;
                        }
                        let answer: Vec<Range<Offset>> =
                            model.states.get(&entity).map_or_else(Vec::new, |state| state.live(range.clone()));
                        trace!(self, "of {entity} {range:?} live are {answer:?} as of {}", model.last());
                        live.stores[shard].live(entity, range, answer, model.last());
                        self.tally.live_answers += 1;
                    }
                }
                Some(Request::Checkpoint) | None => {}
            }
        }
    }

    /// Tells the store about trims and drops whose records are durable.
    fn tell_dues(&mut self, live: &mut Live) {
        let stores = &live.stores;
        let scope = self.scope;
        let rng = &mut self.rng;
        live.dues.retain(|due| {
            let store = &stores[due.shard];
            if due.lsn > store.durable() || rng.chance(0.2) {
                return true;
            }
            if scope.trace {
                eprintln!("tell {}: below {:?} is gone", due.entity, due.below);
            }
            match due.below {
                Some(below) => store.trim(due.entity, below),
                None => store.drop_entity(due.entity),
            }
            // Told again now and then: repeating is harmless.
            rng.chance(0.1)
        });
    }

    fn rewrite(&mut self, live: &mut Live, shard: usize) -> Check {
        let (store, model) = (&live.stores[shard], &self.shards[shard]);
        let Some((&entity, state)) = pick(&model.states, self.rng.next_u64()) else {
            return Ok(());
        };
        let Some(runs) = model.runs.get(&entity) else {
            return Ok(());
        };
        let durable = store.durable();
        let able: Vec<(Offset, Stored)> = runs
            .range(state.start..)
            .take_while(|(_, run)| run.lsn <= durable)
            .map(|(base, run)| (*base, run.clone()))
            .collect();
        if able.is_empty() || model.rewrites.iter().any(|rewrite| rewrite.entity == entity) {
            return Ok(());
        }
        let first = self.rng.below(able.len() as u64) as usize;
        let count = (self.rng.below(8) as usize + 1).min(able.len() - first);
        let old: BTreeMap<Offset, Stored> = able[first..first + count].iter().cloned().collect();
        let (Some((&from, _)), Some((&last, run))) = (old.first_key_value(), old.last_key_value()) else {
            return Ok(());
        };
        let range = from..last + u64::from(run.count);
        let mut new = Vec::new();
        for (&base, run) in &old {
            if self.rng.chance(0.6) {
                let len = self.rng.below(run.bytes.len() as u64) as usize;
                let batch = record_batch(&mut self.rng, run.count, run.max_ts, len);
                new.push(Run { base, count: run.count, max_ts: run.max_ts, leader_epoch: 7, batch });
            }
        }
        let bases: Vec<Offset> = new.iter().map(|run| run.base).collect();
        trace!(self, "rewrite {entity} {range:?} with {bases:?}");
        let answer = store.rewrite(entity, range.clone(), new.clone());
        if let Err(error) = answer {
            ensure!(self.is_excused(), "a rewrite failed without a fault of the disk: {error}");
            return Ok(());
        }
        let model = &mut self.shards[shard];
        let runs = model.runs.entry(entity).or_default();
        runs.retain(|base, _| !range.contains(base));
        for run in &new {
            let lsn = old.get(&run.base).map_or(Lsn::ZERO, |old| old.lsn);
            runs.insert(run.base, Stored::new(run, lsn));
        }
        model.rewrites.push(Rewrite { entity, range, old });
        self.tally.rewrites += 1;
        Ok(())
    }

    /// A store that has failed refuses everything and moves no watermark (G7).
    pub(super) fn check_stays_failed(&mut self, live: &mut Live) -> Check {
        let before: Vec<Lsn> = live.stores.iter().map(|store| store.durable()).collect();
        live.engine.commit();
        live.engine.maintain();
        for (shard, before) in before.into_iter().enumerate() {
            let ops = self.random_ops(live.stores.len(), shard);
            let store = &live.stores[shard];
            let batch = OpBatch { at: self.clock.now(), durability: Durability::Sync, reserve: true, ops };
            let answer = store.append(batch);
            ensure!(
                matches!(answer, Err(AppendError::Stopped(_))),
                "a failed store answered an append with {answer:?}"
            );
            ensure!(store.durable() == before, "a failed store moved durable from {before} to {}", store.durable());
            ensure!(store.failure().is_some(), "a failure was forgotten or is not known to all shard groups");
        }
        Ok(())
    }
}

fn describe(ops: &[Op]) -> String {
    let one = |op: &Op| match &op.run {
        Some(run) => format!("{} {}+{} ({} B)", op.entity, run.base, run.count, run.batch.len()),
        None => format!("{} kind {} {:?}", op.entity, op.kind.0, super::content::numbers(&op.meta)),
    };
    ops.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn run_end(ops: &[Op]) -> Offset {
    ops.last().and_then(|op| op.run.as_ref()).map_or(0, |run| run.base + u64::from(run.count))
}

fn pick<K, V>(map: &BTreeMap<K, V>, number: u64) -> Option<(&K, &V)> {
    let index = number.checked_rem(map.len() as u64)?;
    map.iter().nth(index as usize)
}
