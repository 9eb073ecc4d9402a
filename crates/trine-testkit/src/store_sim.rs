//! Crash simulation of a store: one thread, a simulated disk and clock, a model of what must be there.
//!
//! A run is one data directory through several lives. Each life appends, commits, maintains, reads, trims, drops, compacts and writes checkpoints in random
//! order, with or without faults of the disk, and ends by a power cut, a kill or a clean stop at a random point; the next one recovers, and everything is
//! compared with the model:
//!
//! * every batch answered as durable is there once, with the same bytes, in order; LSNs are dense; nothing is invented (G2, G3);
//! * batches are there whole or not at all (G1); what was written survives a kill;
//! * checkpoint + log give the same state as the log alone (decision E6);
//! * reads give the bytes appended, all of those that are live, whatever was reclaimed, trimmed or rewritten (G6, G8);
//! * a failed store stays failed and says nothing more (G7);
//! * a flipped bit in acknowledged data is reported with its file, or sits in what decision E8 exempts; wrong bytes are never returned.
//!
//! Everything follows from the seed. A violation prints it together with the command that repeats the run.

mod check;
mod content;
mod flip;
mod life;
mod model;
mod owner;
mod recover;
mod steps;

use std::{fmt, sync::Arc};

use trine_env::{Clock, Fs, Rng};
use trine_storage::{Opened, Replay, StoreError, Waker, Where};

pub use self::life::run;

/// The store under test.
pub trait Subject {
    /// Opens the directory [`DIR`] on this file system.
    ///
    /// # Errors
    /// Those of the store.
    fn open(&self, env: Env, replay: &mut dyn Replay) -> Result<Opened, StoreError>;

    /// Checks the directory offline, if the store can: what is damaged. `None`: it cannot.
    ///
    /// # Errors
    /// Those of the store.
    fn verify(&self, _fs: &dyn Fs) -> Result<Option<Vec<Where>>, StoreError> {
        Ok(None)
    }
}

/// Where the store under test lives.
pub const DIR: &str = "/data";

/// What a store is opened with.
pub struct Env {
    /// The simulated disk.
    pub fs: Arc<dyn Fs>,
    /// The simulated clock.
    pub clock: Arc<dyn Clock>,
    /// Seeded numbers.
    pub rng: Arc<dyn Rng>,
    /// Notes which shard groups were woken.
    pub waker: Waker,
}

/// How much a run does.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Lives of the directory: crash/recover cycles.
    pub lives: u32,
    /// Most steps of one life.
    pub steps_max: u64,
    /// Futures of each life's end in which one bit is flipped.
    pub flips: u32,
    /// Whether disks fail and fill.
    pub faults: bool,
    /// Whether every step is told on standard error.
    pub trace: bool,
}

impl Default for Scope {
    fn default() -> Self {
        Self { lives: 10, steps_max: 100, flips: 1, faults: true, trace: false }
    }
}

/// What a run (or many) did: a simulation that never reached a corner has not tested it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Crash/recover cycles.
    pub cycles: u64,
    /// Power cuts in the middle of an operation of the disk.
    pub cuts: u64,
    /// Processes killed.
    pub kills: u64,
    /// Clean stops.
    pub stops: u64,
    /// Batches appended.
    pub batches: u64,
    /// Batches whose durability was answered.
    pub durable: u64,
    /// Batches that were appended and not there after a crash.
    pub lost: u64,
    /// Checkpoints finished.
    pub checkpoints: u64,
    /// Sections found at recoveries.
    pub sections: u64,
    /// Requests for live ranges answered.
    pub live_answers: u64,
    /// Ranges rewritten.
    pub rewrites: u64,
    /// Record batches read back and compared.
    pub read: u64,
    /// Appends refused because the disk was full.
    pub full: u64,
    /// Stores that stopped because of an injected fault.
    pub failures: u64,
    /// Recoveries that were themselves interrupted or failed by an injected fault.
    pub recoveries_broken: u64,
    /// Bits flipped.
    pub flips: u64,
    /// Flips reported by recovery or by a read.
    pub flips_reported: u64,
    /// Flips in the exempt end of the log.
    pub flips_exempt: u64,
    /// Flips that hit nothing that matters.
    pub flips_harmless: u64,
}

impl Tally {
    /// Adds another run's figures.
    pub fn add(&mut self, other: &Self) {
        let fields = [
            (&mut self.cycles, other.cycles),
            (&mut self.cuts, other.cuts),
            (&mut self.kills, other.kills),
            (&mut self.stops, other.stops),
            (&mut self.batches, other.batches),
            (&mut self.durable, other.durable),
            (&mut self.lost, other.lost),
            (&mut self.checkpoints, other.checkpoints),
            (&mut self.sections, other.sections),
            (&mut self.live_answers, other.live_answers),
            (&mut self.rewrites, other.rewrites),
            (&mut self.read, other.read),
            (&mut self.full, other.full),
            (&mut self.failures, other.failures),
            (&mut self.recoveries_broken, other.recoveries_broken),
            (&mut self.flips, other.flips),
            (&mut self.flips_reported, other.flips_reported),
            (&mut self.flips_exempt, other.flips_exempt),
            (&mut self.flips_harmless, other.flips_harmless),
        ];
        for (sum, value) in fields {
            *sum += value;
        }
    }
}

/// What a run that found nothing wrong ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it did.
    pub tally: Tally,
    /// Of every byte on the disk at the end: equal for equal seeds.
    pub digest: u64,
}

/// A broken promise of the store.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The seed of the run.
    pub seed: u64,
    /// The life in which it was noticed, from 0.
    pub life: u32,
    /// The step of that life.
    pub step: u64,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, life, step, what } = self;
        write!(
            f,
            "{what}\n  seed {seed}, life {life}, step {step}; to repeat it:\n  \
             TRINE_SIM_SEED={seed} TRINE_SIM_CYCLES=1 cargo test -p trine-testkit --test store_crash -- --nocapture"
        )
    }
}

impl std::error::Error for Violation {}

/// A promise kept, or the text of a violation.
type Check<T = ()> = Result<T, String>;

/// Returns a violation unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err(format!($($text)+));
        }
    };
}
use ensure;

/// Tells a step, if somebody wants to know.
macro_rules! trace {
    ($world:expr, $($text:tt)+) => {
        if $world.scope.trace {
            eprintln!("{}.{}: {}", $world.life, $world.step, format!($($text)+));
        }
    };
}
use trace;
