//! The background work of a local store, one bounded slice at a time: free space, spares, checkpoints, saves of the run index, reclaim, freeing.
//!
//! Control blocks flip only here. What a flip makes superfluous is freed after the next one (decision E6): a file is freed when both kept saves of the
//! index were begun after its last live byte went, and, for log files, when no kept checkpoint replays from it.

mod free;

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{
        Arc,
        atomic::Ordering::{Acquire, Relaxed},
    },
    time::Duration,
};

use trine_types::EntityId;

use super::{
    checkpoint::{OpenCheckpoint, Stage},
    commit::Committer,
    control::{CheckpointRef, Control, IndexRef},
    control_file::ControlFile,
    files::{DataFile, FileKey},
    hash::IdHash,
    index_save::IndexSave,
    pace::{Pacer, rate},
    reclaim::{self, Asking},
    relocate::{OwnSegments, Relocation},
    shared::{Message, Shared},
    zero::{Zeroing, name_next, wants_spare},
};
use crate::Request;

/// The thread looks around at least this often.
const IDLE_WAIT: Duration = Duration::from_millis(200);
/// How long an owner has to begin a checkpoint before it is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// How long a job that found the disk full waits.
const FULL_RETRY: Duration = Duration::from_secs(1);

/// After so many bytes the free space is looked at again, however little time has passed: a second of full load is more than the reserve of a small disk.
const WATCH_BYTES: u64 = 8 << 20;

/// The one large job at a time.
enum Job {
    None,
    Save(Box<IndexSave>),
    Asking(Asking),
    Moving(Box<Relocation>),
}

/// Log files are reclaimed in a row, up to so many, before the index is saved.
const RELOCATIONS_PER_SAVE: usize = 3;

/// One kind of work: the bytes it wrote, `None` when there was nothing to do.
type Step = fn(&mut Maintainer) -> io::Result<Option<usize>>;

/// What is known of a shard group's checkpoints.
#[derive(Clone, Default)]
struct GroupState {
    /// Until when a request is outstanding; after that the owner is asked again if it has not begun.
    asked_until: Option<Duration>,
    /// Bytes of its last checkpoint.
    size: u64,
}

/// See the module.
pub(crate) struct Maintainer {
    shared: Arc<Shared>,
    control: ControlFile,
    checkpoints: Vec<Arc<OpenCheckpoint>>,
    groups: Vec<GroupState>,
    /// `logged` when checkpoints were last asked for.
    asked_at: u64,
    zeroing: Option<Zeroing>,
    zeros: Vec<u8>,
    job: Job,
    index_wanted: bool,
    /// Relocations since the last save of the index.
    moved: usize,
    merges: VecDeque<EntityId>,
    own_segments: OwnSegments,
    /// Files without live bytes, and the number of the first index save that can be without them.
    dead: HashMap<FileKey, u64, IdHash>,
    /// Freed files that somebody may still read.
    retired: Vec<Arc<DataFile>>,
    pacer: Pacer,
    space_at: Duration,
    /// Bytes written in the background since the free space was looked at, and bytes of the log at that time.
    written: u64,
    watched: u64,
    /// After a full disk: no background writes before this time.
    rest_until: Duration,
}

impl Maintainer {
    pub(crate) fn new(shared: Arc<Shared>, control: ControlFile) -> Self {
        let groups = vec![GroupState::default(); shared.shards.len()];
        let zeros = vec![0; shared.options.slice_bytes];
        Self {
            shared,
            control,
            checkpoints: Vec::new(),
            groups,
            asked_at: 0,
            zeroing: None,
            zeros,
            job: Job::None,
            index_wanted: false,
            moved: 0,
            merges: VecDeque::new(),
            own_segments: OwnSegments::default(),
            dead: HashMap::default(),
            retired: Vec::new(),
            pacer: Pacer::default(),
            space_at: Duration::ZERO,
            written: 0,
            watched: 0,
            rest_until: Duration::ZERO,
        }
    }

    /// One slice; false when nothing was to be done now.
    pub(crate) fn step(&mut self) -> bool {
        if self.shared.failed() {
            return false;
        }
        let now = self.shared.clock.mono();
        let mut did = self.receive();
        let logged = self.shared.counters.logged.load(Relaxed).saturating_sub(self.watched);
        if now >= self.space_at || logged + self.written >= WATCH_BYTES {
            self.watch_space();
        }
        did |= self.shared.cache.purge_if_idle(now);
        if now < self.rest_until || !self.pacer.ready(now) {
            return did;
        }
        match self.work() {
            Ok(None) => did,
            Ok(Some(bytes)) => {
                self.written += bytes as u64;
                let wal = self.shared.counters.wal.load(Relaxed);
                let options = &self.shared.options;
                self.pacer.spend(bytes, rate(options.background_rate, wal, options.wal_budget), now);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                self.give_up_for_now(now);
                did
            }
            Err(error) => {
                self.shared.fail("background write", &error);
                false
            }
        }
    }

    /// How long the thread may sleep.
    pub(crate) fn patience(&self) -> Duration {
        let now = self.shared.clock.mono();
        let busy = !matches!(self.job, Job::None) || self.zeroing.is_some() || !self.checkpoints.is_empty();
        let wait = self.pacer.wait(now);
        if busy && wait > Duration::ZERO { wait.min(IDLE_WAIT) } else { IDLE_WAIT }
    }

    fn receive(&mut self) -> bool {
        let messages = std::mem::take(&mut *self.shared.inbox.lock());
        let some = !messages.is_empty();
        for message in messages {
            match message {
                Message::Checkpoint(open) => self.checkpoints.push(open),
                Message::Live { entity, range, live, applied } => {
                    if let Job::Asking(asking) = &mut self.job {
                        asking.answer(entity, range, live, applied);
                    }
                }
            }
        }
        some
    }

    /// The most urgent piece of work; the bytes it wrote.
    fn work(&mut self) -> io::Result<Option<usize>> {
        let steps: [Step; 6] = [
            Self::spares,
            Self::step_checkpoints,
            Self::step_job,
            Self::free,
            Self::ask_for_checkpoints,
            Self::next_job,
        ];
        for step in steps {
            let done = step(self)?;
            if done.is_some() {
                return Ok(done);
            }
        }
        Ok(None)
    }

    /// Looks at the free space and sets or lifts "full" (decision E17).
    pub(crate) fn watch_space(&mut self) {
        let (shared, options) = (&self.shared, &self.shared.options);
        self.space_at = shared.clock.mono() + options.space_interval;
        (self.written, self.watched) = (0, shared.counters.logged.load(Relaxed));
        let Ok(space) = shared.fs.space(&shared.dir) else { return };
        let spare = shared.spares.lock().want_len;
        let share = ((space.total as f64 * options.reserve_share) as u64).min(options.reserve_max);
        let needed = share.max(2 * spare + options.reserve_min);
        shared.space.free.store(space.free, Relaxed);
        shared.space.needed.store(needed, Relaxed);
        let was = shared.space.full.load(Acquire);
        let full = if was { (space.free as f64) < needed as f64 * 1.4 } else { space.free < needed };
        shared.space.full.store(full, std::sync::atomic::Ordering::Release);
        if was && !full {
            // Whoever was refused may try again.
            shared.shards.iter().for_each(|shard| (shared.waker)(shard.id));
        }
    }

    /// The disk is full: what was begun gives its space back and is begun again later.
    fn give_up_for_now(&mut self, now: Duration) {
        let shared = &self.shared;
        self.rest_until = now + FULL_RETRY;
        if let Some(zeroing) = self.zeroing.take() {
            zeroing.abandon(shared);
        }
        match std::mem::replace(&mut self.job, Job::None) {
            Job::Save(save) => {
                save.abandon(shared);
                self.index_wanted = true;
            }
            Job::Moving(moving) => moving.abandon(shared),
            Job::Asking(_) | Job::None => {}
        }
        for open in self.checkpoints.iter().filter(|open| !open.stored.load(Relaxed)) {
            open.abandon();
        }
        self.watch_space();
    }

    fn spares(&mut self) -> io::Result<Option<usize>> {
        if name_next(&self.shared)? || self.give_spare_back()? {
            return Ok(Some(0));
        }
        let wanted = wants_spare(&self.shared, &self.shared.spares.lock());
        let mut zeroing = match self.zeroing.take() {
            Some(zeroing) if wanted => zeroing,
            Some(overtaken) => {
                overtaken.abandon(&self.shared);
                return Ok(Some(0));
            }
            None if wanted => Zeroing::begin(&self.shared)?,
            None => return Ok(None),
        };
        let step = zeroing.step(&self.shared, &self.zeros);
        match step {
            Ok(Some(spare)) => self.shared.spares.lock().pool.push(spare),
            Ok(None) => self.zeroing = Some(zeroing),
            Err(error) => {
                zeroing.abandon(&self.shared);
                return Err(error);
            }
        }
        Ok(Some(self.zeros.len()))
    }

    /// On a full disk no more spares are kept than are wanted in any case; whether there was one.
    fn give_spare_back(&self) -> io::Result<bool> {
        if !self.shared.space.full.load(Acquire) {
            return Ok(false);
        }
        let surplus = {
            let mut spares = self.shared.spares.lock();
            if spares.ready() > self.shared.options.spares { spares.pool.pop() } else { None }
        };
        surplus.map(|spare| remove_if_there(&self.shared, &spare.path)).transpose().map(|removed| removed.is_some())
    }

    fn step_checkpoints(&mut self) -> io::Result<Option<usize>> {
        let shared = Arc::clone(&self.shared);
        let slice = shared.options.slice_bytes;
        for at in 0..self.checkpoints.len() {
            let open = Arc::clone(&self.checkpoints[at]);
            let group = usize::from(open.shard.0);
            if open.stage() == Stage::Abandoned {
                self.checkpoints.remove(at);
                self.groups[group].asked_until = None;
                remove_if_there(&shared, &open.path)?;
                return Ok(Some(0));
            }
            let written = open.write_some(&shared, slice)?;
            if written > 0 {
                return Ok(Some(written));
            }
            if !open.is_written() {
                continue;
            }
            if !open.stored.swap(true, Relaxed) {
                open.sync()?;
                shared.fs.rename(&open.path, &shared.checkpoint_path(open.id))?;
                shared.fs.sync_dir(&shared.dir.join("ckpt"))?;
                return Ok(Some(0));
            }
            if self.shared.shards[group].durable() < open.as_of() {
                self.want_sync();
                continue;
            }
            self.checkpoints.remove(at);
            self.publish_checkpoint(&open)?;
            return Ok(Some(0));
        }
        Ok(None)
    }

    /// What was only written shall be synced soon.
    fn want_sync(&self) {
        self.shared.force_sync.store(true, Relaxed);
        self.shared.commit_signal.notify();
    }

    fn publish_checkpoint(&mut self, open: &OpenCheckpoint) -> io::Result<()> {
        let group = usize::from(open.shard.0);
        let mut control = self.control.control.clone();
        let pair = &mut control.groups[group];
        let from = open.from.unwrap_or(pair.cur.from).max(pair.cur.from);
        pair.push(CheckpointRef { id: open.id, lsn: open.start, from });
        self.groups[group] = GroupState { asked_until: None, size: open.len() };
        self.flip(control)?;
        if self.checkpoints.is_empty() {
            // The log is read from the older of the two.
            self.index_wanted = true;
        }
        Ok(())
    }

    /// Publishes a control block, moving on what idle groups replay from, and removes the files it no longer names.
    fn flip(&mut self, mut control: Control) -> io::Result<()> {
        let shared = &self.shared;
        for (shard, pair) in shared.shards.iter().zip(&mut control.groups) {
            // The place first: a batch that is appended after the look at `last` lies behind it.
            let head = shared.heads.lock().synced;
            let last = shard.log.lock().last;
            for checkpoint in [&mut pair.cur, &mut pair.prev] {
                if checkpoint.lsn == last && shard.durable() == last {
                    checkpoint.from = checkpoint.from.max(head);
                }
            }
        }
        control.next_id = shared.next_id.load(Relaxed);
        control.synced = shared.heads.lock().synced;
        let old = self.control.control.clone();
        self.control.flip(control)?;
        let new = &self.control.control;
        let named = old.groups.iter().flat_map(|g| g.both().map(|c| c.id)).chain(old.index.both().map(|i| i.id));
        let gone: Vec<u64> = named.filter(|id| *id > 0 && !new.names(*id)).collect();
        for id in gone {
            remove_if_there(&self.shared, &self.shared.checkpoint_path(id))?;
        }
        Ok(())
    }

    fn step_job(&mut self) -> io::Result<Option<usize>> {
        let shared = Arc::clone(&self.shared);
        match std::mem::replace(&mut self.job, Job::None) {
            Job::None => Ok(None),
            Job::Save(mut save) => {
                if !save.is_stored() {
                    let written = save.step(&shared);
                    self.job = Job::Save(save);
                    return written.map(Some);
                }
                if !save.is_covered(&shared) {
                    self.want_sync();
                    self.job = Job::Save(save);
                    return Ok(None);
                }
                let mut control = self.control.control.clone();
                control.index.push(IndexRef { id: save.id, from: save.from });
                self.flip(control)?;
                Ok(Some(0))
            }
            Job::Asking(mut asking) => {
                asking.forget_gone(&shared);
                asking.ask_again(&shared);
                if asking.is_answered() && asking.is_covered(&shared) {
                    self.job = Job::Moving(Box::new(asking.finish(&shared)));
                    return Ok(Some(0));
                }
                if asking.is_answered() {
                    self.want_sync();
                }
                self.job = Job::Asking(asking);
                Ok(None)
            }
            Job::Moving(mut moving) => match moving.step(&shared, &mut self.own_segments) {
                Ok(Some(written)) => {
                    self.job = Job::Moving(moving);
                    Ok(Some(written))
                }
                Ok(None) => match moving.finish(&shared) {
                    Ok(in_shared) => {
                        self.merges.extend(in_shared);
                        self.index_wanted = true;
                        self.moved += 1;
                        Ok(Some(0))
                    }
                    Err(error) => {
                        moving.abandon(&shared);
                        Err(error)
                    }
                },
                Err(error) => {
                    moving.abandon(&shared);
                    Err(error)
                }
            },
        }
    }

    fn next_job(&mut self) -> io::Result<Option<usize>> {
        if !matches!(self.job, Job::None) {
            return Ok(None);
        }
        let log_file = reclaim::log_file_to_reclaim(&self.shared, self.moved > 0);
        self.index_wanted |= self.must_save_to_free(log_file.is_some());
        let gathers = log_file.is_some() && (1..RELOCATIONS_PER_SAVE).contains(&self.moved);
        if self.index_wanted && !gathers {
            (self.index_wanted, self.moved) = (false, 0);
            self.job = Job::Save(Box::new(IndexSave::begin(&self.shared)?));
            return Ok(Some(0));
        }
        while let Some(entity) = self.merges.pop_front() {
            if let Some(moving) = reclaim::merge(&self.shared, entity) {
                self.job = Job::Moving(Box::new(moving));
                return Ok(Some(0));
            }
        }
        let source = log_file.or_else(|| reclaim::segment_to_rewrite(&self.shared));
        let Some(source) = source else { return Ok(None) };
        self.job = Job::Asking(Asking::begin(&self.shared, source));
        Ok(Some(0))
    }

    /// Whether freeing waits for nothing but another save.
    fn must_save_to_free(&self, reclaims: bool) -> bool {
        let over = self.shared.counters.wal.load(Relaxed) > self.shared.options.wal_budget;
        let prev = self.control.control.index.prev;
        let waits = |(key, since): (&FileKey, &u64)| prev.id < *since && (over || key.is_segment());
        let pinned = over && self.oldest_log_file().is_some_and(|no| prev.from.file <= no);
        pinned || (self.dead.iter().any(waits) && !reclaims)
    }

    /// Number of the oldest log file, if the log has left it and nothing in it is live.
    fn oldest_log_file(&self) -> Option<u64> {
        let oldest = self.shared.files.list(false).into_iter().next()?;
        (oldest.sealed.load(Acquire) && oldest.live.load(Relaxed) <= 0).then(|| oldest.key.number())
    }

    fn ask_for_checkpoints(&mut self) -> io::Result<Option<usize>> {
        let shared = Arc::clone(&self.shared);
        let logged = shared.counters.logged.load(Relaxed);
        let size: u64 = self.groups.iter().map(|g| g.size).sum();
        let due = logged - self.asked_at > shared.options.checkpoint_bytes.max(2 * size);
        let over = shared.counters.wal.load(Relaxed) > shared.options.wal_budget;
        let oldest = if over { self.oldest_log_file() } else { None };
        let now = shared.clock.mono();
        let mut asked = false;
        for (at, shard) in shared.shards.iter().enumerate() {
            let pair = &self.control.control.groups[at];
            let pins = oldest.is_some_and(|no| pair.both().iter().any(|c| c.from.file <= no));
            let grown = due && shard.log.lock().last > pair.cur.lsn;
            let begun = self.checkpoints.iter().any(|c| c.shard == shard.id);
            let waits = begun || self.groups[at].asked_until.is_some_and(|until| now < until);
            if (pins || grown) && !waits {
                self.groups[at].asked_until = Some(now + ASK_AGAIN);
                shared.ask(shard, Request::Checkpoint);
                asked = true;
            }
        }
        if due {
            self.asked_at = logged;
        }
        Ok(asked.then_some(0))
    }

    /// The last act: publishes finished checkpoints, saves the index, and records where the log ends.
    pub(crate) fn close(&mut self, committer: &mut Committer) -> io::Result<()> {
        self.receive();
        if let Some(zeroing) = self.zeroing.take() {
            zeroing.abandon(&self.shared);
        }
        match std::mem::replace(&mut self.job, Job::None) {
            Job::Save(save) => save.abandon(&self.shared),
            Job::Moving(moving) => moving.abandon(&self.shared),
            Job::Asking(_) | Job::None => {}
        }
        self.checkpoints.iter().filter(|c| c.stage() == Stage::Open).for_each(|c| c.abandon());
        // Everything is durable: a checkpoint that still waits names an LSN that was never appended.
        while self.step_checkpoints()?.is_some() {}
        let mut save = IndexSave::begin(&self.shared)?;
        while !save.is_stored() {
            save.step(&self.shared)?;
        }
        let mut control = self.control.control.clone();
        control.index.push(IndexRef { id: save.id, from: save.from });
        (control.clean, control.end) = (true, committer.end());
        self.flip(control)
    }
}

fn remove_if_there(shared: &Shared, path: &std::path::Path) -> io::Result<()> {
    match shared.fs.remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
