//! A store so simple that it is right by inspection, and the ways in which it can be wrong: the simulation must accept the one and catch the others.
//!
//! One log file `/data/log`, rewritten whole at every recovery; everything in memory; checkpoints are ignored, every replay starts at LSN 1.
//!
//! ```text
//! frame  at a multiple of 512:  u32 length | u32 CRC-32C of the rest | u64 own position | u64 position known durable when written | u64 kind | batches
//! batch  u64 shard | u64 lsn | i64 at | u64 ops, each: u64 kind | u64 entity | u64 meta length | meta | u64 has run [| base | count | max_ts | epoch | length | bytes]
//! ```

use std::{collections::BTreeMap, io, ops::Range, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
use trine_env::{Clock, File, Fs, Lock, OpenMode};
use trine_storage::{
    AppendError, CheckpointWriter, Durability, Engine, Op, OpBatch, OpKind, Opened, ReadError, Replay, Request, Run,
    Running, Section, ShardStore, StoreError, StoreStats, StoredBatch, Waker, Where,
};
use trine_testkit::store_sim::{DIR, Env, Subject};
use trine_types::{EntityId, Lsn, Offset, ShardId, Timestamp};

const SHARDS: usize = 2;
const SECTOR: usize = 512;
const HEADER: usize = 32;
const DATA: u64 = 1;
const CLEAN: u64 = 2;
/// Free space below which appends are refused.
const RESERVE: u64 = 300_000;

/// What is wrong with a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bug {
    None,
    /// Calls batches durable before the sync.
    AckBeforeSync,
    /// Tries again when a sync fails, and believes the second answer.
    RetrySync,
    /// Believes a frame whose checksum does not match.
    NoChecksum,
    /// Does not sync the directory after replacing the log.
    NoDirSync,
    /// Takes damage in the middle of the log for its end.
    SilentDamage,
    /// Serves a recovered tail that is only in the page cache.
    TrustsPageCache,
    /// Drops the last operation of a batch of several when it recovers.
    HalfBatch,
    /// Never syncs batches that may wait.
    ForgetsInterval,
}

pub(crate) struct Naive(pub(crate) Bug);

struct Pending {
    shard: usize,
    lsn: Lsn,
    wait: Duration,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Group {
    last: Lsn,
    written: Lsn,
    durable: Lsn,
    runs: BTreeMap<EntityId, BTreeMap<Offset, (u32, i64, Bytes)>>,
}

struct Inner {
    groups: [Group; SHARDS],
    pending: Vec<Pending>,
    file: Arc<dyn File>,
    end: u64,
    synced: u64,
    /// When what was written must be synced.
    due: Option<Duration>,
    failure: Option<Arc<str>>,
    _lock: Box<dyn Lock>,
}

struct Shared {
    inner: Mutex<Inner>,
    bug: Bug,
    fs: Arc<dyn Fs>,
    clock: Arc<dyn Clock>,
    waker: Waker,
}

impl Subject for Naive {
    fn open(&self, env: Env, replay: &mut dyn Replay) -> Result<Opened, StoreError> {
        let Env { fs, clock, waker, .. } = env;
        let (shared, unclean) = open(self.0, fs, clock, waker, replay).map_err(|error| match error {
            Error::Io(source) if source.kind() == io::ErrorKind::WouldBlock => StoreError::Locked(DIR.into()),
            Error::Io(source) => StoreError::Io { what: "open".into(), source },
            Error::Corrupt(place) => StoreError::Corrupt(place),
        })?;
        let last = shared.inner.lock().groups.iter().map(|group| group.last).collect();
        let store = |index| -> Arc<dyn ShardStore> { Arc::new(Store { shared: shared.clone(), index }) };
        let stores = (0..SHARDS).map(store).collect();
        Ok(Opened { stores, last, unclean, engine: Box::new(NaiveEngine(shared)) })
    }
}

enum Error {
    Io(io::Error),
    Corrupt(Where),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn open(
    bug: Bug,
    fs: Arc<dyn Fs>,
    clock: Arc<dyn Clock>,
    waker: Waker,
    replay: &mut dyn Replay,
) -> Result<(Arc<Shared>, bool), Error> {
    let (dir, path, tmp) = (Path::new(DIR), Path::new(DIR).join("log"), Path::new(DIR).join("log.tmp"));
    fs.create_dir_all(dir)?;
    fs.sync_dir(Path::new("/"))?;
    let lock = fs.lock(&dir.join("LOCK"))?;
    let log = if fs.exists(&path) {
        let file = fs.open(&path, OpenMode::Write)?;
        let mut log = vec![0; file.len()? as usize];
        file.read_exact_at(&mut log, 0)?;
        // A write that failed may have left a part of a sector.
        log.resize(log.len().next_multiple_of(SECTOR), 0);
        log
    } else {
        Vec::new()
    };
    let (frames, end, clean) = scan(&log, bug).map_err(Error::Corrupt)?;
    let mut groups: [Group; SHARDS] = Default::default();
    for frame in frames {
        read_frame(&log[frame], bug, &mut groups, replay);
    }
    // The whole log again, in a new file, before anybody sees it.
    let file = if bug == Bug::TrustsPageCache && end > 0 && log.len() as u64 == end {
        fs.open(&path, OpenMode::Write)?
    } else {
        if fs.exists(&tmp) {
            fs.remove_file(&tmp)?;
        }
        let file = fs.open(&tmp, OpenMode::CreateNew)?;
        file.write_all_at(&log[..end as usize], 0)?;
        file.sync_data()?;
        fs.rename(&tmp, &path)?;
        if bug != Bug::NoDirSync {
            fs.sync_dir(dir)?;
        }
        file
    };
    // An empty frame that says that everything before it is durable.
    let seal = frame(DATA, end, end, &[]);
    file.write_all_at(&seal, end)?;
    if bug != Bug::TrustsPageCache {
        file.sync_data()?;
    }
    for group in &mut groups {
        (group.written, group.durable) = (group.last, group.last);
    }
    let end = end + seal.len() as u64;
    let inner = Inner { groups, pending: Vec::new(), file, end, synced: end, due: None, failure: None, _lock: lock };
    Ok((Arc::new(Shared { inner: Mutex::new(inner), bug, fs, clock, waker }), !clean && !log.is_empty()))
}

/// Valid frames, the end of the last, and whether that says "clean".
fn scan(log: &[u8], bug: Bug) -> Result<(Vec<Range<usize>>, u64, bool), Where> {
    let (mut frames, mut pos, mut clean) = (Vec::new(), 0, false);
    while let Some(len) = valid(log, pos, bug) {
        clean = word(log, pos + 24) == CLEAN;
        frames.push(pos..pos + len);
        pos = (pos + len).next_multiple_of(SECTOR);
    }
    if bug != Bug::SilentDamage {
        for later in (pos..log.len()).step_by(SECTOR) {
            if valid(log, later, bug).is_some() && word(log, later + 16) > pos as u64 {
                return Err(Where { file: "log".into(), pos: pos as u64, what: "a damaged frame".into() });
            }
        }
    }
    Ok((frames, pos as u64, clean))
}

fn valid(log: &[u8], pos: usize, bug: Bug) -> Option<usize> {
    let len = u32::from_le_bytes(log.get(pos..pos + 4)?.try_into().ok()?) as usize;
    let body = log.get(pos + 8..pos.checked_add(len.max(HEADER))?)?;
    let crc = u32::from_le_bytes(log.get(pos + 4..pos + 8)?.try_into().ok()?);
    let sound = bug == Bug::NoChecksum || crc == crc32c::crc32c(body);
    (len >= HEADER && sound && word(log, pos + 8) == pos as u64).then_some(len)
}

fn frame(kind: u64, pos: u64, synced: u64, body: &[u8]) -> Vec<u8> {
    let mut out = ((HEADER + body.len()) as u32).to_le_bytes().to_vec();
    out.extend([0; 4]);
    for word in [pos, synced, kind] {
        out.extend(word.to_le_bytes());
    }
    out.extend(body);
    let crc = crc32c::crc32c(&out[8..]);
    out[4..8].copy_from_slice(&crc.to_le_bytes());
    out.resize(out.len().next_multiple_of(SECTOR), 0);
    out
}

fn word(bytes: &[u8], pos: usize) -> u64 {
    bytes.get(pos..pos + 8).map_or(0, |word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
}

fn encode(shard: usize, lsn: Lsn, at: Timestamp, ops: &[Op]) -> Vec<u8> {
    let mut out = Vec::new();
    let put = |out: &mut Vec<u8>, words: &[u64]| out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    put(&mut out, &[shard as u64, lsn.0, at.0 as u64, ops.len() as u64]);
    for op in ops {
        put(&mut out, &[u64::from(op.kind.0), op.entity.to_bits(), op.meta.len() as u64]);
        out.extend(&op.meta);
        put(&mut out, &[u64::from(op.run.is_some())]);
        if let Some(run) = &op.run {
            let bytes = stored(run);
            put(
                &mut out,
                &[run.base, run.count.into(), run.max_ts as u64, run.leader_epoch as u64, bytes.len() as u64],
            );
            out.extend(&bytes);
        }
    }
    out
}

fn stored(run: &Run) -> Bytes {
    let mut bytes = run.batch.to_vec();
    bytes[..8].copy_from_slice(&run.base.to_be_bytes());
    bytes[12..16].copy_from_slice(&run.leader_epoch.to_be_bytes());
    bytes.into()
}

fn read_frame(frame: &[u8], bug: Bug, groups: &mut [Group; SHARDS], replay: &mut dyn Replay) {
    let mut pos = HEADER;
    let mut next = |len: usize| {
        pos += len;
        frame.get(pos - len..pos).unwrap_or_default().to_vec()
    };
    while let [a, b, c, d] = [0; 4].map(|_| word(&next(8), 0))
        && b != 0
    {
        let (shard, lsn, at, count) = (a as usize % SHARDS, Lsn(b), Timestamp(c as i64), d.min(100));
        let mut ops = Vec::new();
        for _ in 0..count {
            let [kind, entity, meta] = [0; 3].map(|_| word(&next(8), 0));
            let meta = Bytes::from(next(meta.min(1 << 20) as usize));
            let run = (word(&next(8), 0) == 1).then(|| {
                let [base, count, max_ts, epoch, len] = [0; 5].map(|_| word(&next(8), 0));
                let batch = Bytes::from(next(len.min(1 << 20) as usize));
                Run { base, count: count as u32, max_ts: max_ts as i64, leader_epoch: epoch as i32, batch }
            });
            let entity = EntityId::from_bits(entity).unwrap_or(EntityId::CATALOG);
            ops.push(Op { kind: OpKind(kind as u16), entity, meta, run });
        }
        if bug == Bug::HalfBatch && ops.len() > 2 {
            ops.pop();
        }
        let group = &mut groups[shard];
        group.last = lsn;
        for op in &ops {
            group.add(op);
        }
        replay.batch(ShardId(shard as u16), lsn, at, ops);
    }
}

impl Group {
    fn add(&mut self, op: &Op) {
        if let Some(run) = &op.run {
            let runs = self.runs.entry(op.entity).or_default();
            runs.insert(run.base, (run.count, run.max_ts, stored(run)));
        }
    }
}

impl Shared {
    fn fail(&self, inner: &mut Inner, error: &io::Error) {
        inner.failure = Some(error.to_string().into());
    }

    fn sync(&self, inner: &mut Inner) -> io::Result<()> {
        let mut result = inner.file.sync_data();
        if self.bug == Bug::RetrySync && result.is_err() {
            result = inner.file.sync_data();
        }
        result?;
        inner.synced = inner.end;
        inner.due = None;
        for group in &mut inner.groups {
            group.durable = group.written;
        }
        Ok(())
    }

    fn round(&self, inner: &mut Inner) -> io::Result<bool> {
        let pending = std::mem::take(&mut inner.pending);
        if !pending.is_empty() {
            let body: Vec<u8> = pending.iter().flat_map(|batch| batch.bytes.iter().copied()).collect();
            let bytes = frame(DATA, inner.end, inner.synced, &body);
            inner.file.write_all_at(&bytes, inner.end)?;
            inner.end += bytes.len() as u64;
            let now = self.clock.mono();
            for batch in &pending {
                inner.groups[batch.shard].written = batch.lsn;
                if self.bug != Bug::ForgetsInterval || batch.wait.is_zero() {
                    inner.due = Some(inner.due.unwrap_or(Duration::MAX).min(now + batch.wait));
                }
            }
        }
        if self.bug == Bug::AckBeforeSync {
            for group in &mut inner.groups {
                group.durable = group.written;
            }
        }
        let due = inner.due.is_some_and(|due| due <= self.clock.mono());
        if due {
            self.sync(inner)?;
        }
        Ok(due || !pending.is_empty())
    }
}

struct NaiveEngine(Arc<Shared>);

impl Engine for NaiveEngine {
    fn commit(&mut self) -> bool {
        let did = {
            let inner = &mut *self.0.inner.lock();
            if inner.failure.is_some() {
                return false;
            }
            self.0.round(inner).unwrap_or_else(|error| {
                self.0.fail(inner, &error);
                true
            })
        };
        if did {
            (0..SHARDS).for_each(|shard| (self.0.waker)(ShardId(shard as u16)));
        }
        did
    }

    fn maintain(&mut self) -> bool {
        false
    }

    fn start(self: Box<Self>) -> Box<dyn Running> {
        unreachable!("simulations run on one thread")
    }

    fn close(mut self: Box<Self>) -> Result<(), StoreError> {
        self.commit();
        let inner = &mut *self.0.inner.lock();
        let error = |source| StoreError::Io { what: "close".into(), source };
        if inner.failure.is_some() {
            return Err(error(io::ErrorKind::Other.into()));
        }
        self.0.sync(inner).map_err(error)?;
        let clean = frame(CLEAN, inner.end, inner.synced, &[]);
        inner.file.write_all_at(&clean, inner.end).and_then(|()| inner.file.sync_data()).map_err(error)
    }
}

struct Store {
    shared: Arc<Shared>,
    index: usize,
}

impl ShardStore for Store {
    fn shard(&self) -> ShardId {
        ShardId(self.index as u16)
    }

    fn append(&self, batch: OpBatch) -> Result<Lsn, AppendError> {
        if !batch.reserve {
            self.admit()?;
        }
        let inner = &mut *self.shared.inner.lock();
        if let Some(why) = &inner.failure {
            return Err(AppendError::Stopped(why.clone()));
        }
        let group = &mut inner.groups[self.index];
        let lsn = group.last.next();
        group.last = lsn;
        for op in &batch.ops {
            group.add(op);
        }
        let wait = match batch.durability {
            Durability::Sync => Duration::ZERO,
            Durability::Interval(ms) => Duration::from_millis(ms.into()),
        };
        let bytes = encode(self.index, lsn, batch.at, &batch.ops);
        inner.pending.push(Pending { shard: self.index, lsn, wait, bytes });
        Ok(lsn)
    }

    fn admit(&self) -> Result<(), AppendError> {
        if let Some(why) = &self.shared.inner.lock().failure {
            return Err(AppendError::Stopped(why.clone()));
        }
        let free = self.shared.fs.space(Path::new(DIR)).map_or(0, |space| space.free);
        if free < RESERVE { Err(AppendError::Full { free, needed: RESERVE }) } else { Ok(()) }
    }

    fn written(&self) -> Lsn {
        self.shared.inner.lock().groups[self.index].written
    }

    fn durable(&self) -> Lsn {
        self.shared.inner.lock().groups[self.index].durable
    }

    fn failure(&self) -> Option<Arc<str>> {
        self.shared.inner.lock().failure.clone()
    }

    fn read(
        &self,
        entity: EntityId,
        from: Offset,
        below: Offset,
        max_bytes: usize,
        _: bool,
    ) -> Result<Vec<StoredBatch>, ReadError> {
        let inner = self.shared.inner.lock();
        let mut read = Vec::new();
        let mut total = 0;
        for (&base, (count, _, bytes)) in inner.groups[self.index].runs.get(&entity).into_iter().flatten() {
            if base + u64::from(*count) <= from {
                continue;
            }
            if base >= below || (!read.is_empty() && total + bytes.len() > max_bytes) {
                break;
            }
            total += bytes.len();
            read.push(StoredBatch { base, count: *count, bytes: bytes.clone() });
        }
        Ok(read)
    }

    fn find_time(&self, entity: EntityId, ts: i64) -> Option<Offset> {
        let inner = self.shared.inner.lock();
        inner.groups[self.index].runs.get(&entity)?.iter().find(|(_, (_, max, _))| *max >= ts).map(|(base, _)| *base)
    }

    fn bytes_in(&self, entity: EntityId, range: Range<Offset>) -> u64 {
        self.read(entity, range.start, range.end, usize::MAX, true).map_or(0, |batches| batches.len() as u64 * 100)
    }

    fn trim(&self, _: EntityId, _: Offset) {}

    fn drop_entity(&self, _: EntityId) {}

    fn rewrite(&self, entity: EntityId, range: Range<Offset>, batches: Vec<Run>) -> Result<(), StoreError> {
        let mut inner = self.shared.inner.lock();
        let runs = inner.groups[self.index].runs.entry(entity).or_default();
        runs.retain(|base, _| !range.contains(base));
        runs.extend(batches.iter().map(|run| (run.base, (run.count, run.max_ts, stored(run)))));
        Ok(())
    }

    fn request(&self) -> Option<Request> {
        None
    }

    fn live(&self, _: EntityId, _: Range<Offset>, _: Vec<Range<Offset>>, _: Lsn) {}

    fn checkpoint(&self, _: Lsn) -> Box<dyn CheckpointWriter> {
        Box::new(NoCheckpoint)
    }

    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
}

struct NoCheckpoint;

impl CheckpointWriter for NoCheckpoint {
    fn section(&mut self, _: Section) {}

    fn finish(self: Box<Self>) {}
}
