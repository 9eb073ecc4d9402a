//! A run: lives of one directory, one after the other.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::Arc,
    time::Duration,
};

use trine_broker::{Access, Broker, BrokerConfig, BrokerParts, OpenError, inline::InlineHost};
use trine_env::{Faults, Seeded, SimClock, SimFs, SimRng};
use trine_storage::{Engine, LocalOptions, LocalStore};
use trine_types::{Timestamp, Uuid};

use super::{
    Check, Scope, Tally, Violation, Wrap,
    model::Model,
    ops::{Pending, Producer},
    queues,
};

const START: Timestamp = Timestamp(1_700_000_000_000);
/// Rounds in which an operation with a working disk must be done.
const ROUNDS_MAX: u32 = 20_000;
/// A process does not end and start within the same millisecond; receipts tell messages from before and after by the time of their sending.
const RESTART: Duration = Duration::from_millis(2);
/// The data directory.
const DIR: &str = "/data";

/// A run in progress.
pub(super) struct World<'w> {
    pub(super) wrap: Wrap<'w>,
    pub(super) scope: Scope,
    pub(super) rng: Seeded,
    pub(super) fs: SimFs,
    pub(super) clock: SimClock,
    pub(super) model: Model,
    pub(super) queues: queues::Model,
    /// Share of what clients do that is about queues.
    pub(super) queue_share: f64,
    pub(super) producers: BTreeMap<(Uuid, u32), Producer>,
    /// Whether written but unsynced data may be gone after the last end.
    pub(super) power_cut: bool,
    /// Whether the disk is bounded in this life.
    pub(super) bounded: bool,
    /// Whether a write or sync may fail in this life without anybody saying so at once.
    pub(super) sync_fails: bool,
    pub(super) next_record: u64,
    pub(super) tally: Tally,
    pub(super) life: u32,
    pub(super) step: u64,
}

/// A running broker.
pub(super) struct Live {
    pub(super) broker: Broker,
    pub(super) host: InlineHost,
    pub(super) engine: Box<dyn Engine>,
    pub(super) pending: VecDeque<Pending>,
}

/// Runs one directory through its lives.
///
/// # Errors
/// The first broken promise.
pub fn run(wrap: Wrap<'_>, seed: u64, scope: Scope) -> Result<Tally, Violation> {
    let mut rng = Seeded::new(seed);
    let queue_share = [0.0, 0.5, 0.9][rng.below(3) as usize];
    let mut world = World {
        wrap,
        scope,
        fs: SimFs::new(rng.next_u64()),
        rng,
        clock: SimClock::new(START),
        model: Model::default(),
        queues: queues::Model::default(),
        queue_share,
        producers: BTreeMap::new(),
        power_cut: false,
        bounded: false,
        sync_fails: false,
        next_record: 1,
        tally: Tally::default(),
        life: 0,
        step: 0,
    };
    match world.all_lives() {
        Ok(()) => Ok(world.tally),
        Err(what) => Err(Violation { seed, life: world.life, step: world.step, what }),
    }
}

impl World<'_> {
    fn all_lives(&mut self) -> Check {
        for life in 0..=self.scope.lives {
            (self.life, self.step) = (life, 0);
            let mut live = self.recover()?;
            if life == self.scope.lives {
                // Tasks hold the broker, which holds them.
                live.host.kill();
                return Ok(());
            }
            self.plan_faults();
            let steps = self.rng.below(self.scope.steps_max) + 1;
            while self.step < steps && !self.fs.is_cut() && live.broker.failed().is_none() {
                self.step += 1;
                self.one_step(&mut live)?;
            }
            self.end_life(live)?;
            if self.scope.trace {
                eprintln!("life {life} ended, power cut {}", self.power_cut);
            }
            self.tally.cycles += 1;
        }
        Ok(())
    }

    /// Opens the broker on a disk that may fail once, then on a healthy one, and compares everything.
    fn recover(&mut self) -> Result<Live, String> {
        if self.scope.faults && self.rng.chance(0.1) {
            let faults = Faults { cut_at: Some(self.rng.below(20) + 1), ..Faults::default() };
            self.fs.set_faults(faults);
        }
        let mut live = match self.open() {
            Ok(live) if !self.fs.is_cut() => live,
            broken if self.fs.is_cut() => {
                broken.into_iter().for_each(|live| live.host.kill());
                self.tally.recoveries_broken += 1;
                self.power_cut = true;
                self.fs = self.fs.crash();
                self.healthy_disk();
                self.open().map_err(|error| format!("recovery on a healthy disk failed: {error}"))?
            }
            Ok(live) => live,
            Err(error) => return Err(format!("recovery failed: {error}")),
        };
        self.healthy_disk();
        self.check_everything(&mut live)?;
        self.power_cut = false;
        Ok(live)
    }

    pub(super) fn healthy_disk(&mut self) {
        self.bounded = false;
        self.fs.set_capacity(None);
        self.fs.set_faults(Faults::default());
    }

    fn open(&mut self) -> Result<Live, OpenError> {
        self.clock.advance(RESTART);
        let host = InlineHost::new(Arc::new(self.clock.clone()));
        let mut config = BrokerConfig { sweep_every: Duration::from_millis(500), ..BrokerConfig::default() };
        config.groups.initial_rebalance_delay = Duration::ZERO;
        let parts = BrokerParts {
            config,
            access: Access::allow_all(),
            clock: Arc::new(self.clock.clone()),
            rng: Arc::new(SimRng::new(self.rng.next_u64())),
            host: Arc::new(host.clone()),
        };
        let (fs, clock, rng) = (self.fs.clone(), self.clock.clone(), SimRng::new(self.rng.next_u64()));
        let recovered = Broker::recover(parts, |waker, replay| {
            let options = LocalOptions::small();
            let (fs, clock, rng) = (Arc::new(fs), Arc::new(clock), Arc::new(rng));
            LocalStore::open(fs, clock, rng, Path::new(DIR), options, waker, replay, &mut |_, _| {}).map(self.wrap)
        })?;
        let (broker, engine) = recovered.launch();
        let mut live = Live { broker: broker.clone(), host, engine, pending: VecDeque::new() };
        match self.block_on(&mut live, broker.ready()) {
            Some(ready) => ready.map_err(OpenError::Write)?,
            None => return Err(OpenError::Write(trine_broker::Failure::Unknown)),
        }
        Ok(live)
    }

    /// Runs a future while the store works; `None` when it does not complete, as on a disk that is cut off.
    pub(super) fn block_on<T>(&self, live: &mut Live, future: impl Future<Output = T>) -> Option<T> {
        let mut rounds = 0;
        let Live { host, engine, .. } = live;
        host.block_on(future, || {
            engine.commit();
            engine.maintain();
            self.clock.advance(Duration::from_millis(1));
            rounds += 1;
            rounds < ROUNDS_MAX && !self.fs.is_cut()
        })
    }

    /// Decides what the disk does in this life.
    fn plan_faults(&mut self) {
        let rng = &mut self.rng;
        let mut faults = Faults { writeback: 0.05, read_waits: 0.3, ..Faults::default() };
        if rng.chance(0.5) {
            let within = [20, 100, 400][rng.below(3) as usize];
            faults.cut_at = Some(rng.below(within) + 1);
        }
        if self.scope.faults {
            if rng.chance(0.08) {
                faults.nth_sync = Some(rng.below(30) + 1);
            }
            if rng.chance(0.05) {
                faults.nth_write = Some(rng.below(60) + 1);
            }
            self.bounded = rng.chance(0.15);
        }
        self.sync_fails = faults.nth_sync.is_some() || faults.nth_write.is_some();
        self.fs.set_faults(faults);
        self.fs.set_capacity(self.bounded.then(|| self.fs.used() + (100 << 10)));
    }

    fn one_step(&mut self, live: &mut Live) -> Check {
        match self.rng.below(16) {
            0..=8 => self.start_something(live),
            9..=11 => {
                live.engine.commit();
                if !self.sync_fails && !self.fs.is_cut() {
                    self.queues.log_was_synced(trine_env::Clock::mono(&self.clock));
                }
            }
            12 => {
                live.engine.maintain();
            }
            13 => {
                let ms = [1, 20, 600][self.rng.below(3) as usize];
                self.clock.advance(Duration::from_millis(ms));
            }
            _ => live.host.step(),
        }
        if self.rng.chance(0.5) {
            live.host.step();
        }
        self.poll_pending(live)
    }

    fn end_life(&mut self, mut live: Live) -> Check {
        if self.fs.is_cut() {
            self.tally.cuts += 1;
            return self.dies(live, true);
        }
        if live.broker.failed().is_some() {
            self.tally.failures += 1;
            let cut = self.rng.chance(0.5);
            return self.dies(live, cut);
        }
        match self.rng.below(4) {
            0 => {
                self.tally.kills += 1;
                self.dies(live, false)
            }
            1 => self.stops(&mut live).and_then(|stopped| match stopped {
                true => {
                    self.tally.stops += 1;
                    let Live { broker, host, engine, pending } = live;
                    let closed = engine.close();
                    host.kill();
                    drop((broker, pending));
                    // A disk that fails while the store closes has not closed it.
                    self.power_cut = closed.is_err();
                    self.fs = if closed.is_err() { self.fs.crash() } else { self.fs.kill() };
                    self.healthy_disk();
                    Ok(())
                }
                false => self.dies(live, true),
            }),
            _ => {
                self.tally.cuts += 1;
                self.dies(live, true)
            }
        }
    }

    /// Whether the broker stopped cleanly.
    fn stops(&mut self, live: &mut Live) -> Result<bool, String> {
        let broker = live.broker.clone();
        let stopped = self.block_on(live, broker.shutdown(Duration::from_secs(3600)));
        self.poll_pending(live)?;
        Ok(stopped.is_some_and(|stopped| stopped.is_ok()) && live.broker.failed().is_none() && !self.fs.is_cut())
    }

    /// The process is gone, and with `cut` everything that was not synced.
    fn dies(&mut self, live: Live, cut: bool) -> Check {
        let Live { broker, host, engine, pending } = live;
        host.kill();
        self.tally.cut_off += pending.len() as u64;
        for pending in pending {
            self.cut_off(pending);
        }
        drop((broker, engine));
        self.power_cut |= cut;
        self.fs = if cut { self.fs.crash() } else { self.fs.kill() };
        self.healthy_disk();
        Ok(())
    }
}
