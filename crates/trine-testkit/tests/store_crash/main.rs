//! Crash simulation of the stores (decision E13): `TRINE_SIM_CYCLES` crash/recover cycles (default 2000), seeds from `TRINE_SIM_SEED` (default 1) up.

mod local;
mod naive;
mod runs;

use trine_testkit::store_sim::{Scope, Tally, run};

use self::{
    local::Local,
    naive::{Bug, Naive},
    runs::{caught_within, run_many},
};

/// Cycles that the simple store gets: it is there to prove the simulation, not itself.
const NAIVE_CYCLES: u64 = 1_000;
/// Seeds within which a planted bug of the local store is caught, ten lives each.
const FEW_SEEDS: u64 = 10;

#[test]
fn the_local_store_keeps_its_promises() {
    let tally = run_many(Local::new, u64::MAX);
    let reached = [
        tally.cuts,
        tally.kills,
        tally.stops,
        tally.lost,
        tally.sections,
        tally.live_answers,
        tally.rewrites,
        tally.full,
        tally.failures,
        tally.recoveries_broken,
        tally.flips_reported,
        tally.flips_harmless,
    ];
    // A simulation that never came there has not tested it. One seed alone need not.
    assert!(tally.cycles < 1_000 || reached.iter().all(|&count| count > 0), "{tally:?}");
}

#[test]
fn the_local_store_is_caught_when_it_answers_before_the_sync() {
    let (seeds, violation) =
        caught_within(Local::acknowledging_early, FEW_SEEDS).expect("the planted bug was not caught");
    println!("caught after {seeds} seeds: {violation}");
    assert!(violation.what.contains("were answered"), "caught for another reason: {violation}");
}

#[test]
fn a_seed_repeats_to_the_byte() {
    for seed in 1..=FEW_SEEDS {
        let once = || run(&Local::new(seed), seed, Scope::default()).map_err(|violation| violation.to_string());
        assert_eq!(once(), once(), "seed {seed}");
    }
}

#[test]
fn a_right_store_is_accepted() {
    let tally = run_many(|_| Naive(Bug::None), NAIVE_CYCLES);
    let Tally { lost, full, failures, recoveries_broken, flips_reported, flips_exempt, flips_harmless, .. } = tally;
    let reached = [lost, full, failures, recoveries_broken, flips_reported, flips_exempt, flips_harmless];
    assert!(tally.cycles < NAIVE_CYCLES || reached.iter().all(|&count| count > 0), "{tally:?}");
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
        let (seeds, violation) = caught_within(|_| Naive(bug), 300).unwrap_or_else(|| panic!("{bug:?} was not caught"));
        println!("{bug:?} caught after {seeds} seeds: {violation}");
    }
}
