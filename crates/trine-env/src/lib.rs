//! The seams to the outside (law 3): everything below the edges sees clocks, randomness and files only through these traits, so that a test can
//! run the whole engine on one thread, on virtual time and on a simulated disk, and repeat a run from its seed.

mod clock;
mod fs;
mod rng;
mod sim_fs;
mod std_fs;

pub use clock::{Clock, ClockStep, SimClock, SystemClock, TestClock};
pub use fs::{DIRECT_ALIGN, File, Fs, Lock, OpenMode, Space};
pub use rng::{Rng, Seeded, SimRng, SystemRng};
pub use sim_fs::{Counts, Faults, SimFs};
pub use std_fs::StdFs;
