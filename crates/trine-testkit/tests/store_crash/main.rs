//! Crash simulation of the stores (decision E13): `TRINE_SIM_CYCLES` crash/recover cycles (default 2000), seeds from `TRINE_SIM_SEED` (default 1) up.

mod naive;
mod runs;

use self::{
    naive::{Bug, Naive},
    runs::{caught_within, run_many},
};

/// Cycles that the simple store gets: it is there to prove the simulation, not itself.
const NAIVE_CYCLES: u64 = 1_000;

#[test]
fn a_right_store_is_accepted() {
    let tally = run_many(&Naive(Bug::None), NAIVE_CYCLES);
    assert!(tally.lost > 0 && tally.full > 0 && tally.failures > 0 && tally.recoveries_broken > 0, "{tally:?}");
    assert!(tally.flips_reported > 0 && tally.flips_exempt > 0 && tally.flips_harmless > 0, "{tally:?}");
}

#[test]
fn every_planted_bug_is_caught() {
    let bugs = [
        Bug::AckBeforeSync,
        Bug::RetrySync,
        Bug::NoChecksum,
        Bug::NoDirSync,
        Bug::SilentDamage,
        Bug::TrustsPageCache,
        Bug::HalfBatch,
        Bug::ForgetsInterval,
    ];
    for bug in bugs {
        let (seeds, violation) = caught_within(&Naive(bug), 300).unwrap_or_else(|| panic!("{bug:?} was not caught"));
        println!("{bug:?} caught after {seeds} seeds: {violation}");
    }
}
