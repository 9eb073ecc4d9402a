//! Decides, operation by operation, what fails.

use std::io;

use super::faults::{Counts, Faults, due};
use crate::rng::Seeded;

/// What happens to one operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It works.
    Works,
    /// It fails with EIO.
    Fails,
    /// The power fails in the middle of it.
    Cut,
}

/// The kinds of operations that can fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    Write { len: u64, direct: bool },
    Sync,
    SyncDir,
    Meta,
}

#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) rng: Seeded,
    pub(super) counts: Counts,
    faults: Faults,
    cut: bool,
}

impl Plan {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: Seeded::new(seed), counts: Counts::default(), faults: Faults::default(), cut: false }
    }

    pub(super) fn set(&mut self, faults: Faults) {
        self.faults = faults;
    }

    pub(super) fn reseed(&mut self, seed: u64) {
        self.rng = Seeded::new(seed);
    }

    pub(super) const fn is_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn switch_on(&mut self) {
        self.cut = false;
        self.faults.cut_at = None;
    }

    /// Counts a change and decides about it.
    pub(super) fn change(&mut self, deed: Deed) -> Fate {
        self.counts.changes += 1;
        let (nth, probability) = match deed {
            Deed::Write { len, direct } => {
                self.counts.writes += 1;
                self.counts.direct_writes += u64::from(direct);
                self.counts.bytes_written += len;
                (due(&mut self.faults.nth_write), self.faults.write_fails)
            }
            Deed::Sync => {
                self.counts.syncs += 1;
                (due(&mut self.faults.nth_sync), self.faults.sync_fails)
            }
            Deed::SyncDir => {
                self.counts.dir_syncs += 1;
                (false, self.faults.dir_sync_fails)
            }
            Deed::Meta => (false, self.faults.meta_fails),
        };
        if due(&mut self.faults.cut_at) {
            self.cut = true;
            return Fate::Cut;
        }
        if nth || self.rng.chance(probability) { Fate::Fails } else { Fate::Works }
    }

    /// Whether the next read fails.
    pub(super) fn read_fails(&mut self) -> bool {
        self.counts.reads += 1;
        self.rng.chance(self.faults.read_fails)
    }

    /// Whether the next read that must not wait would have to.
    pub(super) fn read_waits(&mut self) -> bool {
        self.rng.chance(self.faults.read_waits)
    }

    /// Whether the kernel writes something back after this write.
    pub(super) fn writes_back(&mut self) -> bool {
        self.rng.chance(self.faults.writeback)
    }

    /// How much of an operation on `len` bytes happens before it fails.
    pub(super) fn part(&mut self, len: usize) -> usize {
        self.rng.below(len as u64 + 1) as usize
    }
}

/// EIO, as Linux reports it.
pub(super) fn io_error() -> io::Error {
    io::Error::from_raw_os_error(EIO)
}

/// What everything answers once the power is off.
pub(super) fn power_cut() -> io::Error {
    io::Error::other("the power is cut")
}

/// `EIO` of every Unix.
const EIO: i32 = 5;
