//! A queue in a checkpoint (decision E6).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use trine_types::Uuid;

use super::dedup::{Dedup, FrozenDedup};
use super::facts::{Facts, FrozenFacts};
use super::ledger::{FrozenLedger, Ledger};
use super::queue::Queue;
use super::record::{read_task, write_task};
use super::{MOVE_TASKS_KEPT, QueueSettings};
use crate::codec::{DecodeError, Reader, Writer};
use crate::forwards::{Inbox, Outbox};

/// Version byte of the section. A reader refuses versions it does not know.
const VERSION: u8 = 1;

/// A queue as it was at one moment, to be encoded in slices between commands. It shares what grows with the backlog with the queue until that changes, so
/// making one is quick: a pointer per 4096 messages.
#[derive(Debug)]
pub struct FrozenQueue {
    /// What is small.
    begin: Option<Bytes>,
    ledger: FrozenLedger,
    facts: FrozenFacts,
    dedup: FrozenDedup,
}

impl FrozenQueue {
    /// Appends about `bytes` more bytes of the section to `w` (one part at least, a part has up to some hundred KiB when 4096 consecutive messages are all
    /// in flight). False when the section is complete.
    pub fn encode_slice(&mut self, w: &mut Writer, bytes: usize) -> bool {
        let end = w.len() + bytes;
        loop {
            let more = if let Some(begin) = self.begin.take() {
                w.raw(&begin);
                true
            } else {
                self.ledger.encode_next(w) || self.facts.encode_next(w) || self.dedup.encode_next(w)
            };
            if !more {
                return false;
            }
            if w.len() >= end {
                return true;
            }
        }
    }
}

impl Queue {
    /// The queue as it is now, to be encoded in slices.
    #[must_use]
    pub fn freeze(&self) -> FrozenQueue {
        let mut w = Writer::new();
        w.u8(VERSION);
        w.raw(&self.id.0);
        w.var(self.version);
        self.settings.encode(&mut w);
        w.var(self.bytes);
        self.outbox.encode(&mut w);
        self.inbox.encode(&mut w);
        w.var(self.tasks.len() as u64);
        self.tasks.iter().for_each(|task| write_task(&mut w, task));
        FrozenQueue {
            begin: Some(w.finish()),
            ledger: self.ledger.freeze(),
            facts: self.facts.freeze(&self.ledger),
            dedup: self.dedup.freeze(),
        }
    }

    /// The whole section at once.
    #[must_use]
    pub fn encode_section(&self) -> Bytes {
        let mut w = Writer::new();
        let mut frozen = self.freeze();
        while frozen.encode_slice(&mut w, usize::MAX / 2) {}
        w.finish()
    }

    /// Reads a section back; an error when the bytes are damaged or of a newer version.
    pub fn decode_section(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes, "the section of a queue");
        if r.u8()? != VERSION {
            return r.fail();
        }
        let id: Uuid = r.uuid()?;
        let version = r.var()?;
        let settings = Arc::new(QueueSettings::decode(&mut r)?);
        let bytes = r.var()?;
        let outbox = Outbox::decode(&mut r)?;
        let inbox = Inbox::decode(&mut r)?;
        let mut tasks = VecDeque::new();
        for _ in 0..r.count()? {
            if tasks.len() == MOVE_TASKS_KEPT {
                return r.fail();
            }
            tasks.push_back(read_task(&mut r)?);
        }
        let ledger = Ledger::decode(&mut r)?;
        let facts = Facts::decode(&mut r, &ledger)?;
        let dedup = Dedup::decode(&mut r)?;
        r.end()?;
        let mut queue =
            Self { id, version, settings, ledger, facts, dedup, bytes, outbox, inbox, tasks, ..Self::default() };
        queue.rebuild_groups();
        queue.rebuild_origins();
        Ok(queue)
    }
}
