//! The operating system's generator.

use rustix::rand::{GetRandomFlags, getrandom};

use super::Rng;

/// Cryptographically secure random numbers from the kernel (`getrandom`), without a file descriptor.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    /// # Panics
    /// When the kernel has no random generator; nothing secret could be made without it.
    fn fill(&self, buf: &mut [u8]) {
        let mut filled = 0;
        while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match getrandom(rest, GetRandomFlags::empty()) {
                Ok(n) => filled += n,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("the kernel's random generator does not work: {error}"),
            }
        }
    }
}
