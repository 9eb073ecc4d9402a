//! A run: lives of one directory, one after the other.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;
use trine_env::{Faults, Seeded, SimClock, SimFs};
use trine_storage::{CheckpointWriter, Engine, ShardStore};
use trine_types::{EntityId, Lsn, Offset, ShardId, Timestamp};

use super::{Check, Outcome, Scope, Subject, Tally, Violation, content::hash, ensure, model::Shard, trace};

/// Where message time starts.
const START: Timestamp = Timestamp(1_700_000_000_000);
/// Most entities of a shard group at a time.
pub(super) const ENTITIES_MAX: usize = 5;

/// How the previous life ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// There was none, or a clean stop failed, or a recovery was interrupted after one: either may be said.
    Unknown,
    /// By a power cut or kill, after it had opened the store.
    Unclean,
    /// By closing the store.
    Clean,
}

/// A run in progress.
pub(super) struct World<'s> {
    pub(super) subject: &'s dyn Subject,
    pub(super) scope: Scope,
    pub(super) rng: Seeded,
    pub(super) fs: SimFs,
    pub(super) clock: SimClock,
    pub(super) woken: Arc<Mutex<BTreeSet<ShardId>>>,
    pub(super) shards: Vec<Shard>,
    /// Number of the next entity.
    pub(super) number: u64,
    pub(super) end: End,
    /// Whether the power failed since the latest recovery; if not, everything that was written is still there.
    pub(super) power_cut: bool,
    /// Faults of the disk in force.
    pub(super) faults: Faults,
    /// Whether the disk is bounded.
    pub(super) bounded: bool,
    pub(super) tally: Tally,
    pub(super) life: u32,
    pub(super) step: u64,
}

/// An opened store and what its owner is doing with it.
pub(super) struct Live {
    pub(super) stores: Vec<Arc<dyn ShardStore>>,
    pub(super) engine: Box<dyn Engine>,
    pub(super) checkpoints: Vec<Option<Ongoing>>,
    pub(super) dues: Vec<Due>,
    /// When each shard group's batches answered as written must be durable, on the connection clock.
    pub(super) deadlines: Vec<Vec<(Lsn, std::time::Duration)>>,
    /// Per commit round that wrote: each shard group's durable LSN before and written LSN after it.
    pub(super) rounds: Vec<Vec<(Lsn, Lsn)>>,
    /// Why the store stopped, once it has.
    pub(super) failed: Option<Arc<str>>,
}

/// A checkpoint that is being written between other things.
pub(super) struct Ongoing {
    pub(super) writer: Box<dyn CheckpointWriter>,
    pub(super) todo: Vec<EntityId>,
}

/// A trim or drop that may be told to the store once its record is durable.
pub(super) struct Due {
    pub(super) shard: usize,
    pub(super) lsn: Lsn,
    pub(super) entity: EntityId,
    /// `None`: drop.
    pub(super) below: Option<Offset>,
}

/// Runs one directory through its lives.
///
/// # Errors
/// The first broken promise.
pub fn run(subject: &dyn Subject, seed: u64, scope: Scope) -> Result<Outcome, Violation> {
    let mut rng = Seeded::new(seed);
    let mut world = World {
        subject,
        scope,
        fs: SimFs::new(rng.next_u64()),
        rng,
        clock: SimClock::new(START),
        woken: Arc::default(),
        shards: Vec::new(),
        number: 1,
        end: End::Unknown,
        power_cut: false,
        faults: Faults::default(),
        bounded: false,
        tally: Tally::default(),
        life: 0,
        step: 0,
    };
    match world.all_lives() {
        Ok(()) => Ok(Outcome { tally: world.tally, digest: world.digest() }),
        Err(what) => Err(Violation { seed, life: world.life, step: world.step, what }),
    }
}

impl World<'_> {
    fn all_lives(&mut self) -> Check {
        for life in 0..self.scope.lives {
            (self.life, self.step) = (life, 0);
            self.plan_faults();
            let mut live = self.recover()?;
            let steps = self.rng.below(self.scope.steps_max) + 1;
            while self.step < steps && live.failed.is_none() && !self.fs.is_cut() {
                self.step += 1;
                self.one_step(&mut live)?;
                self.observe(&mut live)?;
            }
            self.end_life(live)?;
            self.tally.cycles += 1;
            if self.rng.chance(0.05) {
                self.verify_undamaged()?;
            }
            if self.scope.flips > 0 && self.rng.chance(0.25) {
                for _ in 0..self.scope.flips {
                    self.flip_a_bit()?;
                }
            }
        }
        self.healthy_disk();
        let live = self.recover()?;
        drop(live);
        Ok(())
    }

    /// Decides what the disk does in the next life.
    fn plan_faults(&mut self) {
        let rng = &mut self.rng;
        let mut faults = Faults { writeback: 0.05, read_waits: 0.3, ..Faults::default() };
        if rng.chance(0.5) {
            let within = [10, 40, 200][rng.below(3) as usize];
            faults.cut_at = Some(rng.below(within) + 1);
        }
        if self.scope.faults {
            if rng.chance(0.08) {
                faults.nth_sync = Some(rng.below(30) + 1);
            }
            if rng.chance(0.05) {
                faults.nth_write = Some(rng.below(60) + 1);
            }
            if rng.chance(0.05) {
                faults.read_fails = 0.02;
            }
            if rng.chance(0.02) {
                faults.meta_fails = 0.1;
            }
            if rng.chance(0.02) {
                faults.dir_sync_fails = 0.1;
            }
            self.bounded = rng.chance(0.1);
            let more = rng.below(1 << 20);
            self.fs.set_capacity(self.bounded.then(|| self.fs.used() + more));
        }
        self.fs.set_zeroing_pays(rng.chance(0.7));
        self.faults = faults.clone();
        trace!(self, "{:?}, bounded: {}", self.faults, self.bounded);
        self.fs.set_faults(faults);
    }

    /// Nothing fails from now on.
    pub(super) fn healthy_disk(&mut self) {
        self.faults = Faults::default();
        self.bounded = false;
        self.fs.set_faults(Faults::default());
        self.fs.set_capacity(None);
    }

    /// Whether an error of the store has an excuse.
    pub(super) fn is_excused(&self) -> bool {
        let Faults { sync_fails, nth_sync, dir_sync_fails, write_fails, nth_write, read_fails, meta_fails, .. } =
            self.faults;
        let random = [sync_fails, dir_sync_fails, write_fails, read_fails, meta_fails];
        self.fs.is_cut() || self.bounded || nth_sync.is_some() || nth_write.is_some() || random.iter().any(|&p| p > 0.0)
    }

    /// Takes note of what the store says after every step, and checks that it may say so.
    pub(super) fn observe(&mut self, live: &mut Live) -> Check {
        for (shard, store) in self.shards.iter_mut().zip(&live.stores) {
            let (durable, written) = (store.durable(), store.written());
            let last = shard.last();
            ensure!(durable <= written && written <= last, "durable {durable}, written {written}, appended {last}");
            ensure!(durable >= shard.acked, "durable fell from {} to {durable}", shard.acked);
            ensure!(written >= shard.written, "written fell from {} to {written}", shard.written);
            self.tally.durable += durable.0 - shard.acked.0;
            (shard.acked, shard.written) = (durable, written);
            live.failed = live.failed.take().or_else(|| store.failure());
        }
        if let Some(why) = live.failed.clone() {
            ensure!(self.is_excused(), "the store stopped without a fault of the disk: {why}");
            self.tally.failures += u64::from(!self.fs.is_cut());
            self.check_stays_failed(live)?;
        }
        Ok(())
    }

    fn end_life(&mut self, mut live: Live) -> Check {
        // The last frame that is certainly on the disk says what was durable when it was written; nothing vouches for what lies above (decision E8).
        let certain = |round: &&Vec<(Lsn, Lsn)>| {
            round.iter().zip(&self.shards).all(|((_, written), shard)| *written <= shard.acked)
        };
        let last = live.rounds.iter().rev().find(certain).cloned();
        for (index, shard) in self.shards.iter_mut().enumerate() {
            shard.exempt_above = last.as_ref().map_or(shard.base, |round| round[index].0);
        }
        let stop = live.failed.is_none() && !self.fs.is_cut() && self.rng.chance(0.2);
        if stop {
            return self.clean_stop(live);
        }
        let cut = self.fs.is_cut();
        self.tally.cuts += u64::from(cut);
        self.power_cut = cut || self.rng.chance(0.55);
        if self.power_cut {
            self.fs = self.fs.crash();
        } else {
            self.fs = self.fs.kill();
            self.tally.kills += 1;
        }
        trace!(self, "the life ends, power cut: {}, failure: {:?}", self.power_cut, live.failed);
        self.end = End::Unclean;
        // Only now: the old process must not be able to tidy up.
        live.checkpoints.clear();
        drop(live);
        Ok(())
    }

    fn clean_stop(&mut self, mut live: Live) -> Check {
        if self.rng.chance(0.5) {
            for shard in 0..live.stores.len() {
                self.checkpoint_at_once(&mut live, shard);
            }
        }
        live.checkpoints.clear();
        let Live { stores, engine, .. } = live;
        match engine.close() {
            Ok(()) => {
                for (shard, store) in self.shards.iter_mut().zip(&stores) {
                    let last = shard.last();
                    ensure!(store.durable() == last, "closed with durable {} of {last}", store.durable());
                    (shard.acked, shard.written) = (last, last);
                }
                self.end = End::Clean;
                self.tally.stops += 1;
            }
            Err(error) => {
                ensure!(self.is_excused(), "closing failed without a fault of the disk: {error}");
                for (shard, store) in self.shards.iter_mut().zip(&stores) {
                    shard.acked = shard.acked.max(store.durable());
                }
                // The mark of a clean stop may have been written just before the error.
                self.end = End::Unknown;
            }
        }
        self.crash_or_kill();
        drop(stores);
        Ok(())
    }

    pub(super) fn crash_or_kill(&mut self) {
        if self.fs.is_cut() || self.rng.chance(0.5) {
            self.fs = self.fs.crash();
            self.power_cut = true;
        } else {
            self.fs = self.fs.kill();
        }
    }

    /// The LSN up to which recovery must find everything.
    pub(super) fn floor(&self, shard: &Shard) -> Lsn {
        if self.power_cut { shard.acked } else { shard.written }
    }

    fn digest(&self) -> u64 {
        self.fs.files().iter().fold(0, |digest, (path, _)| {
            let digest = hash(digest, path.as_os_str().as_encoded_bytes());
            hash(digest, &self.fs.bytes(path).unwrap_or_default())
        })
    }
}
