//! Random numbers that repeat: xoshiro256++ seeded through SplitMix64, written out so that a seed means the same run for ever.

use parking_lot::Mutex;

use super::Rng;

/// A generator with a state of its own: the same seed gives the same numbers on every machine and in every release. Not secret.
#[derive(Clone, Debug)]
pub struct Seeded {
    state: [u64; 4],
}

impl Seeded {
    /// A generator that starts from `seed`. Neighbouring seeds give unrelated numbers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut x = seed;
        let state = [(); 4].map(|()| {
            x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = x;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        });
        Self { state }
    }

    /// The next 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number in `0..bound`; 0 when `bound` is 0. The bias (< bound / 2^64) does not matter in tests.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// True with this probability (0.0 never, 1.0 always). Never and always use no number, so that switching a fault off changes nothing else of a run.
    #[inline]
    pub fn chance(&mut self, probability: f64) -> bool {
        if probability <= 0.0 {
            return false;
        }
        probability >= 1.0 || ((self.next_u64() >> 11) as f64) < probability * (1u64 << 53) as f64
    }

    /// Fills the buffer with random bytes.
    pub fn fill(&mut self, buf: &mut [u8]) {
        for chunk in buf.chunks_mut(8) {
            let bytes = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// A [`Seeded`] generator behind the [`Rng`] seam. Equal seeds and equal calls give equal numbers.
#[derive(Debug)]
pub struct SimRng(Mutex<Seeded>);

impl SimRng {
    /// A generator that starts from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Seeded::new(seed)))
    }
}

impl Rng for SimRng {
    fn fill(&self, buf: &mut [u8]) {
        self.0.lock().fill(buf);
    }

    fn next_u64(&self) -> u64 {
        self.0.lock().next_u64()
    }
}
