//! The simulated machine: names, file contents, locks and the plan of what fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Component, Path, PathBuf},
};

use super::{
    fault_plan::{Deed, Fate, Plan, io_error, power_cut},
    image::{BLOCK, Image},
    names::{Ino, Names, ROOT},
};
use crate::{OpenMode, Space};

/// Largest file, bytes: more is a mistake of the caller, not a test.
const FILE_MAX: u64 = 1 << 32;
/// What an unbounded file system calls its size, bytes.
const UNBOUNDED: u64 = 1 << 40;

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) plan: Plan,
    pub(super) zeroing_pays: bool,
    names: Names,
    files: BTreeMap<Ino, Node>,
    locks: BTreeSet<Ino>,
    /// Blocks; `None` is unbounded.
    capacity: Option<u64>,
    /// Blocks taken by files that have a name or are open.
    used: u64,
    life: u64,
}

#[derive(Clone, Debug, Default)]
struct Node {
    image: Image,
    /// Open handles of this life.
    handles: u32,
    /// No name and no handle: takes no space, but a crash may bring it back.
    freed: bool,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            plan: Plan::new(seed),
            zeroing_pays: true,
            names: Names::new(),
            files: BTreeMap::new(),
            locks: BTreeSet::new(),
            capacity: None,
            used: 0,
            life: 0,
        }
    }

    pub(super) fn set_capacity(&mut self, bytes: Option<u64>) {
        self.capacity = bytes.map(|bytes| bytes / BLOCK as u64);
    }

    pub(super) fn check_life(&self, life: u64) -> io::Result<()> {
        if life == self.life && !self.plan.is_cut() { Ok(()) } else { Err(power_cut()) }
    }

    pub(super) fn is_life(&self, life: u64) -> bool {
        life == self.life
    }

    pub(super) fn crash(&mut self) -> u64 {
        let rng = &mut self.plan.rng;
        let left = self.names.crash(|| rng.chance(0.5));
        self.files.retain(|ino, _| left.contains(ino));
        for node in self.files.values_mut() {
            node.image.crash(rng);
            node.freed = false;
        }
        self.plan.switch_on();
        self.used = self.files.values().map(|node| node.image.allocated()).sum();
        self.next_life()
    }

    pub(super) fn kill(&mut self) -> u64 {
        assert!(!self.plan.is_cut(), "after a power cut there is no process to kill");
        self.next_life()
    }

    /// Forgets all handles and locks.
    pub(super) fn close_all(&mut self) {
        self.locks.clear();
        let inos: Vec<Ino> = self.files.keys().copied().collect();
        for ino in inos {
            if let Some(node) = self.files.get_mut(&ino) {
                node.handles = 0;
            }
            self.release(ino);
        }
    }

    pub(super) fn open(&mut self, path: &Path, mode: OpenMode) -> io::Result<Ino> {
        let ino = match (self.names.lookup(path), mode) {
            (Some(_), OpenMode::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(ino), _) if self.names.is_dir(ino) => return Err(io::ErrorKind::IsADirectory.into()),
            (Some(ino), _) => ino,
            (None, OpenMode::CreateNew) => self.create(path)?,
            (None, _) => return Err(io::ErrorKind::NotFound.into()),
        };
        self.node(ino)?.handles += 1;
        Ok(ino)
    }

    pub(super) fn close(&mut self, ino: Ino) {
        if let Some(node) = self.files.get_mut(&ino) {
            node.handles = node.handles.saturating_sub(1);
        }
        self.release(ino);
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        let mut dir = ROOT;
        for component in path.components() {
            match component {
                Component::Normal(name) => {
                    dir = match self.names.entry(dir, name) {
                        Some(ino) if self.names.is_dir(ino) => ino,
                        Some(_) => return Err(io::ErrorKind::AlreadyExists.into()),
                        None => {
                            self.meta()?;
                            self.names.create_dir(dir, name)
                        }
                    };
                }
                Component::RootDir | Component::CurDir => {}
                Component::ParentDir | Component::Prefix(_) => return Err(io::ErrorKind::InvalidInput.into()),
            }
        }
        Ok(())
    }

    pub(super) fn read_dir(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let ino = self.names.lookup(path).ok_or(io::ErrorKind::NotFound)?;
        let list = self.names.list(ino).ok_or(io::ErrorKind::NotADirectory)?;
        Ok(list.map(|(name, _)| path.join(name)).collect())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let source = self.names.parent(from).ok_or(io::ErrorKind::NotFound)?;
        let target = self.names.parent(to).ok_or(io::ErrorKind::NotFound)?;
        let ino = self.names.entry(source.0, source.1).ok_or(io::ErrorKind::NotFound)?;
        let replaced = self.names.entry(target.0, target.1);
        if replaced.is_some_and(|replaced| self.names.is_dir(replaced)) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        self.meta()?;
        if replaced != Some(ino) {
            self.names.rename(ino, source, target);
        }
        if let Some(replaced) = replaced {
            self.release(replaced);
        }
        Ok(())
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        let (dir, name) = self.names.parent(path).ok_or(io::ErrorKind::NotFound)?;
        let ino = self.names.entry(dir, name).ok_or(io::ErrorKind::NotFound)?;
        if self.names.is_dir(ino) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        self.meta()?;
        self.names.remove(ino, dir, name);
        self.release(ino);
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        let ino = self.names.lookup(path).ok_or(io::ErrorKind::NotFound)?;
        if !self.names.is_dir(ino) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        match self.plan.change(Deed::SyncDir) {
            Fate::Works => {}
            Fate::Fails => return Err(io_error()),
            // What of it became durable is decided by the crash, as for every other pending change.
            Fate::Cut => return Err(power_cut()),
        }
        for ino in self.names.sync(ino) {
            self.release(ino);
        }
        Ok(())
    }

    pub(super) fn exists(&self, path: &Path) -> bool {
        self.names.lookup(path).is_some()
    }

    pub(super) fn space(&self) -> Space {
        let total = self.capacity.map_or(UNBOUNDED, |blocks| blocks * BLOCK as u64);
        Space { total, free: total.saturating_sub(self.used()) }
    }

    pub(super) fn used(&self) -> u64 {
        self.used * BLOCK as u64
    }

    pub(super) fn lock(&mut self, path: &Path) -> io::Result<Ino> {
        let ino = match self.names.lookup(path) {
            Some(ino) if self.names.is_dir(ino) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(ino) => ino,
            None => self.create(path)?,
        };
        if !self.locks.insert(ino) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.node(ino)?.handles += 1;
        Ok(ino)
    }

    pub(super) fn unlock(&mut self, ino: Ino) {
        self.locks.remove(&ino);
        self.close(ino);
    }

    pub(super) fn read(&mut self, ino: Ino, buf: &mut [u8], pos: u64) -> io::Result<()> {
        if self.plan.read_fails() {
            self.read_part(ino, buf, pos);
            return Err(io_error());
        }
        let pos = usize::try_from(pos).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        if self.node(ino)?.image.read(buf, pos) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    pub(super) fn try_read(&mut self, ino: Ino, buf: &mut [u8], pos: u64) -> io::Result<bool> {
        if self.plan.read_waits() {
            self.read_part(ino, buf, pos);
            return Ok(false);
        }
        self.read(ino, buf, pos).map(|()| true)
    }

    pub(super) fn write(&mut self, ino: Ino, buf: &[u8], pos: u64, direct: bool) -> io::Result<()> {
        let fate = self.plan.change(Deed::Write { len: buf.len() as u64, direct });
        let end = pos.checked_add(buf.len() as u64).filter(|&end| end <= FILE_MAX);
        let (Some(_), Ok(pos)) = (end, usize::try_from(pos)) else {
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        let wanted = if fate == Fate::Works { buf.len() } else { self.plan.part(buf.len()) };
        let free = self.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used));
        let image = &mut self.files.get_mut(&ino).ok_or_else(power_cut)?.image;
        let (written, taken) = image.fitting(pos, wanted, free);
        image.write(&buf[..written], pos);
        self.used += taken;
        if self.plan.writes_back() {
            image.write_back_some(&mut self.plan.rng);
        }
        match fate {
            Fate::Works if written < buf.len() => Err(io::ErrorKind::StorageFull.into()),
            Fate::Works => Ok(()),
            Fate::Fails => Err(io_error()),
            Fate::Cut => Err(power_cut()),
        }
    }

    pub(super) fn sync(&mut self, ino: Ino) -> io::Result<()> {
        let fate = self.plan.change(Deed::Sync);
        let image = &mut self.files.get_mut(&ino).ok_or_else(power_cut)?.image;
        match fate {
            Fate::Works => {
                image.sync();
                Ok(())
            }
            Fate::Fails => {
                image.fail_sync(&mut self.plan.rng);
                Err(io_error())
            }
            Fate::Cut => {
                image.write_back_some(&mut self.plan.rng);
                Err(power_cut())
            }
        }
    }

    pub(super) fn set_len(&mut self, ino: Ino, len: u64) -> io::Result<()> {
        self.meta()?;
        let len = usize::try_from(len).ok().filter(|&len| len as u64 <= FILE_MAX).ok_or(io::ErrorKind::FileTooLarge)?;
        let freed = self.node(ino)?.image.set_len(len);
        self.used = self.used.saturating_sub(freed);
        Ok(())
    }

    pub(super) fn len(&mut self, ino: Ino) -> io::Result<u64> {
        Ok(self.node(ino)?.image.len() as u64)
    }

    pub(super) fn flip(&mut self, path: &Path, pos: u64, bit: u8) -> io::Result<()> {
        let ino = self.names.lookup(path).ok_or(io::ErrorKind::NotFound)?;
        let pos = usize::try_from(pos).map_err(|_| io::ErrorKind::InvalidInput)?;
        if self.node(ino)?.image.flip(pos, bit) { Ok(()) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    pub(super) fn flip_random(&mut self, wanted: impl Fn(&Path) -> bool) -> Option<(PathBuf, u64)> {
        let mut places = self.named_files();
        places.retain(|(path, ino)| wanted(path) && self.durable_len(*ino) > 0);
        let total: u64 = places.iter().map(|(_, ino)| self.durable_len(*ino)).sum();
        // Nearly everything is clean when tests flip bits; if not, a few draws find something.
        for _ in 0..64 {
            let mut at = self.plan.rng.below(total);
            let place = places.iter().find(|(_, ino)| {
                let len = self.durable_len(*ino);
                let here = at < len;
                at -= if here { 0 } else { len };
                here
            });
            let (path, ino) = place?;
            let image = &mut self.files.get_mut(ino)?.image;
            if image.is_clean(at as usize) {
                image.flip(at as usize, self.plan.rng.below(8) as u8);
                return Some((path.clone(), at));
            }
        }
        None
    }

    pub(super) fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        Some(self.files.get(&self.names.lookup(path)?)?.image.bytes().to_vec())
    }

    pub(super) fn files(&self) -> Vec<(PathBuf, u64)> {
        let files = self.named_files().into_iter();
        files.map(|(path, ino)| (path, self.files.get(&ino).map_or(0, |node| node.image.len() as u64))).collect()
    }

    fn named_files(&self) -> Vec<(PathBuf, Ino)> {
        let mut found = self.names.walk();
        found.retain(|(_, ino)| self.files.contains_key(ino));
        found
    }

    fn durable_len(&self, ino: Ino) -> u64 {
        self.files.get(&ino).map_or(0, |node| node.image.durable_len() as u64)
    }

    fn create(&mut self, path: &Path) -> io::Result<Ino> {
        let (dir, name) = self.names.parent(path).ok_or(io::ErrorKind::NotFound)?;
        self.meta()?;
        let ino = self.names.create(dir, name);
        self.files.insert(ino, Node::default());
        Ok(ino)
    }

    fn meta(&mut self) -> io::Result<()> {
        match self.plan.change(Deed::Meta) {
            Fate::Works => Ok(()),
            Fate::Fails => Err(io_error()),
            Fate::Cut => Err(power_cut()),
        }
    }

    fn node(&mut self, ino: Ino) -> io::Result<&mut Node> {
        self.files.get_mut(&ino).ok_or_else(power_cut)
    }

    fn read_part(&mut self, ino: Ino, buf: &mut [u8], pos: u64) {
        let part = self.plan.part(buf.len());
        if let (Ok(pos), Some(node)) = (usize::try_from(pos), self.files.get(&ino)) {
            node.image.read(&mut buf[..part], pos);
        }
    }

    /// Gives the space of a file back once it has neither name nor handle, and its bytes once no crash can bring it back.
    fn release(&mut self, ino: Ino) {
        let Some(node) = self.files.get_mut(&ino) else { return };
        if node.handles > 0 || self.names.is_linked(ino) {
            return;
        }
        if !node.freed {
            node.freed = true;
            self.used = self.used.saturating_sub(node.image.allocated());
        }
        if !self.names.is_referenced(ino) {
            self.files.remove(&ino);
        }
    }

    fn next_life(&mut self) -> u64 {
        self.close_all();
        self.life += 1;
        self.life
    }
}
