//! Checkpoints of a shard group: the owner hands in sections between its commands, the background work writes them to a temporary file and publishes
//! it once every `as_of` is durable (decision E6).

use std::{
    io,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use parking_lot::Mutex;
use trine_env::{File, OpenMode};
use trine_types::{Lsn, ShardId};

use super::{
    frame::WalPos,
    section_file::{Content, SectionHeader, SectionSink, kind},
    shared::{Shard, Shared},
};
use crate::{CheckpointWriter, Section};

/// Sections wait in memory for the background up to this many bytes; beyond it the owner's call writes them itself.
const BUFFER_BYTES_MAX: usize = 8 << 20;

/// How far a checkpoint is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// Sections may follow.
    Open,
    /// All are there.
    Finished,
    /// Given up.
    Abandoned,
}

struct Inner {
    sink: SectionSink,
    stage: Stage,
    as_of: Lsn,
}

/// A checkpoint on its way.
pub(crate) struct OpenCheckpoint {
    pub(crate) shard: ShardId,
    pub(crate) id: u64,
    /// Replay starts after this LSN.
    pub(crate) start: Lsn,
    /// Every later batch lies at or after this place; `None`: at or after the previous checkpoint's.
    pub(crate) from: Option<WalPos>,
    pub(crate) path: PathBuf,
    inner: Mutex<Inner>,
    /// Held while writing, so that pages reach the file once each.
    file: Mutex<Option<Arc<dyn File>>>,
    /// Everything was written and synced under the temporary name.
    pub(crate) stored: AtomicBool,
}

impl OpenCheckpoint {
    pub(crate) fn begin(shared: &Shared, shard: &Shard, start: Lsn) -> Arc<Self> {
        // The place is read before the LSN and the commit loop publishes them in the other order, so if nothing beyond `start` was written by now,
        // all of it will lie behind `head`.
        let head = shared.heads.lock().written;
        let from = (shard.written() <= start).then_some(head);
        let id = shared.next_id();
        let header = SectionHeader { content: Content::Owner, shard: shard.id.0, id, lsn: start, uuid: shared.uuid };
        let inner = Inner { sink: SectionSink::new(&header), stage: Stage::Open, as_of: start };
        Arc::new(Self {
            shard: shard.id,
            id,
            start,
            from,
            path: shared.dir.join("ckpt").join(format!("{id:020}.tmp")),
            inner: Mutex::new(inner),
            file: Mutex::new(None),
            stored: AtomicBool::new(false),
        })
    }

    pub(crate) fn stage(&self) -> Stage {
        self.inner.lock().stage
    }

    /// The last LSN any section contains.
    pub(crate) fn as_of(&self) -> Lsn {
        self.inner.lock().as_of
    }

    /// Bytes of the file.
    pub(crate) fn len(&self) -> u64 {
        self.inner.lock().sink.len()
    }

    /// Writes at most about `bytes_max` of what waits; how much it was.
    pub(crate) fn write_some(&self, shared: &Shared, bytes_max: usize) -> io::Result<usize> {
        let mut file = self.file.lock();
        let Some((pos, pages)) = self.inner.lock().sink.take_pages(bytes_max) else { return Ok(0) };
        let file = match &*file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(file.insert(shared.fs.open(&self.path, OpenMode::CreateNew)?)),
        };
        file.write_direct_at(&pages, pos)?;
        Ok(pages.len())
    }

    /// Whether everything was written.
    pub(crate) fn is_written(&self) -> bool {
        let inner = self.inner.lock();
        inner.stage == Stage::Finished && inner.sink.buffered() == 0
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.lock().as_ref().map_or(Ok(()), |file| file.sync_data())
    }

    pub(crate) fn abandon(&self) {
        self.inner.lock().stage = Stage::Abandoned;
    }
}

/// What the owner holds.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    open: Arc<OpenCheckpoint>,
    finished: bool,
}

impl Writer {
    pub(crate) const fn new(shared: Arc<Shared>, open: Arc<OpenCheckpoint>) -> Self {
        Self { shared, open, finished: false }
    }
}

impl CheckpointWriter for Writer {
    fn section(&mut self, section: Section) {
        let buffered = {
            let mut inner = self.open.inner.lock();
            inner.as_of = inner.as_of.max(section.as_of);
            inner.sink.push(kind::STATE, section.entity.to_bits(), section.as_of, &section.bytes);
            inner.sink.buffered()
        };
        if buffered > BUFFER_BYTES_MAX {
            if let Err(error) = self.open.write_some(&self.shared, BUFFER_BYTES_MAX) {
                self.open.abandon();
                if error.kind() != io::ErrorKind::StorageFull {
                    self.shared.fail("write of a checkpoint", &error);
                }
            }
        } else if buffered >= self.shared.options.slice_bytes {
            self.shared.maintain_signal.notify();
        }
    }

    fn finish(mut self: Box<Self>) {
        self.finished = true;
        // An entity without a section is gone as of now: its end must be durable as well before the checkpoint counts.
        let now =
            self.shared.shards.get(usize::from(self.open.shard.0)).map_or(Lsn::ZERO, |shard| shard.log.lock().last);
        let mut inner = self.open.inner.lock();
        inner.as_of = inner.as_of.max(now);
        if inner.stage == Stage::Open {
            inner.sink.finish();
            inner.stage = Stage::Finished;
        }
        drop(inner);
        self.shared.maintain_signal.notify();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished {
            self.open.abandon();
            self.shared.maintain_signal.notify();
        }
    }
}

impl Shared {
    /// Path of a published checkpoint.
    pub(crate) fn checkpoint_path(&self, id: u64) -> PathBuf {
        self.dir.join("ckpt").join(checkpoint_name(id))
    }
}

/// Name of a published checkpoint or index file.
pub(crate) fn checkpoint_name(id: u64) -> String {
    format!("{id:020}.ckpt")
}

/// The number in such a name.
pub(crate) fn parse_checkpoint_name(path: &std::path::Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".ckpt")?;
    if name.len() == 20 { name.parse().ok() } else { None }
}
