//! Keeping processes on cores of their own, so that a server and its load do not take each other's time.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::failure::Failure;

/// Runs `work` on this core; a process that is started in it stays there. `None`: wherever it is.
pub(crate) fn on<T>(core: Option<usize>, work: impl FnOnce() -> T) -> Result<T, Failure> {
    let Some(core) = core else { return Ok(work()) };
    let before = sched_getaffinity(None).map_err(io::Error::from)?;
    let mut only = CpuSet::new();
    only.set(core);
    let refused = |error| Failure::failed(format!("cannot stay on core {core}: {}", io::Error::from(error)));
    sched_setaffinity(None, &only).map_err(refused)?;
    let done = work();
    sched_setaffinity(None, &before).map_err(refused)?;
    Ok(done)
}
