//! What goes wrong, and how often things were done.

/// A fault plan. Probabilities are per operation, 0.0 to 1.0; counted faults count from the moment the plan is set (1 = the next) and happen once.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// [`File::sync_data`](crate::File::sync_data) fails with EIO: some pages were written, the others are given up.
    pub sync_fails: f64,
    /// The sync with this number fails.
    pub nth_sync: Option<u64>,
    /// [`Fs::sync_dir`](crate::Fs::sync_dir) fails with EIO; nothing of it became durable.
    pub dir_sync_fails: f64,
    /// A write fails with EIO after a part of it.
    pub write_fails: f64,
    /// The write with this number fails.
    pub nth_write: Option<u64>,
    /// A read fails with EIO after a part of it.
    pub read_fails: f64,
    /// [`File::try_read_exact_at`](crate::File::try_read_exact_at) says that it would have to wait, after a part of the read.
    pub read_waits: f64,
    /// Creating, renaming, removing or cutting a file fails with EIO and changes nothing.
    pub meta_fails: f64,
    /// After a write the kernel writes back about half of the file's dirty blocks on its own.
    pub writeback: f64,
    /// The power fails during the change (write, sync, creation, rename, removal, new length) with this number: it and everything after it fails, until
    /// [`SimFs::crash`](crate::SimFs::crash).
    pub cut_at: Option<u64>,
}

/// How often things were done since the file system was made; failed attempts count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reads of file data.
    pub reads: u64,
    /// Buffered and direct writes.
    pub writes: u64,
    /// Direct writes.
    pub direct_writes: u64,
    /// Bytes asked to be written.
    pub bytes_written: u64,
    /// Syncs of files.
    pub syncs: u64,
    /// Syncs of directories.
    pub dir_syncs: u64,
    /// Writes, syncs, creations, renames, removals and new lengths: what [`Faults::cut_at`] counts.
    pub changes: u64,
}

/// Counts a "the n-th fails" setting down; true when this is the one.
pub(super) fn due(counter: &mut Option<u64>) -> bool {
    match counter {
        Some(0 | 1) => {
            *counter = None;
            true
        }
        Some(n) => {
            *n -= 1;
            false
        }
        None => false,
    }
}
