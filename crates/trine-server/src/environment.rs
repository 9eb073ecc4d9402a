//! The outside, as the server sees it.

use std::sync::Arc;

use trine_env::{Clock, Fs, Rng, StdFs, SystemClock, SystemRng};
use trine_types::Timestamp;

/// Clock, randomness and files. Tests give their own.
#[derive(Clone)]
pub struct Environment {
    /// The three clocks.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// Files.
    pub fs: Arc<dyn Fs>,
}

impl Environment {
    /// This machine.
    #[must_use]
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock::new(Timestamp::ZERO)),
            rng: Arc::new(SystemRng),
            fs: Arc::new(StdFs::new()),
        }
    }
}
