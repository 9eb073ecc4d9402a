//! Many runs, and where they start.

use std::{env, time::Instant};

use trine_testkit::store_sim::{Scope, Subject, Tally, Violation, run};

/// Seeds start here unless `TRINE_SIM_SEED` says otherwise.
const SEED: u64 = 1;

/// The first seed.
pub(crate) fn first_seed() -> u64 {
    number("TRINE_SIM_SEED").unwrap_or(SEED)
}

/// A number in the environment.
///
/// # Panics
/// When it is none.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

/// Runs seed after seed until that many cycles were made.
///
/// # Panics
/// At the first violation, with the seed and the command that repeats it.
pub(crate) fn run_many(subject: &dyn Subject, cycles: u64) -> Tally {
    let mut tally = Tally::default();
    let start = Instant::now();
    for seed in first_seed().. {
        match run(subject, seed, Scope::default()) {
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
pub(crate) fn caught_within(subject: &dyn Subject, seeds: u64) -> Option<(u64, Violation)> {
    (0..seeds)
        .find_map(|index| run(subject, SEED + index, Scope::default()).err().map(|violation| (index + 1, violation)))
}
