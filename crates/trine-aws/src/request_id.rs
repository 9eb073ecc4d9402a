//! Request ids.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use trine_env::Rng;
use trine_types::Uuid;

/// What `x-amzn-RequestId` says: an id that looks random, printed as a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestId(Uuid);

impl RequestId {
    /// The id as text.
    #[must_use]
    pub fn to_text(self) -> String {
        self.0.hyphenated()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

/// Makes request ids. They are no secret and have only to differ, also from those of other servers: a random beginning and a count, both mixed well, so that
/// a request costs no system call.
#[derive(Debug)]
pub(crate) struct RequestIds {
    begin: [u64; 2],
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(rng: &dyn Rng) -> Self {
        Self { begin: [rng.next_u64(), rng.next_u64()], next: AtomicU64::new(0) }
    }

    /// Another id.
    pub(crate) fn next(&self) -> RequestId {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let [high, low] = self.begin;
        let (high, low) = (mix(high.wrapping_add(n)), mix(low.wrapping_sub(n)));
        RequestId(Uuid::from_random((u128::from(high) << 64 | u128::from(low)).to_be_bytes()))
    }
}

/// A permutation of the 64-bit numbers under which neighbours look unrelated (the finalizer of SplitMix64).
const fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn prints_as_a_uuid() {
        let id = RequestId(Uuid([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]));
        assert_eq!(id.to_string(), "00010203-0405-0607-0809-0a0b0c0d0eff");
    }

    #[test]
    fn ids_differ_and_are_of_version_4() {
        let ids = RequestIds { begin: [7, u64::MAX], next: AtomicU64::new(0) };
        let texts: HashSet<String> = (0..10_000).map(|_| ids.next().to_text()).collect();
        assert_eq!(texts.len(), 10_000);
        assert!(texts.iter().all(|text| text.as_bytes()[14] == b'4'));
    }
}
