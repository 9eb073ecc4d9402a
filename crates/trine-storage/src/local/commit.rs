//! The commit loop: group commit without linger. While one sync runs, the next frame's batches queue up by themselves.
//!
//! A large frame is synced beside the loop (`overlap.rs`), which meanwhile prepares the next one if that is large too.
//!
//! A round: take what is queued → build a frame → `pwrite` → (`fdatasync`) → publish the watermarks, wake the owners → tell the run indexes where the
//! batches lie. Until that last step batches are read from memory, so it may come after the answer.
//!
//! Errors (law 7, E17): any error of a write or sync stops the store for good, with one exception: a *write* that finds the disk full. Nothing of that
//! frame was acknowledged and the file system reports it before it takes the data, so the frame is kept and written again at the same place when
//! there is space; meanwhile appends without `reserve` are refused as full. It can only happen in a file that was not written ahead.

use std::{
    io,
    sync::{
        Arc,
        atomic::Ordering::{Relaxed, Release},
    },
    time::Duration,
};

use bytes::Bytes;
use trine_types::Lsn;

use super::{
    frame::{FrameBuilder, PAGE, WalPos, padded},
    index::Placed,
    overlap::{Job, Overlap},
    shared::{Shard, Shared},
    spare::{self, WalFile, first_frame, room_for},
};
use crate::Durability;

/// What one shard group has in the frame being built.
#[derive(Default)]
struct Share {
    last: Lsn,
    size: u64,
    interval: bool,
    placed: Vec<Placed>,
}

/// See the module.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    wal: WalFile,
    /// Where the next frame goes.
    pos: u64,
    /// When the file was begun, in connection time.
    begun: Duration,
    /// Frames written since then.
    frames: u64,
    builder: FrameBuilder,
    end_builder: FrameBuilder,
    /// Per shard group; those with `size` > 0 are in the present frame.
    shares: Vec<Share>,
    taken: usize,
    frame_sync: bool,
    /// When the present frame must be synced at the latest.
    frame_due: Option<Duration>,
    /// When what was written must be synced at the latest.
    due: Option<Duration>,
    /// Where to begin taking batches, so that no shard group is always last.
    rotate: usize,
    /// The disk was full; try again at this time.
    stalled: Option<Duration>,
    /// Syncs large frames; none in simulation.
    overlap: Option<Overlap>,
}

/// How often a frame is tried again while the disk is full.
const STALL_RETRY: Duration = Duration::from_millis(20);
/// The thread looks at its deadlines at least this often.
const IDLE_WAIT: Duration = Duration::from_secs(1);

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>, wal: WalFile, pos: u64) -> Self {
        let shares = shared.shards.iter().map(|_| Share::default()).collect();
        let begun = shared.clock.mono();
        Self {
            shared,
            wal,
            pos,
            begun,
            frames: 0,
            builder: FrameBuilder::default(),
            end_builder: FrameBuilder::default(),
            shares,
            taken: 0,
            frame_sync: false,
            frame_due: None,
            due: None,
            rotate: 0,
            stalled: None,
            overlap: None,
        }
    }

    /// Has large frames synced by a thread of their own from now on, until [`Committer::join_syncs`].
    pub(crate) fn overlap_syncs(&mut self) -> io::Result<()> {
        self.overlap = Some(Overlap::start(Arc::clone(&self.shared))?);
        Ok(())
    }

    /// Waits for the sync that is under way and ends its thread.
    pub(crate) fn join_syncs(&mut self) {
        self.overlap = None;
    }

    /// Whether a sync goes on beside the loop.
    fn is_syncing(&self) -> bool {
        self.overlap.as_ref().is_some_and(Overlap::is_busy)
    }

    /// One round; false when nothing was to be done.
    pub(crate) fn round(&mut self) -> bool {
        if self.shared.failed() {
            return false;
        }
        // While a sync goes on, a small frame would only take the place of a larger one after it.
        if self.taken == 0 && (!self.is_syncing() || self.queued() >= OVERLAP_BYTES) {
            self.take();
        }
        let now = self.shared.clock.mono();
        if self.taken == 0 || self.stalled.is_some_and(|at| at > now) {
            return self.sync_if_due(now);
        }
        match self.write() {
            Ok(()) => self.stalled = None,
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                self.shared.space.full.store(true, Release);
                self.stalled = Some(now + STALL_RETRY);
                // What was written before does not wait for space.
                return self.sync_if_due(now);
            }
            Err(error) => {
                self.shared.fail("write to the log", &error);
                return false;
            }
        }
        #[cfg(any(test, feature = "planted-bugs"))]
        if self.shared.options.ack_before_sync {
            self.publish();
        }
        let sync = self.frame_sync || self.shared.force_sync.load(Relaxed) || self.due.is_some_and(|due| due <= now);
        if !sync {
            for (shard, share) in self.shared.shards.iter().zip(&self.shares) {
                if share.size > 0 && share.interval {
                    (self.shared.waker)(shard.id);
                }
            }
        } else if self.overlap.is_some() && (self.builder.len() >= OVERLAP_BYTES || self.is_syncing()) {
            self.place();
            self.submit_sync();
            return true;
        } else if !self.stop_on_error("sync of the log", Self::sync) {
            return false;
        }
        self.place();
        true
    }

    /// Bytes of batches that wait to be written.
    fn queued(&self) -> usize {
        self.shared.shards.iter().map(|shard| shard.queued_bytes.load(Relaxed) as usize).sum()
    }

    /// Has everything written synced beside the loop, once the sync that is under way is done.
    fn submit_sync(&mut self) {
        self.due = None;
        self.shared.force_sync.store(false, Relaxed);
        let job = Job {
            file: Arc::clone(&self.wal.file),
            to: WalPos { file: self.wal.no, pos: self.pos },
            written: self.shared.shards.iter().map(Shard::written).collect(),
        };
        if let Some(overlap) = &self.overlap {
            overlap.submit(job);
        }
    }

    /// Syncs what earlier rounds only wrote, when its time has come; false when nothing was to be done.
    fn sync_if_due(&mut self, now: Duration) -> bool {
        let Some(due) = self.due else {
            self.shared.force_sync.store(false, Relaxed);
            return false;
        };
        if due > now && !self.shared.force_sync.load(Relaxed) {
            return false;
        }
        if self.is_syncing() {
            self.submit_sync();
            return true;
        }
        self.stop_on_error("sync of the log", Self::sync)
    }

    /// How long the thread may sleep.
    pub(crate) fn patience(&self) -> Duration {
        let now = self.shared.clock.mono();
        let until = |at: Duration| at.saturating_sub(now);
        self.due.map(until).unwrap_or(IDLE_WAIT).min(self.stalled.map(until).unwrap_or(IDLE_WAIT)).min(IDLE_WAIT)
    }

    fn stop_on_error(&mut self, what: &str, step: impl FnOnce(&mut Self) -> io::Result<()>) -> bool {
        let result = step(self);
        if let Err(error) = &result {
            self.shared.fail(what, error);
        }
        result.is_ok()
    }

    /// Takes queued batches into a new frame.
    fn take(&mut self) {
        let shards = self.shared.shards.len();
        self.rotate = (self.rotate + 1) % shards;
        (self.frame_sync, self.frame_due) = (false, None);
        for at in (self.rotate..shards).chain(0..self.rotate) {
            let (shard, share) = (&self.shared.shards[at], &mut self.shares[at]);
            loop {
                if self.taken > 0 && self.builder.len() >= self.shared.options.frame_bytes {
                    return;
                }
                let Some(batch) = shard.log.lock().queue.pop_front() else { break };
                if self.taken == 0 {
                    self.builder.clear();
                }
                let interval = match batch.durability {
                    Durability::Sync => {
                        self.frame_sync = true;
                        false
                    }
                    Durability::Interval(ms) => {
                        let due = self.shared.clock.mono() + Duration::from_millis(u64::from(ms));
                        self.frame_due = Some(self.frame_due.map_or(due, |old| old.min(due)));
                        true
                    }
                };
                let placed = &mut share.placed;
                self.builder.push(shard.id, batch.lsn, batch.at, interval, &batch.ops, |_, run, pos| {
                    placed.push(Placed { pos: pos as u32, len: run.batch.len() as u32 });
                });
                share.last = batch.lsn;
                share.size += batch.size as u64;
                share.interval |= interval;
                self.taken += 1;
            }
        }
    }

    /// Writes the frame; can be called again after it failed for lack of space.
    fn write(&mut self) -> io::Result<()> {
        let len = padded(self.builder.len()) as u64;
        if self.pos + len + PAGE as u64 > self.wal.len {
            self.switch(room_for(len))?;
        }
        let at = WalPos { file: self.wal.no, pos: self.pos };
        let synced = self.shared.heads.lock().synced;
        let frame = self.builder.finish(self.wal.salt, at, synced);
        self.wal.file.write_all_at(frame, self.pos)?;
        self.pos += len;
        self.frames += 1;
        self.due = self.due.into_iter().chain(self.frame_due).min();
        // First the LSNs, then the place: see `OpenCheckpoint::begin`.
        for (shard, share) in self.shared.shards.iter().zip(&self.shares) {
            if share.size > 0 {
                shard.written.store(share.last.0, Release);
                shard.queued_bytes.fetch_sub(share.size, Relaxed);
            }
        }
        self.shared.heads.lock().written.pos = self.pos;
        Ok(())
    }

    /// Makes everything written durable and says so.
    fn sync(&mut self) -> io::Result<()> {
        self.shared.sync_log(&*self.wal.file)?;
        self.publish();
        Ok(())
    }

    fn publish(&mut self) {
        self.due = None;
        self.shared.force_sync.store(false, Relaxed);
        let written = self.shared.heads.lock().written;
        self.shared.publish(written, self.shared.shards.iter().map(Shard::written));
    }

    /// Tells the run indexes where the frame's batches lie, and the cache what they are.
    fn place(&mut self) {
        let shared = &self.shared;
        let frame_at = self.shared.heads.lock().written.pos - padded(self.builder.len()) as u64;
        let cached = shared.cache.wanted(shared.clock.mono());
        let frame = self.builder.bytes();
        for (shard, share) in shared.shards.iter().zip(&mut self.shares) {
            if share.size == 0 {
                continue;
            }
            for placed in &mut share.placed {
                placed.pos += frame_at as u32;
            }
            // In pieces: a reader waits for the lock no longer than one of them takes.
            for piece in share.placed.chunks(PLACE_AT_ONCE) {
                let mut index = shard.index.write();
                let live = index.place(self.wal.data.key, piece, |entity, base, at| {
                    let from = (u64::from(at.pos) - frame_at) as usize;
                    if let (true, Some(bytes)) = (cached, frame.get(from..from + at.len as usize)) {
                        shared.cache.insert(entity, base, Bytes::copy_from_slice(bytes));
                    }
                });
                self.wal.data.live.fetch_add(live as i64, Relaxed);
            }
            shard.index.write().indexed = share.last;
            shared.counters.logged.fetch_add(share.size, Relaxed);
            share.placed.clear();
            if share.placed.capacity() > PLACED_KEEP {
                share.placed = Vec::new();
            }
            (share.size, share.interval) = (0, false);
        }
        self.taken = 0;
        let mut heads = shared.heads.lock();
        heads.indexed = heads.written;
    }

    /// Goes on in the next file, which has at least `needed` bytes. Durable, in this order: the next file's header and name, the end frame here.
    fn switch(&mut self, needed: u64) -> io::Result<()> {
        if let Some(overlap) = &self.overlap {
            // A sync of this file would publish an end of it after the next one has begun. If it fails, nothing more is written.
            overlap.wait();
            if self.shared.failed() {
                return Err(io::Error::other("the store has stopped"));
            }
        }
        let shared = Arc::clone(&self.shared);
        let mut spares = shared.spares.lock();
        let no = self.wal.no + 1;
        let mut next = match spares.next.take() {
            Some(next) => next,
            None => match spares.pool.pop() {
                Some(spare) => spare::assign(&shared, spare, no)?,
                None => spare::create_bare(&shared, no, spares.want_len.max(needed))?,
            },
        };
        let grown = if next.len < needed { spare::grow(&shared, &mut next, needed) } else { Ok(()) };
        let ended = grown.and_then(|()| self.end_file(next.no));
        if let Err(error) = ended {
            spares.next = Some(next);
            return Err(error);
        }
        let now = shared.clock.mono();
        if now.saturating_sub(self.begun) < shared.options.wal_grow_within {
            spares.want_len = (spares.want_len * 2).min(shared.options.wal_file_max);
        }
        spares.current = next.no;
        spares.zeroed = self.pos < shared.options.zeroed_frame_bytes.saturating_mul(self.frames);
        drop(spares);
        shared.counters.wal.fetch_add(next.len, Relaxed);
        shared.files.insert(Arc::clone(&next.data));
        self.wal.data.sealed.store(true, Release);
        (self.wal, self.begun, self.frames) = (next, now, 0);
        let first = first_frame(self.wal.no);
        self.pos = first.pos;
        {
            let mut heads = shared.heads.lock();
            *heads = super::shared::Heads { written: first, indexed: first, synced: first };
        }
        shared.maintain_signal.notify();
        Ok(())
    }

    /// Writes the end frame and syncs, which covers every earlier frame too.
    fn end_file(&mut self, next: u64) -> io::Result<()> {
        let at = WalPos { file: self.wal.no, pos: self.pos };
        let synced = self.shared.heads.lock().synced;
        let frame = self.end_builder.end_frame(self.wal.salt, at, synced, next);
        self.wal.file.write_all_at(frame, self.pos)?;
        // Unlike a failed write, a failed sync must not be tried again: give it a kind that no caller takes for "full".
        self.wal.file.sync_data().map_err(|error| io::Error::other(format!("sync at the end of a file: {error}")))?;
        self.publish();
        Ok(())
    }

    /// Where the log ends; everything is synced.
    pub(crate) fn end(&self) -> WalPos {
        WalPos { file: self.wal.no, pos: self.pos }
    }

    /// Commits all that is queued and syncs; false when the store failed or the disk is full.
    pub(crate) fn drain(&mut self) -> bool {
        self.shared.force_sync.store(true, Relaxed);
        while self.round() {
            self.shared.force_sync.store(true, Relaxed);
        }
        !self.shared.failed() && self.taken == 0 && self.due.is_none()
    }
}

/// From this size on a frame is synced beside the loop: copying and checksumming so much takes long enough to be worth waking another thread.
const OVERLAP_BYTES: usize = 1 << 20;
/// Batches whose place is told at once.
const PLACE_AT_ONCE: usize = 256;
/// Capacity kept between frames.
const PLACED_KEEP: usize = 16 << 10;
