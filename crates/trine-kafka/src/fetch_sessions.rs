//! Fetch sessions (KIP-227): a client with many partitions names them once and then sends and gets only what changed.
//!
//! One table for all connections, bounded in sessions and in partitions. A request without a session, or one the table has no room for, gets session 0,
//! which is always legal: the client sends everything again. A session that nobody used for two minutes may be replaced.

mod session;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use trine_env::Rng;

pub(crate) use self::session::{Session, Wanted};
use crate::{error::ErrorCode, wire::fetch::FetchRequest};

/// A session that was not used for so long may be replaced by a new one.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// Partitions of all sessions together; each costs a few hundred bytes.
const PARTITIONS_MAX: usize = 1_000_000;

/// The table.
pub(crate) struct FetchSessions {
    max: usize,
    rng: Arc<dyn Rng>,
    table: Mutex<HashMap<i32, Entry>>,
    partitions: Arc<AtomicUsize>,
}

struct Entry {
    session: Arc<Mutex<Session>>,
    last_used: Duration,
}

/// What a fetch request means for its session.
pub(crate) enum Begun {
    /// No session: the request stands for itself, and everything is answered.
    Alone,
    /// A new session of the request's partitions: everything is answered.
    New(Arc<Mutex<Session>>),
    /// The session's partitions, as changed by the request: only what is new is answered.
    Incremental(Arc<Mutex<Session>>),
}

impl FetchSessions {
    pub(crate) fn new(max: usize, rng: Arc<dyn Rng>) -> Self {
        Self { max, rng, table: Mutex::default(), partitions: Arc::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.lock().len()
    }

    /// Finds, makes or ends the session of a request, and takes its changes in.
    ///
    /// `now` is connection time.
    pub(crate) fn begin(&self, now: Duration, request: &FetchRequest, by_id: bool) -> Result<Begun, ErrorCode> {
        const NONE: i32 = -1;
        const NEW: i32 = 0;
        match (request.session_id, request.session_epoch) {
            (id, epoch @ (NONE | NEW)) => {
                if id != 0 {
                    self.table.lock().remove(&id);
                }
                let created = if epoch == NEW { self.create(request, by_id, now) } else { None };
                Ok(created.map_or(Begun::Alone, Begun::New))
            }
            (id, epoch) => {
                let session = {
                    let mut table = self.table.lock();
                    let entry = table.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
                    entry.last_used = now;
                    Arc::clone(&entry.session)
                };
                session.lock().advance(epoch, by_id, &request.topics, &request.forgotten)?;
                Ok(Begun::Incremental(session))
            }
        }
    }

    fn create(&self, request: &FetchRequest, by_id: bool, now: Duration) -> Option<Arc<Mutex<Session>>> {
        let count: usize = request.topics.iter().map(|topic| topic.partitions.len()).sum();
        if self.max == 0 || count == 0 || self.partitions.load(Ordering::Relaxed) + count > PARTITIONS_MAX {
            return None;
        }
        let mut table = self.table.lock();
        if table.len() >= self.max {
            let (&oldest, entry) = table.iter().min_by_key(|(_, entry)| entry.last_used)?;
            if now.saturating_sub(entry.last_used) < IDLE_MAX {
                return None;
            }
            table.remove(&oldest);
        }
        let id = loop {
            // Not guessable, so that nobody's mistake hits another's session.
            let id = (self.rng.next_u64() & 0x7fff_ffff) as i32;
            if id != 0 && !table.contains_key(&id) {
                break id;
            }
        };
        let session = Session::new(id, by_id, &request.topics, Arc::clone(&self.partitions));
        let session = Arc::new(Mutex::new(session));
        table.insert(id, Entry { session: Arc::clone(&session), last_used: now });
        Some(session)
    }
}

#[cfg(test)]
mod tests;
