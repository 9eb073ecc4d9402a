//! Many runs, and where they start.

use std::{
    env,
    num::NonZero,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use parking_lot::Mutex;
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

/// Runs seed after seed, on all cores, until that many cycles were made. Each run is one thread's own and repeats from its seed.
///
/// # Panics
/// At a violation, with the seed and the command that repeats it.
pub(crate) fn run_many<S: Subject>(subject: impl Fn(u64) -> S + Sync, cycles: u64) -> Tally {
    let scope = Scope { trace: number("TRINE_SIM_TRACE").is_some_and(|n| n > 0), ..Scope::default() };
    let runs = cycles.div_ceil(scope.lives.into());
    let first = number("TRINE_SIM_SEED").unwrap_or(SEED);
    let next = AtomicU64::new(first);
    let found = Mutex::new((Tally::default(), Vec::<Violation>::new()));
    let start = Instant::now();
    thread::scope(|threads| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            threads.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + runs || !found.lock().1.is_empty() {
                        break;
                    }
                    let result = run(&subject(seed), seed, scope);
                    let mut found = found.lock();
                    match result {
                        Ok(outcome) => found.0.add(&outcome.tally),
                        Err(violation) => found.1.push(violation),
                    }
                }
            });
        }
    });
    let (tally, violations) = found.into_inner();
    if let Some(violation) = violations.iter().min_by_key(|violation| violation.seed) {
        panic!("{violation}");
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
