//! Randomness as a seam.

mod seeded;
mod system;
#[cfg(test)]
mod tests;

pub use seeded::{Seeded, SimRng};
pub use system::SystemRng;

/// A source of random numbers: the operating system's in production, seeded in tests.
pub trait Rng: Send + Sync + 'static {
    /// Fills the buffer with random bytes.
    fn fill(&self, buf: &mut [u8]);

    /// A random 64-bit number.
    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}
