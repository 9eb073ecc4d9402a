//! Many runs, and where they start.

use std::time::Instant;

use trine_testkit::{
    seeds,
    store_sim::{Scope, Subject, Tally, Violation, run},
};

/// Cycles unless `TRINE_SIM_CYCLES` says otherwise.
const CYCLES: u64 = 2_000;

/// Runs seed after seed, on all cores, until `TRINE_SIM_CYCLES` crash/recover cycles were made, or `most`.
///
/// # Panics
/// At a violation, with the seed and the command that repeats it.
pub(crate) fn run_many<S: Subject>(subject: impl Fn(u64) -> S + Sync, most: u64) -> Tally {
    let scope = Scope { trace: seeds::number("TRINE_SIM_TRACE").is_some_and(|n| n > 0), ..Scope::default() };
    let (seeds, _) = seeds::wanted(CYCLES, scope.lives);
    let seeds = seeds.start..seeds.end.min(seeds.start + most.div_ceil(scope.lives.into()));
    let (mut tally, start) = (Tally::default(), Instant::now());
    let failed = seeds::run_all(seeds, |seed| run(&subject(seed), seed, scope), |outcome| tally.add(&outcome.tally));
    if let Err(failed) = failed {
        panic!("{}", failed.what);
    }
    println!("{:.0} cycles/s: {tally:#?}", tally.cycles as f64 / start.elapsed().as_secs_f64());
    tally
}

/// Runs until a violation is found; how many seeds it took.
pub(crate) fn caught_within<S: Subject>(subject: impl Fn(u64) -> S, seeds: u64) -> Option<(u64, Violation)> {
    (seeds::FIRST..seeds::FIRST + seeds).find_map(|seed| {
        let violation = run(&subject(seed), seed, Scope::default()).err()?;
        Some((seed + 1 - seeds::FIRST, violation))
    })
}
