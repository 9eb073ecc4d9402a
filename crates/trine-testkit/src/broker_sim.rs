//! Crash simulation of the whole broker: clients, shards, store and disk on one thread and virtual time.
//!
//! A run is one data directory through several lives. In each life clients create, grow and delete topics, produce with and without idempotence, fetch,
//! commit, trim, ask for producer ids, and the life ends by a power cut, a kill, a failing disk or a clean stop at a random moment. The next one recovers and
//! is compared with what the clients know:
//!
//! * every record that was acknowledged or seen is at its offset with its value; offsets have no gaps; nothing is invented, nothing is there twice;
//! * a batch is there whole or not at all;
//! * an idempotent producer that repeats what it got no answer for neither loses nor doubles it;
//! * topics whose creation was answered exist under the same id, deleted ones do not; a topic made again is empty;
//! * a commit never goes back behind one that was answered; a log start never goes back;
//! * producer ids are never given twice;
//! * compaction takes superseded records only;
//! * messages of queues: see `queues`;
//! * topics with `durability = interval` lose nothing by a kill, and after a power cut at most a suffix, with a new leader epoch.
//!
//! Everything follows from the seed. A violation prints it.

mod life;
mod model;
mod ops;
mod queues;
mod recover;

use std::fmt;

use trine_storage::Opened;

pub use self::life::run;

/// What stands between the broker and the store: nothing, or a bug to be caught.
pub type Wrap<'w> = &'w dyn Fn(Opened) -> Opened;

/// How much a run does.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Lives of the directory.
    pub lives: u32,
    /// Most steps of one life.
    pub steps_max: u64,
    /// Whether disks fail and fill.
    pub faults: bool,
    /// Whether every answer of a queue is told on standard error.
    pub trace: bool,
}

impl Default for Scope {
    fn default() -> Self {
        Self { lives: 8, steps_max: 250, faults: true, trace: false }
    }
}

/// What a run (or many) did: a simulation that never reached a corner has not tested it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Crash/recover cycles.
    pub cycles: u64,
    /// Power cuts.
    pub cuts: u64,
    /// Processes killed.
    pub kills: u64,
    /// Clean stops.
    pub stops: u64,
    /// Stores that stopped because the disk failed.
    pub failures: u64,
    /// Recoveries that failed because the disk did.
    pub recoveries_broken: u64,
    /// Batches answered as appended.
    pub appended: u64,
    /// Batches refused because the disk was full.
    pub full: u64,
    /// Batches of idempotent producers that were sent again after a crash.
    pub repeated: u64,
    /// Of these, batches that were there already.
    pub duplicates: u64,
    /// Records read and compared.
    pub read: u64,
    /// Commits answered.
    pub commits: u64,
    /// Topics whose creation was answered.
    pub created: u64,
    /// Topics whose deletion was answered.
    pub deleted: u64,
    /// Trims answered.
    pub trims: u64,
    /// Operations under way when a life ended.
    pub cut_off: u64,
    /// Answered records of topics and messages of queues with an interval that a power cut took.
    pub lost_by_interval: u64,
    /// Superseded records that compaction took.
    pub compacted: u64,
    /// Messages sent to queues, answered.
    pub sent: u64,
    /// Messages delivered.
    pub deliveries: u64,
    /// Acknowledgements answered.
    pub acks: u64,
    /// Messages compared after a recovery.
    pub peeked: u64,
    /// Purges answered.
    pub purges: u64,
    /// Changes of settings answered.
    pub altered: u64,
    /// Queues whose creation was answered.
    pub queues_made: u64,
    /// Queues whose deletion was answered.
    pub queues_deleted: u64,
    /// Move tasks started.
    pub moves: u64,
    /// Receipts of deleted queues that later ones refused.
    pub stale_refused: u64,
    /// Messages that a queue refused, because it was full or gone.
    pub refused: u64,
    /// Stored messages that a purge, the end of their queue or of their time took.
    pub taken_away: u64,
    /// Messages of queues in memory that a restart took.
    pub forgotten: u64,
}

impl Tally {
    /// Adds what another run did.
    pub fn add(&mut self, other: &Self) {
        let fields = [
            (&mut self.cycles, other.cycles),
            (&mut self.cuts, other.cuts),
            (&mut self.kills, other.kills),
            (&mut self.stops, other.stops),
            (&mut self.failures, other.failures),
            (&mut self.recoveries_broken, other.recoveries_broken),
            (&mut self.appended, other.appended),
            (&mut self.full, other.full),
            (&mut self.repeated, other.repeated),
            (&mut self.duplicates, other.duplicates),
            (&mut self.read, other.read),
            (&mut self.commits, other.commits),
            (&mut self.created, other.created),
            (&mut self.deleted, other.deleted),
            (&mut self.trims, other.trims),
            (&mut self.cut_off, other.cut_off),
            (&mut self.lost_by_interval, other.lost_by_interval),
            (&mut self.compacted, other.compacted),
            (&mut self.sent, other.sent),
            (&mut self.deliveries, other.deliveries),
            (&mut self.acks, other.acks),
            (&mut self.peeked, other.peeked),
            (&mut self.purges, other.purges),
            (&mut self.altered, other.altered),
            (&mut self.queues_made, other.queues_made),
            (&mut self.queues_deleted, other.queues_deleted),
            (&mut self.moves, other.moves),
            (&mut self.stale_refused, other.stale_refused),
            (&mut self.refused, other.refused),
            (&mut self.taken_away, other.taken_away),
            (&mut self.forgotten, other.forgotten),
        ];
        for (sum, value) in fields {
            *sum += value;
        }
    }
}

/// A broken promise.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Seed of the run.
    pub seed: u64,
    /// Life in which it was noticed.
    pub life: u32,
    /// Step of that life; 0 is its recovery.
    pub step: u64,
    /// What was promised and what was found.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, life, step, what } = self;
        writeln!(f, "seed {seed}, life {life}, step {step}: {what}")?;
        write!(f, "again: TRINE_SIM_SEED={seed} TRINE_SIM_CYCLES=1 cargo test -p trine-testkit --test broker_crash")
    }
}

/// The result of a check: what is wrong.
type Check = Result<(), String>;

/// Fails with a message unless the condition holds.
macro_rules! ensure {
    ($cond:expr, $($message:tt)*) => {
        if !$cond {
            return Err(format!($($message)*));
        }
    };
}
use ensure;
