//! Latencies: a log-linear histogram of microseconds.

/// Linear buckets per power of two: about 1.6 % resolution.
const SUB: usize = 64;
const SUB_BITS: u32 = SUB.trailing_zeros();

/// Counts of durations, mergeable.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max_us: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; SUB * (64 - SUB_BITS as usize)], total: 0, max_us: 0 }
    }
}

impl Histogram {
    fn bucket(us: u64) -> usize {
        if us < SUB as u64 {
            return us as usize;
        }
        let shift = 63 - us.leading_zeros() - SUB_BITS;
        ((shift as usize + 1) << SUB_BITS) + ((us >> shift) as usize - SUB)
    }

    const fn lowest_of(bucket: usize) -> u64 {
        if bucket < SUB {
            return bucket as u64;
        }
        let shift = (bucket >> SUB_BITS) - 1;
        ((bucket % SUB + SUB) as u64) << shift
    }

    /// Counts one duration in microseconds.
    pub fn record(&mut self, us: u64) {
        if let Some(count) = self.counts.get_mut(Self::bucket(us)) {
            *count += 1;
        }
        self.total += 1;
        self.max_us = self.max_us.max(us);
    }

    /// Adds another histogram's counts.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.max_us = self.max_us.max(other.max_us);
    }

    /// Number of durations.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// The duration in milliseconds that this share (0 to 1) of all is not above; 0 when nothing was counted.
    #[must_use]
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let wanted = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Self::lowest_of(bucket).min(self.max_us) as f64 / 1000.0;
            }
        }
        self.max_us as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_monotonic_and_within_two_percent() {
        let mut last = 0;
        for us in (0..5000).chain((5000..100_000_000).step_by(99_991)) {
            let bucket = Histogram::bucket(us);
            assert!(bucket >= last);
            last = bucket;
            let low = Histogram::lowest_of(bucket);
            assert!(low <= us && us - low <= us / 50, "{us} fell into a bucket from {low}");
        }
    }

    #[test]
    fn quantiles_of_a_ramp() {
        let mut h = Histogram::default();
        for us in 1..=1000 {
            h.record(us);
        }
        assert!((h.quantile_ms(0.5) - 0.5).abs() < 0.02);
        assert!((h.quantile_ms(1.0) - 1.0).abs() < 0.02);
        let mut other = Histogram::default();
        other.record(1_000_000);
        h.merge(&other);
        assert_eq!((h.count(), h.quantile_ms(1.0)), (1001, 999.424));
    }
}
