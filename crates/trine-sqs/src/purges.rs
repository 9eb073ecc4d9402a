//! When queues were purged last. Session state: a restart forgets it.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use trine_types::Uuid;

/// Most queues remembered; beyond it the oldest purges are forgotten early.
const REMEMBERED_MAX: usize = 10_000;

/// The last purge of each queue that had one within the interval.
#[derive(Default)]
pub(crate) struct Purges(Mutex<HashMap<Uuid, Duration>>);

impl Purges {
    /// Whether a purge may begin at `now` (connection time); if so it counts as begun.
    pub(crate) fn begin(&self, queue: Uuid, now: Duration, interval: Duration) -> bool {
        if interval.is_zero() {
            return true;
        }
        let mut last = self.0.lock();
        let recent = |at: &Duration| now.saturating_sub(*at) < interval;
        if last.get(&queue).is_some_and(recent) {
            return false;
        }
        if last.len() >= REMEMBERED_MAX {
            last.retain(|_, at| recent(at));
            let oldest = last.iter().min_by_key(|(_, at)| **at).map(|(queue, _)| *queue);
            if let Some(oldest) = oldest.filter(|_| last.len() >= REMEMBERED_MAX) {
                last.remove(&oldest);
            }
        }
        last.insert(queue, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn one_purge_a_minute_and_queue() {
        let purges = Purges::default();
        let (a, b) = (Uuid([1; 16]), Uuid([2; 16]));
        assert!(purges.begin(a, at(10), MINUTE));
        assert!(!purges.begin(a, at(69), MINUTE));
        assert!(purges.begin(b, at(69), MINUTE));
        assert!(purges.begin(a, at(70), MINUTE));
        assert!(purges.begin(a, at(70), Duration::ZERO));
    }

    #[test]
    fn memory_is_bounded() {
        let purges = Purges::default();
        for i in 0..REMEMBERED_MAX as u128 + 10 {
            assert!(purges.begin(Uuid(i.to_be_bytes()), at(i as u64 / 1000), MINUTE));
        }
        assert_eq!(purges.0.lock().len(), REMEMBERED_MAX);
    }
}
