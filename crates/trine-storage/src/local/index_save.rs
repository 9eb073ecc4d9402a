//! Saving the run index of all shard groups (decision E1: locations are the store's own state, kept in its own sections).
//!
//! A slice locks one shard group's index for a few entities at a time. An entity's record carries its own `as_of`, so it does not matter that others
//! move meanwhile. The save may be published when everything it may contain is durable.

use std::{io, path::PathBuf, sync::Arc, sync::atomic::Ordering::Relaxed};

use trine_env::{File, OpenMode};
use trine_types::{EntityId, Lsn};

use super::{
    files::FileKey,
    frame::WalPos,
    index::Entry,
    index_file::{SegmentInfo, encode_runs, encode_segments},
    section_file::{Content, SectionHeader, SectionSink, kind},
    shared::Shared,
};

/// Entities copied under one lock; no further one once there are so many entries.
const ENTITIES_AT_ONCE: usize = 64;
const ENTRIES_AT_ONCE: usize = 4096;

/// A save on its way.
pub(crate) struct IndexSave {
    pub(crate) id: u64,
    pub(crate) from: WalPos,
    sink: SectionSink,
    file: Arc<dyn File>,
    path: PathBuf,
    /// The shard group being encoded, and what of it is left, in reverse order.
    shard: usize,
    left: Option<Vec<EntityId>>,
    /// Everything up to here may be in the save, per shard group.
    needs: Vec<Lsn>,
    sealed: bool,
    stored: bool,
}

impl IndexSave {
    pub(crate) fn begin(shared: &Shared) -> io::Result<Self> {
        // Read before any index: whatever an index does not have yet lies at or after this place.
        let from = shared.heads.lock().indexed;
        let id = shared.next_id();
        let path = shared.dir.join("ckpt").join(format!("{id:020}.tmp"));
        let header = SectionHeader { content: Content::Index, shard: 0, id, lsn: Lsn::ZERO, uuid: shared.uuid };
        Ok(Self {
            id,
            from,
            sink: SectionSink::new(&header),
            file: shared.fs.open(&path, OpenMode::CreateNew)?,
            path,
            shard: 0,
            left: None,
            needs: Vec::new(),
            sealed: false,
            stored: false,
        })
    }

    /// One slice; returns how many bytes were written. The save is stored once [`Self::is_stored`] says so.
    pub(crate) fn step(&mut self, shared: &Shared) -> io::Result<usize> {
        let slice = shared.options.slice_bytes;
        while !self.sealed && self.sink.buffered() < slice {
            self.encode_some(shared);
        }
        if let Some((pos, pages)) = self.sink.take_pages(slice) {
            self.file.write_direct_at(&pages, pos)?;
            return Ok(pages.len());
        }
        if self.sealed && !self.stored {
            self.file.sync_data()?;
            shared.fs.rename(&self.path, &shared.checkpoint_path(self.id))?;
            shared.fs.sync_dir(&shared.dir.join("ckpt"))?;
            self.stored = true;
        }
        Ok(0)
    }

    fn encode_some(&mut self, shared: &Shared) {
        let Some(shard) = shared.shards.get(self.shard) else {
            let segments: Vec<_> = shared
                .files
                .list(true)
                .iter()
                .map(|f| SegmentInfo {
                    id: f.key.number(),
                    len: f.len.load(Relaxed),
                    given: f.given.load(Relaxed),
                    own: f.own,
                })
                .collect();
            self.sink.push(kind::SEGMENTS, 0, Lsn::ZERO, &encode_segments(&segments));
            self.sink.finish();
            self.sealed = true;
            return;
        };
        let mut copied = Vec::new();
        let index = shard.index.read();
        let as_of = index.indexed;
        let left = match &mut self.left {
            Some(left) => left,
            None => {
                self.sink.push(kind::SHARD, self.shard as u64, as_of, &[]);
                let mut ids = index.entities();
                ids.reverse();
                self.left.insert(ids)
            }
        };
        // Copied, because encoding takes several times as long, and appends wait for the lock.
        let mut entries = 0;
        while copied.len() < ENTITIES_AT_ONCE
            && entries < ENTRIES_AT_ONCE
            && let Some(entity) = left.pop()
        {
            let stored = index.entries_of(entity).take_while(|e| e.file != FileKey::PENDING);
            let stored: Vec<Entry> = stored.copied().collect();
            entries += stored.len();
            copied.push((entity, stored));
        }
        drop(index);
        if left.is_empty() {
            // Batches whose place was known by now were written by now.
            self.needs.push(shard.written());
            self.left = None;
            self.shard += 1;
        }
        for (entity, stored) in copied {
            if !stored.is_empty() {
                self.sink.push(kind::RUNS, entity.to_bits(), as_of, &encode_runs(stored.iter()));
            }
        }
    }

    /// Whether the file is complete and durable.
    pub(crate) const fn is_stored(&self) -> bool {
        self.stored
    }

    /// Whether everything in it is durable too.
    pub(crate) fn is_covered(&self, shared: &Shared) -> bool {
        shared.shards.iter().zip(&self.needs).all(|(shard, lsn)| shard.durable() >= *lsn)
    }

    /// Gives the space back.
    pub(crate) fn abandon(self, shared: &Shared) {
        let _ = shared.fs.remove_file(&self.path);
    }
}
