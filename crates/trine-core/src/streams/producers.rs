//! Idempotent producers: the last five batches of each, so that a repeated request is answered and not appended (reference §6).

use std::collections::{HashMap, VecDeque};

use trine_types::{Offset, Timestamp};

use super::BatchFacts;
use crate::codec::{DecodeError, Reader, Writer};

/// Batches remembered per producer and partition: what a client may have in flight.
pub const PRODUCER_WINDOW: usize = 5;

/// Who wrote a batch, from its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerStamp {
    /// Producer id, ≥ 0.
    pub id: i64,
    /// Producer epoch.
    pub epoch: i16,
    /// Sequence number of the first record; sequences go from 0 to 2^31-1 and start again at 0.
    pub first_sequence: i32,
}

/// One remembered batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remembered {
    pub first_sequence: i32,
    pub last_sequence: i32,
    pub base: Offset,
    pub max_ts: i64,
}

/// State of one producer in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Producer {
    /// Its current epoch here.
    pub epoch: i16,
    /// When it last wrote.
    pub last_at: Timestamp,
    pub(super) window: VecDeque<Remembered>,
}

impl Producer {
    /// Sequence number of its last record, -1 when none is remembered.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        self.window.back().map_or(-1, |batch| batch.last_sequence)
    }
}

/// What the sequence check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Next,
    Duplicate { base: Offset, max_ts: i64 },
    OldEpoch { current: i16 },
    OutOfOrder { expected: i32 },
}

/// The sequence number `n` after `first`, wrapping from 2^31-1 to 0.
fn advance(first: i32, n: u32) -> i32 {
    ((i64::from(first) + i64::from(n)) % (i64::from(i32::MAX) + 1)) as i32
}

/// All producers of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Producers(HashMap<i64, Producer>);

impl Producers {
    pub(super) fn get(&self, id: i64) -> Option<&Producer> {
        self.0.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &Producer)> {
        self.0.iter().map(|(id, producer)| (*id, producer))
    }

    pub(super) fn check(&self, stamp: ProducerStamp, count: u32) -> Check {
        // A producer nobody knows (expired, or its log was deleted) may go on with any number.
        let Some(producer) = self.get(stamp.id) else { return Check::Next };
        if stamp.epoch < producer.epoch {
            return Check::OldEpoch { current: producer.epoch };
        }
        if stamp.epoch > producer.epoch {
            return if stamp.first_sequence == 0 { Check::Next } else { Check::OutOfOrder { expected: 0 } };
        }
        let last = advance(stamp.first_sequence, count - 1);
        if let Some(known) = producer
            .window
            .iter()
            .find(|known| known.first_sequence == stamp.first_sequence && known.last_sequence == last)
        {
            return Check::Duplicate { base: known.base, max_ts: known.max_ts };
        }
        match producer.window.back() {
            Some(back) if advance(back.last_sequence, 1) != stamp.first_sequence => {
                Check::OutOfOrder { expected: advance(back.last_sequence, 1) }
            }
            _ => Check::Next,
        }
    }

    pub(super) fn appended(&mut self, stamp: ProducerStamp, base: Offset, facts: &BatchFacts, at: Timestamp) {
        let producer = self.0.entry(stamp.id).or_insert_with(|| Producer {
            epoch: stamp.epoch,
            last_at: at,
            window: VecDeque::with_capacity(PRODUCER_WINDOW),
        });
        if producer.epoch != stamp.epoch {
            producer.epoch = stamp.epoch;
            producer.window.clear();
        }
        producer.last_at = at;
        if producer.window.len() == PRODUCER_WINDOW {
            producer.window.pop_front();
        }
        producer.window.push_back(Remembered {
            first_sequence: stamp.first_sequence,
            last_sequence: advance(stamp.first_sequence, facts.count - 1),
            base,
            max_ts: facts.max_ts,
        });
    }

    pub(super) fn forget(&mut self, ids: &[i64]) {
        for id in ids {
            self.0.remove(id);
        }
    }

    pub(super) fn encode(&self, w: &mut Writer) {
        let mut all: Vec<_> = self.iter().collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        w.var(all.len() as u64);
        for (id, producer) in all {
            w.var(id as u64);
            w.i16(producer.epoch);
            w.i64(producer.last_at.0);
            w.var(producer.window.len() as u64);
            for batch in &producer.window {
                w.i32(batch.first_sequence);
                w.i32(batch.last_sequence);
                w.var(batch.base);
                w.i64(batch.max_ts);
            }
        }
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let n = r.count()?;
        let mut map = HashMap::new();
        for _ in 0..n {
            let id = r.var()? as i64;
            let (epoch, last_at) = (r.i16()?, Timestamp(r.i64()?));
            let mut window = VecDeque::with_capacity(PRODUCER_WINDOW);
            for _ in 0..r.count()? {
                window.push_back(Remembered {
                    first_sequence: r.i32()?,
                    last_sequence: r.i32()?,
                    base: r.var()?,
                    max_ts: r.i64()?,
                });
            }
            if window.len() > PRODUCER_WINDOW || map.insert(id, Producer { epoch, last_at, window }).is_some() {
                return r.fail();
            }
        }
        Ok(Self(map))
    }
}
