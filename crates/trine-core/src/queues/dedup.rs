//! Which deduplication ids were seen within the window, and which message each one is (decision Q9). Nothing is forgotten early: a queue that remembers as
//! many as it may refuses further ids.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use trine_types::Timestamp;

use super::MessageNumber;
use crate::codec::{DecodeError, Reader, Writer};

/// Ids that one queue remembers at most, unless the server says otherwise.
pub const DEDUP_ENTRIES_MAX: usize = 4_000_000;

/// Entries of a shared piece.
const CHUNK: usize = 1024;
/// Outdated entries that one send forgets, besides as many as it adds: the memory shrinks without a stall.
const FORGET_SLICE: usize = 64;

/// Remembered ids, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Dedup {
    chunks: VecDeque<Arc<Vec<Entry>>>,
    /// Entries of the first chunk that are forgotten.
    skip: usize,
    /// Entries ever removed with their chunks: position of the first entry of the first chunk.
    base: u64,
    /// Id → position of its newest entry. Derived.
    index: BTreeMap<Key, u64>,
}

/// Halves, so that an entry needs no padding.
type Key = [u64; 2];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    key: Key,
    number: MessageNumber,
    at: Timestamp,
}

const fn key(id: u128) -> Key {
    [(id >> 64) as u64, id as u64]
}

impl Dedup {
    fn entry(&self, position: u64) -> Option<&Entry> {
        let at = usize::try_from(position.checked_sub(self.base)?).ok()?;
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    /// How many entries are kept, outdated ones included.
    pub(super) fn len(&self) -> usize {
        let full = self.chunks.len().saturating_sub(1) * CHUNK;
        full + self.chunks.back().map_or(0, |chunk| chunk.len()) - self.skip
    }

    /// The message that was sent with an id within the window before `now`.
    pub(super) fn find(&self, id: u128, now: Timestamp, window_ms: i64) -> Option<MessageNumber> {
        let entry = self.entry(*self.index.get(&key(id))?)?;
        (entry.at.plus_ms(window_ms) > now).then_some(entry.number)
    }

    /// How many ids are remembered at `now`.
    pub(super) fn remembered(&self, now: Timestamp, window_ms: i64) -> usize {
        let (mut low, mut high) = (self.base + self.skip as u64, self.base + (self.skip + self.len()) as u64);
        let end = high;
        while low < high {
            let middle = low + (high - low) / 2;
            if self.entry(middle).is_some_and(|entry| entry.at.plus_ms(window_ms) <= now) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (end - low) as usize
    }

    /// An id was accepted.
    pub(super) fn add(&mut self, id: u128, number: MessageNumber, at: Timestamp) {
        let position = self.base + (self.skip + self.len()) as u64;
        if self.chunks.back().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push_back(Arc::default());
        }
        let key = key(id);
        if let Some(chunk) = self.chunks.back_mut() {
            Arc::make_mut(chunk).push(Entry { key, number, at });
        }
        self.index.insert(key, position);
    }

    /// Forgets some of what is outside the window at `at`, the time of a record that added `added` ids.
    pub(super) fn forget_outdated(&mut self, at: Timestamp, window_ms: i64, added: usize) {
        for _ in 0..FORGET_SLICE + added {
            let position = self.base + self.skip as u64;
            let Some(entry) = self.entry(position).copied().filter(|entry| entry.at.plus_ms(window_ms) <= at) else {
                return;
            };
            if self.index.get(&entry.key) == Some(&position) {
                self.index.remove(&entry.key);
            }
            self.skip += 1;
            if self.skip == CHUNK {
                self.chunks.pop_front();
                self.base += CHUNK as u64;
                self.skip = 0;
            }
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| 40 + chunk.capacity() * size_of::<Entry>()).sum::<usize>()
            + self.index.len() * 36
    }

    pub(super) fn freeze(&self) -> FrozenDedup {
        FrozenDedup { left: self.len(), chunks: self.chunks.clone(), skip: self.skip, begun: false }
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut dedup = Self::default();
        for _ in 0..r.count()? {
            let id = u128::from_le_bytes(r.uuid()?.0);
            dedup.add(id, MessageNumber(r.u64()?), Timestamp(r.i64()?));
        }
        Ok(dedup)
    }
}

/// Remembered ids as they were at one moment.
#[derive(Debug)]
pub(super) struct FrozenDedup {
    left: usize,
    chunks: VecDeque<Arc<Vec<Entry>>>,
    skip: usize,
    begun: bool,
}

impl FrozenDedup {
    /// Encodes the next chunk; false when there is none.
    pub(super) fn encode_next(&mut self, w: &mut Writer) -> bool {
        if !self.begun {
            self.begun = true;
            w.var(self.left as u64);
            return true;
        }
        let Some(chunk) = self.chunks.pop_front() else { return false };
        for entry in chunk.iter().skip(std::mem::take(&mut self.skip)) {
            let id = (u128::from(entry.key[0]) << 64) | u128::from(entry.key[1]);
            w.raw(&id.to_le_bytes());
            w.u64(entry.number.0);
            w.i64(entry.at.0);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reload(dedup: &Dedup) -> Dedup {
        let mut w = Writer::new();
        let mut frozen = dedup.freeze();
        while frozen.encode_next(&mut w) {}
        Dedup::decode(&mut Reader::new(&w.finish(), "test")).unwrap()
    }

    #[test]
    fn remembers_for_the_window_and_not_longer() {
        let mut dedup = Dedup::default();
        for i in 0..3000_u64 {
            dedup.add(u128::from(i) << 60, MessageNumber(i), Timestamp(i as i64));
        }
        for dedup in [&dedup, &reload(&dedup)] {
            let find = |i: u64, now| dedup.find(u128::from(i) << 60, Timestamp(now), 100);
            assert_eq!(find(2900, 2999), Some(MessageNumber(2900)));
            assert_eq!(find(2899, 2999), None);
            assert_eq!(find(5000, 2999), None);
            assert_eq!(dedup.remembered(Timestamp(2999), 100), 100);
        }
        // Each send forgets a slice of what is outdated, and nothing else.
        dedup.forget_outdated(Timestamp(2999), 100, 1000);
        assert_eq!((dedup.len(), dedup.remembered(Timestamp(2999), 100)), (3000 - 1064, 100));
        while dedup.len() > 100 {
            dedup.forget_outdated(Timestamp(2999), 100, 0);
        }
        dedup.forget_outdated(Timestamp(2999), 100, 0);
        assert_eq!((dedup.len(), dedup.index.len()), (100, 100));
        assert_eq!(reload(&dedup).find(2950 << 60, Timestamp(2999), 100), Some(MessageNumber(2950)));
    }

    #[test]
    fn an_id_that_is_used_again_names_the_newer_message() {
        let mut dedup = Dedup::default();
        dedup.add(1, MessageNumber(1), Timestamp(0));
        dedup.add(1, MessageNumber(2), Timestamp(100));
        assert_eq!(dedup.find(1, Timestamp(150), 100), Some(MessageNumber(2)));
        dedup.forget_outdated(Timestamp(150), 100, 0);
        assert_eq!((dedup.len(), dedup.find(1, Timestamp(150), 100)), (1, Some(MessageNumber(2))));
    }
}
