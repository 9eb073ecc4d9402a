//! The files that hold message bytes, by key: log files and segments. Readers hold an [`Arc<DataFile>`] while they read, so that a file is recycled
//! or unlinked only when nobody reads it.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use parking_lot::{Mutex, RwLock};
use trine_env::{File, Fs, OpenMode};

use super::{hash::IdHash, segment, wal_file};

const SEGMENT_BIT: u32 = 1 << 31;

/// A log file or segment in an index entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct FileKey(u32);

impl FileKey {
    /// Not in a file yet.
    pub(crate) const PENDING: Self = Self(u32::MAX);

    /// A log file. Numbers stay below 2^31: at 8 MiB each that is 16 EiB of log.
    pub(crate) fn wal(file_no: u64) -> Option<Self> {
        (file_no < u64::from(SEGMENT_BIT)).then_some(Self(file_no as u32))
    }

    /// A segment.
    pub(crate) fn segment(id: u64) -> Option<Self> {
        (id < u64::from(SEGMENT_BIT) - 1).then_some(Self(id as u32 | SEGMENT_BIT))
    }

    pub(crate) const fn is_segment(self) -> bool {
        self.0 & SEGMENT_BIT != 0 && self.0 != u32::MAX
    }

    pub(crate) const fn is_wal(self) -> bool {
        self.0 & SEGMENT_BIT == 0
    }

    /// The log file's or segment's number.
    pub(crate) const fn number(self) -> u64 {
        (self.0 & !SEGMENT_BIT) as u64
    }

    pub(crate) const fn to_bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The file's name relative to the data directory.
    pub(crate) fn name(self) -> String {
        if self.is_segment() {
            format!("seg/{}", segment::segment_name(self.number()))
        } else {
            format!("wal/{}", wal_file::wal_name(self.number()))
        }
    }

    pub(crate) fn path(self, dir: &Path) -> PathBuf {
        dir.join(self.name())
    }
}

/// One such file.
pub(crate) struct DataFile {
    pub(crate) key: FileKey,
    path: PathBuf,
    /// Bytes in use: a log file's length, a segment's synced length.
    pub(crate) len: AtomicU64,
    /// Bytes of it that index entries name.
    pub(crate) live: AtomicI64,
    /// Bytes that entries were made for when it was written (segments only): what `live` is compared with.
    pub(crate) given: AtomicU64,
    /// A segment of one entity.
    pub(crate) own: bool,
    /// A log file that the log has left.
    pub(crate) sealed: AtomicBool,
    /// Something in it could not be read back: it is left where it is.
    pub(crate) damaged: AtomicBool,
    handle: Mutex<Option<Arc<dyn File>>>,
    used: AtomicU64,
}

impl DataFile {
    /// A log file with its handle.
    pub(crate) fn wal(key: FileKey, dir: &Path, len: u64, handle: Arc<dyn File>) -> Arc<Self> {
        Self::new(key, dir, len, 0, false, Some(handle))
    }

    /// A segment, opened when it is needed.
    pub(crate) fn segment(key: FileKey, dir: &Path, len: u64, given: u64, own: bool) -> Arc<Self> {
        Self::new(key, dir, len, given, own, None)
    }

    fn new(key: FileKey, dir: &Path, len: u64, given: u64, own: bool, handle: Option<Arc<dyn File>>) -> Arc<Self> {
        Arc::new(Self {
            key,
            path: key.path(dir),
            len: AtomicU64::new(len),
            live: AtomicI64::new(0),
            given: AtomicU64::new(given),
            own,
            sealed: AtomicBool::new(false),
            damaged: AtomicBool::new(false),
            handle: Mutex::new(handle),
            used: AtomicU64::new(0),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// All of them.
pub(crate) struct Files {
    fs: Arc<dyn Fs>,
    map: RwLock<HashMap<FileKey, Arc<DataFile>, IdHash>>,
    /// Segment handles open now, and how many may be.
    open: AtomicUsize,
    open_max: usize,
    tick: AtomicU64,
}

impl Files {
    pub(crate) fn new(fs: Arc<dyn Fs>, open_max: usize) -> Self {
        Self {
            fs,
            map: RwLock::default(),
            open: AtomicUsize::new(0),
            open_max: open_max.max(1),
            tick: AtomicU64::new(0),
        }
    }

    pub(crate) fn insert(&self, file: Arc<DataFile>) {
        self.map.write().insert(file.key, file);
    }

    pub(crate) fn get(&self, key: FileKey) -> Option<Arc<DataFile>> {
        self.map.read().get(&key).cloned()
    }

    /// Takes a file out. Readers that found it before still hold it.
    pub(crate) fn remove(&self, key: FileKey) -> Option<Arc<DataFile>> {
        self.map.write().remove(&key)
    }

    /// Index entries for `bytes` more (or fewer) bytes of a file exist.
    pub(crate) fn add_live(&self, key: FileKey, bytes: i64) {
        if let Some(file) = self.map.read().get(&key) {
            file.live.fetch_add(bytes, Relaxed);
        }
    }

    /// All files of one kind, by number.
    pub(crate) fn list(&self, segments: bool) -> Vec<Arc<DataFile>> {
        let mut files: Vec<_> = self.map.read().values().filter(|f| f.key.is_segment() == segments).cloned().collect();
        files.sort_by_key(|f| f.key);
        files
    }

    /// A handle to read through; opens a segment that is not open.
    pub(crate) fn handle(&self, file: &DataFile) -> io::Result<Arc<dyn File>> {
        file.used.store(self.tick.fetch_add(1, Relaxed), Relaxed);
        let mut handle = file.handle.lock();
        if let Some(handle) = &*handle {
            return Ok(Arc::clone(handle));
        }
        let opened = self.fs.open(&file.path, OpenMode::Read)?;
        *handle = Some(Arc::clone(&opened));
        drop(handle);
        if self.open.fetch_add(1, Relaxed) >= self.open_max {
            self.close_oldest();
        }
        Ok(opened)
    }

    /// Closes the eighth of the open segments that was not used for longest.
    fn close_oldest(&self) {
        let mut open: Vec<_> = self.list(true).into_iter().filter(|f| f.handle.lock().is_some()).collect();
        open.sort_by_key(|f| f.used.load(Relaxed));
        let surplus = (open.len() / 8).max(1);
        for file in open.iter().take(surplus) {
            file.handle.lock().take();
        }
        self.open.store(open.len().saturating_sub(surplus), Relaxed);
    }
}
