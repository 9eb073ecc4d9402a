//! A file system in memory that loses what a real one may lose (decision E13).
//!
//! One power cut may keep any 512-byte block of an unsynced write without its neighbours, keep or lose a length apart from the data, and keep or lose
//! every creation, rename and removal on its own; a failed fsync gives pages up, reads still see them until the crash, and a retry "succeeds". Everything
//! random comes from the seed, and nothing else in here is random: equal seeds and equal calls give equal bytes.

mod bits;
mod fault_plan;
mod faults;
mod file;
mod image;
mod names;
mod state;
#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};

pub use self::faults::{Counts, Faults};
use self::{
    file::{SimFile, SimLock},
    state::State,
};
use crate::{File, Fs, Lock, OpenMode, Space};

/// One life of a process on a simulated file system. Clones are the same life; [`SimFs::crash`] and [`SimFs::kill`] begin the next one, after which every
/// handle of the old life answers with errors.
#[derive(Clone)]
pub struct SimFs {
    state: Arc<Mutex<State>>,
    life: u64,
}

impl SimFs {
    /// An empty file system without bounds, on which nothing fails.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(seed))), life: 0 }
    }

    /// Bounds the space for file data, bytes; `None` takes the bound away. Files take space in blocks of 512 bytes once written.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().set_capacity(bytes);
    }

    /// What goes wrong from now on, instead of what did so far. Stays in force through a crash, except that a planned power cut happens once.
    pub fn set_faults(&self, faults: Faults) {
        self.state.lock().plan.set(faults);
    }

    /// What [`Fs::kind`] says about zeroing ahead; true at first, so that tests take that path.
    pub fn set_zeroing_pays(&self, pays: bool) {
        self.state.lock().zeroing_pays = pays;
    }

    /// Starts the random numbers again from a seed.
    pub fn reseed(&self, seed: u64) {
        self.state.lock().plan.reseed(seed);
    }

    /// What was done since the beginning.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.lock().plan.counts
    }

    /// Whether a planned power cut ([`Faults::cut_at`]) has happened: everything fails until [`SimFs::crash`].
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.state.lock().plan.is_cut()
    }

    /// Cuts the power and switches on again: the file system as the next process finds it.
    #[must_use]
    pub fn crash(&self) -> Self {
        let life = self.state.lock().crash();
        Self { state: self.state.clone(), life }
    }

    /// Kills the process: everything written is there, but what was not synced is still only in memory, for a later power cut to take.
    ///
    /// # Panics
    /// After a planned power cut: then there is nothing left but [`SimFs::crash`].
    #[must_use]
    pub fn kill(&self) -> Self {
        let life = self.state.lock().kill();
        Self { state: self.state.clone(), life }
    }

    /// A copy of the whole machine, with handles and luck of its own: to see several futures of one moment. Nobody holds a file or lock of the copy open.
    #[must_use]
    pub fn fork(&self, seed: u64) -> Self {
        let mut state = self.state.lock().clone();
        state.plan.reseed(seed);
        state.close_all();
        Self { state: Arc::new(Mutex::new(state)), life: self.life }
    }

    /// Flips a bit (0–7) of a byte on the medium. Reads see it at once, unless newer bytes of that block wait in memory.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, `InvalidInput` when that byte is not durable.
    pub fn flip_bit(&self, path: &Path, pos: u64, bit: u8) -> io::Result<()> {
        self.state.lock().flip(path, pos, bit)
    }

    /// Flips a random bit that is certainly on the medium, in one of the files that `wanted` accepts; says where. `None` when they hold nothing durable.
    pub fn flip_random(&self, wanted: impl Fn(&Path) -> bool) -> Option<(PathBuf, u64)> {
        self.state.lock().flip_random(wanted)
    }

    /// The bytes of a file as a read would see them, without faults and counters.
    #[must_use]
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        self.state.lock().bytes(path)
    }

    /// All files with their lengths, sorted by path.
    #[must_use]
    pub fn files(&self) -> Vec<(PathBuf, u64)> {
        self.state.lock().files()
    }

    /// Space taken by file data, bytes.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.state.lock().used()
    }

    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state.lock();
        state.check_life(self.life)?;
        Ok(state)
    }
}

impl fmt::Debug for SimFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimFs").field("life", &self.life).finish_non_exhaustive()
    }
}

impl Fs for SimFs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let ino = self.alive()?.open(path, mode)?;
        Ok(Arc::new(SimFile::new(self.clone(), ino, mode)))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.alive()?.create_dir_all(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.alive()?.read_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.alive()?.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.alive()?.remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.alive()?.sync_dir(path)
    }

    fn exists(&self, path: &Path) -> bool {
        self.alive().is_ok_and(|state| state.exists(path))
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        Ok(self.alive()?.space())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let ino = self.alive()?.lock(path)?;
        Ok(Box::new(SimLock::new(self.clone(), ino)))
    }

    fn kind(&self, _path: &Path) -> (String, bool) {
        ("sim".to_owned(), self.state.lock().zeroing_pays)
    }
}
