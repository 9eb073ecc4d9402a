//! The simulated namespace: directories whose changes are lost one by one until they are synced.
//!
//! A change (creation, rename, removal) is a transaction that survives as a whole or not, independently of all others, with two exceptions that hold on
//! every journaling file system: changes of one name and changes of one file keep their order.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    path::{Component, Path, PathBuf},
};

/// Number of a file or directory.
pub(super) type Ino = u64;

/// The root directory.
pub(super) const ROOT: Ino = 0;

#[derive(Clone, Debug, Default)]
pub(super) struct Dir {
    entries: BTreeMap<OsString, Ino>,
    durable: BTreeMap<OsString, Ino>,
}

#[derive(Clone, Debug)]
struct Change {
    dir: Ino,
    name: OsString,
    to: Option<Ino>,
}

#[derive(Clone, Debug)]
struct Transaction {
    /// The file or directory that is created, moved or removed.
    ino: Ino,
    changes: Vec<Change>,
}

/// All directories and the changes that are not durable yet.
#[derive(Clone, Debug)]
pub(super) struct Names {
    dirs: BTreeMap<Ino, Dir>,
    pending: Vec<Transaction>,
    next: Ino,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { dirs: BTreeMap::from([(ROOT, Dir::default())]), pending: Vec::new(), next: ROOT + 1 }
    }

    /// The file or directory with this path.
    pub(super) fn lookup(&self, path: &Path) -> Option<Ino> {
        let mut ino = ROOT;
        for component in path.components() {
            match component {
                Component::Normal(name) => ino = *self.dirs.get(&ino)?.entries.get(name)?,
                Component::RootDir | Component::CurDir => {}
                Component::ParentDir | Component::Prefix(_) => return None,
            }
        }
        Some(ino)
    }

    /// The directory that holds the last component of a path, and that component.
    pub(super) fn parent<'p>(&self, path: &'p Path) -> Option<(Ino, &'p OsStr)> {
        let dir = self.lookup(path.parent()?)?;
        if self.is_dir(dir) { Some((dir, path.file_name()?)) } else { None }
    }

    pub(super) fn is_dir(&self, ino: Ino) -> bool {
        self.dirs.contains_key(&ino)
    }

    /// The entry of a directory.
    pub(super) fn entry(&self, dir: Ino, name: &OsStr) -> Option<Ino> {
        self.dirs.get(&dir)?.entries.get(name).copied()
    }

    /// Names in a directory, sorted; `None` when it is none.
    pub(super) fn list(&self, dir: Ino) -> Option<impl Iterator<Item = (&OsString, Ino)>> {
        Some(self.dirs.get(&dir)?.entries.iter().map(|(name, &ino)| (name, ino)))
    }

    /// A new file under a free name.
    pub(super) fn create(&mut self, dir: Ino, name: &OsStr) -> Ino {
        let ino = self.next;
        self.next += 1;
        self.change(ino, vec![Change { dir, name: name.to_owned(), to: Some(ino) }]);
        ino
    }

    /// A new directory under a free name.
    pub(super) fn create_dir(&mut self, dir: Ino, name: &OsStr) -> Ino {
        let ino = self.create(dir, name);
        self.dirs.insert(ino, Dir::default());
        ino
    }

    /// Moves an entry; what had the new name loses it.
    pub(super) fn rename(&mut self, ino: Ino, from: (Ino, &OsStr), to: (Ino, &OsStr)) {
        self.change(
            ino,
            vec![
                Change { dir: from.0, name: from.1.to_owned(), to: None },
                Change { dir: to.0, name: to.1.to_owned(), to: Some(ino) },
            ],
        );
    }

    pub(super) fn remove(&mut self, ino: Ino, dir: Ino, name: &OsStr) {
        self.change(ino, vec![Change { dir, name: name.to_owned(), to: None }]);
    }

    /// Makes all changes in a directory durable, with what they depend on. Returns the files concerned.
    pub(super) fn sync(&mut self, dir: Ino) -> Vec<Ino> {
        self.commit(|transaction| transaction.changes.iter().any(|change| change.dir == dir))
    }

    /// Makes those pending changes durable that luck picks, forgets the others, and drops what has no name any more. Returns the files that are left.
    pub(super) fn crash(&mut self, luck: impl FnMut() -> bool) -> BTreeSet<Ino> {
        let mut luck = luck;
        self.commit(|_| luck());
        self.pending.clear();
        let (mut left, mut todo) = (BTreeSet::from([ROOT]), vec![ROOT]);
        while let Some(ino) = todo.pop() {
            if let Some(dir) = self.dirs.get_mut(&ino) {
                dir.entries.clone_from(&dir.durable);
                todo.extend(dir.durable.values().filter(|&&child| left.insert(child)));
            }
        }
        self.dirs.retain(|ino, _| left.contains(ino));
        left
    }

    /// Whether a crash could bring this file back.
    pub(super) fn is_referenced(&self, ino: Ino) -> bool {
        self.pending.iter().any(|transaction| transaction.ino == ino)
            || self.dirs.values().any(|dir| dir.durable.values().chain(dir.entries.values()).any(|&entry| entry == ino))
    }

    /// Whether it has a name now.
    pub(super) fn is_linked(&self, ino: Ino) -> bool {
        self.dirs.values().any(|dir| dir.entries.values().any(|&entry| entry == ino))
    }

    /// All entries with their paths, sorted by path; directories before what they hold.
    pub(super) fn walk(&self) -> Vec<(PathBuf, Ino)> {
        let mut found = Vec::new();
        let mut todo = vec![(PathBuf::from("/"), ROOT)];
        while let Some((path, ino)) = todo.pop() {
            for (name, child) in self.list(ino).into_iter().flatten() {
                found.push((path.join(name), child));
                todo.push((path.join(name), child));
            }
        }
        found.sort_unstable();
        found
    }

    fn change(&mut self, ino: Ino, changes: Vec<Change>) {
        for change in &changes {
            if let Some(dir) = self.dirs.get_mut(&change.dir) {
                put(&mut dir.entries, change);
            }
        }
        self.pending.push(Transaction { ino, changes });
    }

    fn commit(&mut self, mut wanted: impl FnMut(&Transaction) -> bool) -> Vec<Ino> {
        // From the newest back: what a wanted one depends on is wanted too.
        let mut picked = vec![false; self.pending.len()];
        for index in (0..self.pending.len()).rev() {
            let Some((this, later)) = self.pending[index..].split_first() else { continue };
            let needed = later.iter().zip(&picked[index + 1..]).any(|(other, &picked)| picked && depends(other, this));
            picked[index] = wanted(this) || needed;
        }
        let mut committed = Vec::new();
        let mut picked = picked.into_iter();
        let dirs = &mut self.dirs;
        self.pending.retain(|transaction| {
            if !picked.next().unwrap_or(false) {
                return true;
            }
            for change in &transaction.changes {
                if let Some(dir) = dirs.get_mut(&change.dir) {
                    committed.extend(dir.durable.get(&change.name));
                    put(&mut dir.durable, change);
                }
            }
            committed.push(transaction.ino);
            false
        });
        committed
    }
}

fn depends(later: &Transaction, earlier: &Transaction) -> bool {
    later.ino == earlier.ino
        || later.changes.iter().any(|a| earlier.changes.iter().any(|b| a.dir == b.dir && a.name == b.name))
}

fn put(entries: &mut BTreeMap<OsString, Ino>, change: &Change) {
    match change.to {
        Some(ino) => entries.insert(change.name.clone(), ino),
        None => entries.remove(&change.name),
    };
}
