//! Many seeds on all cores. Each is a world of its own, run by one thread from beginning to end, so neither the number of threads nor their order changes
//! what a seed does.

use std::{
    any::Any,
    env,
    fmt::Display,
    num::NonZero,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use parking_lot::Mutex;

/// Seeds start here unless `TRINE_SIM_SEED` says otherwise.
pub const FIRST: u64 = 1;

/// A seed whose run broke a promise or panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The seed; all below it in the range ran clean.
    pub seed: u64,
    /// What is wrong, and how to repeat it.
    pub what: String,
}

/// A number in the environment.
///
/// # Panics
/// When the variable holds anything else.
#[must_use]
pub fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

/// The seeds that make `TRINE_SIM_CYCLES` (or `default`) crash/recover cycles with that many in each, from `TRINE_SIM_SEED` up; and the cycles.
#[must_use]
pub fn wanted(default: u64, cycles_of_one: u32) -> (Range<u64>, u64) {
    let cycles = number("TRINE_SIM_CYCLES").unwrap_or(default);
    let first = number("TRINE_SIM_SEED").unwrap_or(FIRST);
    (first..first + cycles.div_ceil(cycles_of_one.into()), cycles)
}

/// Runs every seed, on as many threads as there are cores, and hands what each made to `each`, in no order.
///
/// # Errors
/// The lowest seed that failed. Seeds above one that failed may not have been run.
pub fn run_all<T, E: Display>(
    seeds: Range<u64>,
    run: impl Fn(u64) -> Result<T, E> + Sync,
    each: impl FnMut(T) + Send,
) -> Result<(), Failed> {
    let next = AtomicU64::new(seeds.start);
    // Nobody begins at or above this seed: the end, and from the first failure on the lowest that failed.
    let end = AtomicU64::new(seeds.end);
    let found = Mutex::new((each, None::<Failed>));
    thread::scope(|threads| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            threads.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= end.load(Ordering::SeqCst) {
                        break;
                    }
                    let result = catch_unwind(AssertUnwindSafe(|| run(seed)));
                    let (each, lowest) = &mut *found.lock();
                    let what = match result {
                        Ok(Ok(made)) => {
                            each(made);
                            continue;
                        }
                        Ok(Err(violation)) => violation.to_string(),
                        Err(panic) => format!("seed {seed} panicked: {}", text_of(&*panic)),
                    };
                    end.fetch_min(seed, Ordering::SeqCst);
                    if lowest.as_ref().is_none_or(|lowest| seed < lowest.seed) {
                        *lowest = Some(Failed { seed, what });
                    }
                }
            });
        }
    });
    match found.into_inner().1 {
        Some(failed) => Err(failed),
        None => Ok(()),
    }
}

/// What a panic said.
fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_run_once() {
        let mut made = Vec::new();
        assert_eq!(run_all(3..300, Ok::<_, String>, |seed| made.push(seed)), Ok(()));
        made.sort_unstable();
        assert!(made.into_iter().eq(3..300));
    }

    #[test]
    fn the_lowest_seed_that_fails_is_reported() {
        let run = |seed| match seed {
            0..40 => Ok(()),
            _ => Err(format!("{seed} is too much")),
        };
        for _ in 0..50 {
            let failed = run_all(0..100, run, |()| {}).expect_err("seeds from 40 on fail");
            assert_eq!(failed, Failed { seed: 40, what: "40 is too much".to_owned() });
        }
    }

    #[test]
    fn a_panic_tells_its_seed() {
        let run = |seed| if seed == 7 { panic!("at {seed}") } else { Ok::<_, String>(()) };
        let failed = run_all(0..9, run, |()| {}).expect_err("seed 7 panics");
        assert_eq!(failed, Failed { seed: 7, what: "seed 7 panicked: at 7".to_owned() });
    }
}
