//! The tail cache: batches just written, kept while somebody reads near the end of the log, so that consumers that keep up cause no system calls
//! (decision E14). Batches are copies of their own: a slow reader of one pins no frame.

use std::{
    collections::{HashMap, VecDeque},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use trine_types::{EntityId, Offset};

use super::hash::IdHash;

/// Memory of an entry beside its bytes.
const ENTRY_BYTES: u64 = 96;

type Key = (EntityId, Offset);

#[derive(Default)]
struct Inner {
    map: HashMap<Key, Bytes, IdHash>,
    order: VecDeque<Key>,
    bytes: u64,
}

/// See the module.
pub(crate) struct TailCache {
    inner: Mutex<Inner>,
    bytes_max: u64,
    idle: Duration,
    /// When somebody last read near the tail, in microseconds of connection time plus one; 0: never.
    read_at: AtomicU64,
}

impl TailCache {
    pub(crate) fn new(bytes_max: u64, idle: Duration) -> Self {
        Self { inner: Mutex::default(), bytes_max, idle, read_at: AtomicU64::new(0) }
    }

    /// Somebody reads near the tail.
    pub(crate) fn note_read(&self, now: Duration) {
        self.read_at.store(now.as_micros() as u64 + 1, Relaxed);
    }

    /// Whether it is worth filling.
    pub(crate) fn wanted(&self, now: Duration) -> bool {
        let read_at = self.read_at.load(Relaxed);
        read_at > 0 && now.saturating_sub(Duration::from_micros(read_at - 1)) < self.idle
    }

    pub(crate) fn insert(&self, entity: EntityId, base: Offset, batch: Bytes) {
        let size = batch.len() as u64 + ENTRY_BYTES;
        if size > self.bytes_max {
            return;
        }
        let mut inner = self.inner.lock();
        while inner.bytes + size > self.bytes_max {
            let Some(oldest) = inner.order.pop_front() else { break };
            if let Some(old) = inner.map.remove(&oldest) {
                inner.bytes -= old.len() as u64 + ENTRY_BYTES;
            }
        }
        inner.bytes += size;
        inner.order.push_back((entity, base));
        if let Some(old) = inner.map.insert((entity, base), batch) {
            inner.bytes -= old.len() as u64 + ENTRY_BYTES;
        }
    }

    pub(crate) fn get(&self, entity: EntityId, base: Offset) -> Option<Bytes> {
        if self.read_at.load(Relaxed) == 0 {
            return None;
        }
        self.inner.lock().map.get(&(entity, base)).cloned()
    }

    /// Empties it once nobody has read near the tail for long enough; whether there was something.
    pub(crate) fn purge_if_idle(&self, now: Duration) -> bool {
        if self.wanted(now) || self.read_at.swap(0, Relaxed) == 0 {
            return false;
        }
        *self.inner.lock() = Inner::default();
        true
    }

    /// Forgets everything: offsets were rewritten.
    pub(crate) fn clear(&self) {
        *self.inner.lock() = Inner::default();
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.inner.lock().bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const E: EntityId = EntityId::CATALOG;

    #[test]
    fn is_wanted_only_after_a_read_and_emptied_when_idle() {
        let cache = TailCache::new(10_000, Duration::from_secs(2));
        assert!(!cache.wanted(Duration::ZERO));
        cache.note_read(Duration::from_secs(1));
        assert!(cache.wanted(Duration::from_millis(2999)));
        cache.insert(E, 5, Bytes::from_static(b"x"));
        assert_eq!(cache.get(E, 5).as_deref(), Some(&b"x"[..]));
        assert!(!cache.purge_if_idle(Duration::from_millis(2999)));
        assert!(cache.purge_if_idle(Duration::from_secs(3)));
        assert_eq!((cache.bytes(), cache.get(E, 5)), (0, None));
        assert!(!cache.wanted(Duration::from_secs(3)));
    }

    #[test]
    fn stays_within_its_bound_and_drops_the_oldest() {
        let cache = TailCache::new(1000, Duration::from_secs(2));
        cache.note_read(Duration::ZERO);
        for base in 0..100 {
            cache.insert(E, base, Bytes::from(vec![0; 100]));
            assert!(cache.bytes() <= 1000);
        }
        assert!(cache.get(E, 99).is_some());
        assert!(cache.get(E, 0).is_none());
        cache.insert(E, 200, Bytes::from(vec![0; 1000]));
        assert!(cache.get(E, 200).is_none());
    }
}
