//! Background writes at a bounded rate, because they slow down the log's syncs (decision E15).

use std::time::Duration;

/// Says when the next slice may be written.
#[derive(Default)]
pub(crate) struct Pacer {
    ready_at: Duration,
}

impl Pacer {
    pub(crate) fn ready(&self, now: Duration) -> bool {
        now >= self.ready_at
    }

    /// `bytes` were written; at `rate` bytes per second (0: no bound).
    pub(crate) fn spend(&mut self, bytes: usize, rate: u64, now: Duration) {
        if rate > 0 {
            self.ready_at = self.ready_at.max(now) + Duration::from_secs_f64(bytes as f64 / rate as f64);
        }
    }

    /// How long until the next slice.
    pub(crate) fn wait(&self, now: Duration) -> Duration {
        self.ready_at.saturating_sub(now)
    }
}

/// The rate while the log has `wal` bytes: `base` within its budget, then rising, ninefold at twice the budget.
pub(crate) fn rate(base: u64, wal: u64, budget: u64) -> u64 {
    let over = wal.saturating_sub(budget);
    base + (base as f64 * 8.0 * (over as f64 / budget.max(1) as f64)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_one_rate() {
        let mut pacer = Pacer::default();
        let mut now = Duration::from_secs(5);
        let mut written = 0;
        while now < Duration::from_secs(6) {
            if pacer.ready(now) {
                pacer.spend(1 << 20, 100 << 20, now);
                written += 1;
            }
            now += Duration::from_millis(1);
        }
        assert!((95..=101).contains(&written), "{written}");
        pacer.spend(1 << 30, 0, now);
        assert!(pacer.wait(now) < Duration::from_millis(20));
    }

    #[test]
    fn the_rate_rises_only_above_the_budget() {
        assert_eq!(rate(100, 10, 10), 100);
        assert_eq!(rate(100, 15, 10), 500);
        assert_eq!(rate(100, 20, 10), 900);
        assert_eq!(rate(0, 20, 10), 0);
    }
}
