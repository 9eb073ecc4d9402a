//! Freeing log files and segments.

use std::{
    io,
    sync::{
        Arc,
        atomic::Ordering::{Acquire, Relaxed},
    },
};

use super::{
    super::{
        files::{DataFile, FileKey},
        spare::Spare,
        wal_file::spare_name,
    },
    Job, Maintainer, remove_if_there,
};

impl Maintainer {
    /// Frees files that nothing names any more.
    pub(super) fn free(&mut self) -> io::Result<Option<usize>> {
        let shared = Arc::clone(&self.shared);
        let next_save = shared.next_id.load(Relaxed);
        let control = &self.control.control;
        let (prev, oldest) = (control.index.prev, control.oldest());
        let busy = |key: FileKey| match &self.job {
            Job::Moving(moving) => moving.uses(key),
            _ => false,
        };
        for file in shared.files.list(false).into_iter().chain(shared.files.list(true)) {
            let key = file.key;
            if file.live.load(Relaxed) > 0 || (key.is_wal() && !file.sealed.load(Acquire)) {
                self.dead.remove(&key);
                continue;
            }
            let since = *self.dead.entry(key).or_insert(next_save);
            let replayed = key.is_wal() && key.number() >= oldest.file;
            if prev.id >= since && !replayed && !busy(key) {
                self.dead.remove(&key);
                self.retired.extend(shared.files.remove(key));
                self.own_segments.retain(|_, own| *own != key);
            }
        }
        for at in (0..self.retired.len()).rev() {
            // Ours is the only one: nobody reads it, and nobody can find it any more.
            if Arc::strong_count(&self.retired[at]) == 1 {
                let file = self.retired.swap_remove(at);
                self.dispose(&file)?;
                return Ok(Some(0));
            }
        }
        Ok(None)
    }

    /// Recycles a log file, unlinks a segment.
    fn dispose(&mut self, file: &DataFile) -> io::Result<()> {
        let shared = &self.shared;
        let len = file.len.load(Relaxed);
        if file.key.is_segment() {
            shared.counters.segments.fetch_sub(len, Relaxed);
            return remove_if_there(shared, file.path());
        }
        let wal = shared.counters.wal.fetch_sub(len, Relaxed) - len;
        let mut spares = shared.spares.lock();
        let full = shared.space.full.load(Acquire) && spares.ready() >= shared.options.spares;
        if full || len < spares.want_len || !spares.keeps(&shared.options, wal, len) {
            drop(spares);
            return remove_if_there(shared, file.path());
        }
        let handle = shared.files.handle(file)?;
        spares.name += 1;
        let path = shared.dir.join("wal").join(spare_name(spares.name));
        shared.fs.rename(file.path(), &path)?;
        spares.pool.push(Spare { path, file: handle, len });
        Ok(())
    }
}
