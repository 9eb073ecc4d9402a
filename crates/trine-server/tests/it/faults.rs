//! A file system that waits or fails when it is told to.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use trine_env::{File, Fs, Lock, OpenMode, Space, StdFs};

/// Passes everything on to the machine's file system, except when a switch says otherwise. Clones share the switches.
#[derive(Clone, Default)]
pub(crate) struct FaultyFs {
    inner: StdFs,
    switches: Arc<Switches>,
}

#[derive(Default)]
struct Switches {
    syncs_fail: AtomicBool,
    closed: Mutex<bool>,
    opened: Condvar,
}

impl FaultyFs {
    /// From now on every sync fails.
    pub(crate) fn fail_syncs(&self) {
        self.switches.syncs_fail.store(true, Ordering::SeqCst);
    }

    /// From now on, taking the directory's lock waits (`true`) or goes on (`false`).
    pub(crate) fn hold_lock(&self, hold: bool) {
        *self.switches.closed.lock().unwrap() = hold;
        self.switches.opened.notify_all();
    }
}

struct FaultyFile {
    inner: Arc<dyn File>,
    switches: Arc<Switches>,
}

impl Fs for FaultyFs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let inner = self.inner.open(path, mode)?;
        Ok(Arc::new(FaultyFile { inner, switches: Arc::clone(&self.switches) }))
    }
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.inner.create_dir_all(path)
    }
    fn read_dir(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.inner.read_dir(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_file(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.sync_dir(path)
    }
    fn exists(&self, path: &Path) -> bool {
        self.inner.exists(path)
    }
    fn space(&self, path: &Path) -> io::Result<Space> {
        self.inner.space(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let closed = self.switches.closed.lock().unwrap();
        drop(self.switches.opened.wait_while(closed, |closed| *closed).unwrap());
        self.inner.lock(path)
    }
    fn kind(&self, path: &Path) -> (String, bool) {
        self.inner.kind(path)
    }
}

impl File for FaultyFile {
    fn read_exact_at(&self, buf: &mut [u8], pos: u64) -> io::Result<()> {
        self.inner.read_exact_at(buf, pos)
    }
    fn write_all_at(&self, buf: &[u8], pos: u64) -> io::Result<()> {
        self.inner.write_all_at(buf, pos)
    }
    fn write_direct_at(&self, buf: &[u8], pos: u64) -> io::Result<()> {
        self.inner.write_direct_at(buf, pos)
    }
    fn sync_data(&self) -> io::Result<()> {
        if self.switches.syncs_fail.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is broken"));
        }
        self.inner.sync_data()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
}
