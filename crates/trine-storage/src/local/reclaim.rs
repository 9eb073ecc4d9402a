//! Choosing what to move out of the log or out of mostly dead segments, and asking the owners what of it is still alive (decisions E1, E11).

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use trine_types::{EntityId, Lsn, Offset};

use super::{
    files::{DataFile, FileKey},
    hash::IdHash,
    relocate::{Move, Relocation, sources_of},
    shared::Shared,
};
use crate::Request;

/// Ranges in one request.
const RANGES_AT_ONCE: usize = 256;

struct Answer {
    entity: EntityId,
    range: Range<Offset>,
    live: Vec<Range<Offset>>,
    applied: Lsn,
}

/// Waiting for the owners' answers about one file.
pub(crate) struct Asking {
    source: FileKey,
    open: HashMap<EntityId, Range<Offset>, IdHash>,
    answers: Vec<Answer>,
    /// When what is still open is asked again: an owner may have been too busy to answer.
    again_at: Duration,
}

/// See [`Asking::again_at`].
const ASK_AGAIN: Duration = Duration::from_secs(10);

impl Asking {
    /// Asks about everything that lies in a file.
    pub(crate) fn begin(shared: &Shared, source: FileKey) -> Self {
        let mut open = HashMap::default();
        for shard in &shared.shards {
            let found = shard.index.read().in_file(source);
            open.extend(
                found
                    .iter()
                    .filter_map(|(entity, entries)| Some((*entity, entries.first()?.base..entries.last()?.end()))),
            );
        }
        let mut this = Self { source, open, answers: Vec::new(), again_at: Duration::ZERO };
        this.ask(shared);
        this
    }

    fn ask(&mut self, shared: &Shared) {
        self.again_at = shared.clock.mono() + ASK_AGAIN;
        let mut open: Vec<_> = self.open.iter().map(|(entity, range)| (*entity, range.clone())).collect();
        open.sort_unstable_by_key(|(entity, _)| *entity);
        for shard in &shared.shards {
            let mine = |(entity, _): &(EntityId, _)| shared.shard_of(*entity).is_some_and(|s| s.id == shard.id);
            let ranges: Vec<_> = open.iter().filter(|asked| mine(asked)).cloned().collect();
            for some in ranges.chunks(RANGES_AT_ONCE) {
                shared.ask(shard, Request::Live(some.to_vec()));
            }
        }
    }

    /// Asks again when it is time to.
    pub(crate) fn ask_again(&mut self, shared: &Shared) {
        if !self.open.is_empty() && shared.clock.mono() >= self.again_at {
            self.ask(shared);
        }
    }

    pub(crate) fn answer(&mut self, entity: EntityId, range: Range<Offset>, live: Vec<Range<Offset>>, applied: Lsn) {
        if self.open.get(&entity) == Some(&range) {
            self.open.remove(&entity);
            self.answers.push(Answer { entity, range, live, applied });
        }
    }

    /// Entities that have gone meanwhile need no answer.
    pub(crate) fn forget_gone(&mut self, shared: &Shared) {
        self.open.retain(|entity, _| {
            shared.shard_of(*entity).is_some_and(|s| s.index.read().entries_of(*entity).next().is_some())
        });
    }

    /// All answers are there.
    pub(crate) fn is_answered(&self) -> bool {
        self.open.is_empty()
    }

    /// What the answers stand on is durable: a settlement that a power cut could take back must not free anything (decision E1).
    pub(crate) fn is_covered(&self, shared: &Shared) -> bool {
        self.answers.iter().all(|a| shared.shard_of(a.entity).is_none_or(|s| s.durable() >= a.applied))
    }

    /// Forgets what is dead; what is left is to be moved.
    pub(crate) fn finish(self, shared: &Shared) -> Relocation {
        for a in &self.answers {
            if let Some(shard) = shared.shard_of(a.entity) {
                shard.index.write().drop_dead(a.entity, &a.range, &a.live, self.source, &shared.files);
            }
        }
        let own_from = shared.options.segment_own_bytes;
        let found = shared.shards.iter().flat_map(|s| s.index.read().in_file(self.source));
        Relocation::new(vec![self.source], found.map(|(entity, entries)| Move::new(entity, entries, own_from)))
    }
}

/// Moves the extents an entity has in shared segments together, when they are too many.
pub(crate) fn merge(shared: &Shared, entity: EntityId) -> Option<Relocation> {
    let shard = shared.shard_of(entity)?;
    let entries: Vec<_> = {
        let index = shard.index.read();
        let is_shared = |key: FileKey| {
            key.is_segment() && shared.files.get(key).is_some_and(|f| !f.own && !f.damaged.load(Relaxed))
        };
        index.entries_of(entity).filter(|e| is_shared(e.file)).copied().collect()
    };
    if entries.len() <= shared.options.shared_extents_max {
        return None;
    }
    let own_from = u64::from(shared.options.extent_bytes);
    Some(Relocation::new(sources_of(&entries), [Move::new(entity, entries, own_from)]))
}

/// Once reclaim has begun, it goes on until the log is this part below its budget: what makes the files free costs two saves of the index, however many.
const RECLAIM_AHEAD: u64 = 4;

/// The oldest log file with live data, when the log is over its budget or its index over its memory, or, with `ahead`, close to that.
pub(crate) fn log_file_to_reclaim(shared: &Shared, ahead: bool) -> Option<FileKey> {
    let bound = |full: u64| if ahead { full - full / RECLAIM_AHEAD } else { full };
    let index: u64 = shared.shards.iter().map(|s| s.index.read().wal_bytes()).sum();
    let files = shared.files.list(false);
    let live = |f: &Arc<DataFile>| f.live.load(Relaxed) > 0 || !f.sealed.load(Relaxed);
    let kept: u64 = files.iter().filter(|f| live(f)).map(|f| f.len.load(Relaxed)).sum();
    if kept <= bound(shared.options.wal_budget) && index <= bound(shared.options.index_bytes) {
        return None;
    }
    let mut candidates = files.iter().filter(|f| f.sealed.load(Relaxed) && f.live.load(Relaxed) > 0);
    candidates.find(|f| !f.damaged.load(Relaxed)).map(|f| f.key)
}

/// The oldest segment of which less than half is alive.
pub(crate) fn segment_to_rewrite(shared: &Shared) -> Option<FileKey> {
    shared.files.list(true).into_iter().find_map(|f| {
        let live = f.live.load(Relaxed);
        let sparse = live > 0 && (live as u64) * 2 < f.given.load(Relaxed);
        (sparse && !f.damaged.load(Relaxed)).then_some(f.key)
    })
}
