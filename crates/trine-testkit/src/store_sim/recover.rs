//! The next life begins: opens the store and compares what it found.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;
use trine_env::{Faults, SimFs, SimRng};
use trine_storage::{Opened, StoreError, Waker};
use trine_types::ShardId;

use super::{
    Check, Env,
    check::{self, Read},
    ensure,
    life::{Due, End, Live, World},
    model::Shard,
    owner::Owner,
    trace,
};

/// Bytes per read when everything is read.
pub(super) const CHUNK: usize = 20_000;
/// Attempts with faults before the disk is repaired.
const ATTEMPTS_MAX: u32 = 3;

impl World<'_> {
    /// Opens the store, again if a fault or power cut stops it, and checks everything.
    pub(super) fn recover(&mut self) -> Check<Live> {
        let mut attempts = 0;
        loop {
            let mut owner = Owner::default();
            match self.open(&self.fs.clone(), &mut owner) {
                Ok(opened) if !self.fs.is_cut() => {
                    self.check_exclusive()?;
                    return self.take_over(opened, &owner);
                }
                // The power failed as the last thing that happened; nobody was told that it is open.
                Ok(_) => {}
                Err(StoreError::Io { .. }) if self.is_excused() => {}
                Err(StoreError::Corrupt(place)) if self.fs.is_cut() => {
                    return Err(format!("a power cut while recovering was called corruption: {place}"));
                }
                Err(error) => return Err(format!("the store does not open: {error}")),
            }
            self.tally.recoveries_broken += 1;
            // How far it came decides whether the clean stop is still to be seen. A crash stays one.
            if self.end == End::Clean {
                self.end = End::Unknown;
            }
            attempts += 1;
            self.crash_or_kill();
            if attempts == ATTEMPTS_MAX {
                self.healthy_disk();
            }
        }
    }

    /// Nobody else opens what is open (G4).
    fn check_exclusive(&mut self) -> Check {
        if self.rng.chance(0.95) {
            return Ok(());
        }
        self.fs.set_faults(Faults::default());
        let second = self.open(&self.fs.clone(), &mut Owner::default());
        ensure!(matches!(second, Err(StoreError::Locked(_))), "the directory was opened twice");
        self.fs.set_faults(self.faults.clone());
        Ok(())
    }

    /// Opens the directory on a file system with what belongs to it.
    pub(super) fn open(&mut self, fs: &SimFs, owner: &mut Owner) -> Result<Opened, StoreError> {
        let woken: Arc<Mutex<BTreeSet<ShardId>>> = self.woken.clone();
        let waker: Waker = Arc::new(move |shard| {
            woken.lock().insert(shard);
        });
        let env = Env {
            fs: Arc::new(fs.clone()),
            clock: Arc::new(self.clock.clone()),
            rng: Arc::new(SimRng::new(self.rng.next_u64())),
            waker,
        };
        self.subject.open(env, owner)
    }

    fn take_over(&mut self, opened: Opened, owner: &Owner) -> Check<Live> {
        let Opened { stores, last, unclean, engine } = opened;
        if self.shards.is_empty() {
            self.shards = stores.iter().map(|store| Shard::new(store.shard())).collect();
        }
        ensure!(self.shards.len() == stores.len() && last.len() == stores.len(), "shard groups came or went");
        match self.end {
            End::Clean => ensure!(!unclean, "a clean stop was taken for a crash"),
            End::Unclean => ensure!(unclean, "a crash was taken for a clean stop"),
            End::Unknown => {}
        }
        for ((shard, store), &last) in self.shards.iter_mut().zip(&stores).zip(&last) {
            ensure!(store.shard() == shard.id, "shard groups changed places");
            let acked = shard.acked;
            ensure!(
                last >= acked,
                "shard group {}: batches up to {acked} were answered, recovery ends at {last}",
                shard.id
            );
            let states = owner.compare(shard, last)?;
            let (durable, written) = (store.durable(), store.written());
            ensure!(durable == last && written == last, "recovered {last}, but durable {durable}, written {written}");
            self.tally.lost += shard.last().0 - last.0;
            shard.recovered(last, states);
        }
        self.tally.sections += owner.found.values().map(|found| found.sections.len() as u64).sum::<u64>();
        trace!(self, "recovered to {last:?}");
        self.power_cut = false;
        let count = stores.len();
        let mut live = Live {
            stores,
            engine,
            checkpoints: (0..count).map(|_| None).collect(),
            dues: Vec::new(),
            deadlines: vec![Vec::new(); count],
            rounds: Vec::new(),
            failed: None,
        };
        // A directory exists from its first opening on; a later one is unclean unless that is closed.
        self.end = End::Unclean;
        self.read_recovered(&live)?;
        self.repeat_dues(&mut live);
        Ok(live)
    }

    /// Reads everything back. A rewrite that no checkpoint had taken up may be undone, as a whole.
    fn read_recovered(&mut self, live: &Live) -> Check {
        // Reads that fail would hide what is to be seen; the faults come back afterwards.
        self.fs.set_faults(Faults::default());
        for (shard, store) in self.shards.iter_mut().zip(&live.stores) {
            for rewrite in std::mem::take(&mut shard.rewrites) {
                let Some(state) = shard.states.get(&rewrite.entity) else {
                    continue;
                };
                let runs = shard.runs_of(rewrite.entity);
                trace!(
                    self,
                    "after the rewrite of {} {:?}: {:?}",
                    rewrite.entity,
                    rewrite.range,
                    store
                        .read(rewrite.entity, state.start, state.next, usize::MAX, true)
                        .map(|batches| batches.iter().map(|batch| batch.base).collect::<Vec<_>>())
                );
                // In one piece: a read that ends early could leave out dead data that tells the versions apart.
                if check::read_all(store.as_ref(), rewrite.entity, state, runs, usize::MAX).is_err() {
                    let undone = rewrite.undo(runs);
                    shard.runs.insert(rewrite.entity, undone);
                } else {
                    shard.rewrites_past.push(rewrite);
                }
            }
            for (&entity, state) in &shard.states {
                let (batches, ended) = check::read_all(store.as_ref(), entity, state, shard.runs_of(entity), CHUNK)?;
                self.tally.read += batches;
                match ended {
                    None => {}
                    Some(Read::Corrupt(place)) => {
                        return Err(format!("good data was called corrupt: {place}"));
                    }
                    Some(read) => {
                        return Err(format!("{entity} cannot be read after recovery: {read:?}"));
                    }
                }
            }
        }
        self.fs.set_faults(self.faults.clone());
        Ok(())
    }

    /// Owners tell the store again what they know to be gone.
    fn repeat_dues(&mut self, live: &mut Live) {
        for (index, shard) in self.shards.iter().enumerate() {
            for (&entity, state) in &shard.states {
                if state.start > 0 && self.rng.chance(0.5) {
                    live.dues.push(Due { shard: index, lsn: shard.base, entity, below: Some(state.start) });
                }
            }
            for &entity in &shard.dropped {
                if !shard.states.contains_key(&entity) && self.rng.chance(0.8) {
                    live.dues.push(Due { shard: index, lsn: shard.base, entity, below: None });
                }
            }
        }
    }
}
