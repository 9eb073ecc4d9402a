//! Preparing spare log files in the background.

use std::{io, path::PathBuf, sync::Arc};

use trine_env::{File, OpenMode};

use super::{
    shared::Shared,
    spare::{Spare, Spares, assign},
    wal_file::spare_name,
};

/// A file being filled with zeros.
pub(crate) struct Zeroing {
    file: Arc<dyn File>,
    temporary: PathBuf,
    name: u64,
    pos: u64,
    len: u64,
}

/// Whether another spare is wanted: one at any time, all of them once the present file is half full.
pub(crate) fn wants_spare(shared: &Shared, spares: &Spares) -> bool {
    let written = shared.heads.lock().written.pos;
    let target = if written * 2 >= spares.want_len { shared.options.spares } else { shared.options.spares.min(1) };
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
        let (name, len) = {
            let mut spares = shared.spares.lock();
            spares.name += 1;
            (spares.name, spares.want_len)
        };
        let temporary = shared.dir.join("wal").join(format!("spare.{name}.tmp"));
        let file = shared.fs.open(&temporary, OpenMode::CreateNew)?;
        let mut this = Self { file, temporary, name, pos: 0, len };
        if !shared.fs.kind(&shared.dir).1 {
            // Zeros bring nothing here; the length is enough.
            this.file.set_len(len)?;
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
