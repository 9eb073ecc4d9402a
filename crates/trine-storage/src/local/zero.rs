//! Preparing spare log files in the background.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use trine_env::{File, OpenMode};

use super::{
    shared::Shared,
    spare::{Spare, Spares, assign, lengthen},
    wal_file::spare_name,
};

/// A spare being prepared: filled with zeros, or only allocated where that brings nothing.
pub(crate) struct Zeroing {
    file: Arc<dyn File>,
    temporary: PathBuf,
    name: u64,
    pos: u64,
    len: u64,
}

/// Whether another spare is to be made: one at any time, all of them once the present file is half full. Where one more would exceed the log's budget, files
/// become free as fast as others are filled, so one is made only when none has until the present file is half full.
pub(crate) fn wants_spare(shared: &Shared, spares: &Spares) -> bool {
    let options = &shared.options;
    let half_full = shared.heads.lock().written.pos * 2 >= spares.want_len;
    let grows = shared.counters.wal.load(Relaxed) + spares.bytes() + spares.want_len <= options.wal_budget;
    let target = match (grows, half_full) {
        (true, true) => options.spares,
        (true, false) | (false, true) => options.spares.min(1),
        (false, false) => 0,
    };
    spares.ready() < target
}

/// Gives the next number to a spare, if there is one and the number is free.
pub(crate) fn name_next(shared: &Shared) -> io::Result<bool> {
    let mut spares = shared.spares.lock();
    if spares.next.is_some() {
        return Ok(false);
    }
    let Some(spare) = spares.pool.pop() else { return Ok(false) };
    let no = spares.current + 1;
    spares.next = Some(assign(shared, spare, no)?);
    Ok(true)
}

impl Zeroing {
    pub(crate) fn begin(shared: &Shared) -> io::Result<Self> {
        let (name, len, zeroed) = {
            let mut spares = shared.spares.lock();
            spares.name += 1;
            (spares.name, spares.want_len, spares.zeroed)
        };
        let temporary = shared.dir.join("wal").join(format!("spare.{name}.tmp"));
        let file = shared.fs.open(&temporary, OpenMode::CreateNew)?;
        let mut this = Self { file, temporary, name, pos: 0, len };
        if !zeroed || !shared.fs.kind(&shared.dir).1 {
            if let Err(error) = lengthen(shared, &*this.file, len) {
                this.abandon(shared);
                return Err(error);
            }
            this.pos = len;
        }
        Ok(this)
    }

    /// Writes a slice; `Some` spare at the end.
    pub(crate) fn step(&mut self, shared: &Shared, zeros: &[u8]) -> io::Result<Option<Spare>> {
        if self.pos < self.len {
            let len = (self.len - self.pos).min(zeros.len() as u64);
            self.file.write_direct_at(&zeros[..len as usize], self.pos)?;
            self.pos += len;
            return Ok(None);
        }
        self.file.sync_data()?;
        let path = shared.dir.join("wal").join(spare_name(self.name));
        shared.fs.rename(&self.temporary, &path)?;
        Ok(Some(Spare { path, file: Arc::clone(&self.file), len: self.len }))
    }

    /// Gives the space back.
    pub(crate) fn abandon(self, shared: &Shared) {
        let _ = shared.fs.remove_file(&self.temporary);
    }
}
