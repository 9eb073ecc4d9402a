//! Many runs, and where they start.

use std::{env, time::Instant};

use trine_testkit::store_sim::{Scope, Subject, Tally, Violation, run};

/// Seeds start here unless `TRINE_SIM_SEED` says otherwise.
const SEED: u64 = 1;
/// Cycles unless `TRINE_SIM_CYCLES` says otherwise.
const CYCLES: u64 = 2_000;

/// Crash/recover cycles to make.
pub(crate) fn cycles() -> u64 {
    number("TRINE_SIM_CYCLES").unwrap_or(CYCLES)
}

/// A number in the environment.
fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

/// Runs seed after seed until that many cycles were made.
///
/// # Panics
/// At the first violation, with the seed and the command that repeats it.
pub(crate) fn run_many<S: Subject>(subject: impl Fn(u64) -> S, cycles: u64) -> Tally {
    let mut tally = Tally::default();
    let start = Instant::now();
    for seed in number("TRINE_SIM_SEED").unwrap_or(SEED).. {
        let scope = Scope { trace: number("TRINE_SIM_TRACE").is_some_and(|n| n > 0), ..Scope::default() };
        match run(&subject(seed), seed, scope) {
            Ok(outcome) => tally.add(&outcome.tally),
            Err(violation) => panic!("{violation}"),
        }
        if tally.cycles >= cycles {
            break;
        }
    }
    println!("{:.0} cycles/s: {tally:#?}", tally.cycles as f64 / start.elapsed().as_secs_f64());
    tally
}

/// Runs until a violation is found; how many seeds it took.
pub(crate) fn caught_within<S: Subject>(subject: impl Fn(u64) -> S, seeds: u64) -> Option<(u64, Violation)> {
    (SEED..SEED + seeds).find_map(|seed| {
        let violation = run(&subject(seed), seed, Scope::default()).err()?;
        Some((seed + 1 - SEED, violation))
    })
}
