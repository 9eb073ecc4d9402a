//! One fetch session: its partitions in the order in which they are read, and what the client knows of each.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use trine_broker::PartitionRef;

use super::PARTITIONS_MAX;
use crate::{
    error::ErrorCode,
    wire::{
        TopicKey,
        fetch::{FetchPartition, FetchTopic, PartitionFetched},
    },
};

/// Nothing was told yet, or an error was: the next answer says it all.
const UNTOLD: i64 = -1;

type Key = (TopicKey, i32);

pub(crate) struct Session {
    id: i32,
    /// The epoch the next request must have.
    epoch: i32,
    by_id: bool,
    partitions: HashMap<Key, Cached>,
    /// Keys by turn: what returned data goes to the end, so that a busy partition does not starve the others.
    order: BTreeMap<u64, Key>,
    next_turn: u64,
    /// Partitions of all sessions.
    total: Arc<AtomicUsize>,
}

struct Cached {
    turn: u64,
    request: FetchPartition,
    target: Option<PartitionRef>,
    high_watermark: i64,
    log_start: i64,
}

/// One partition to read.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub(crate) topic: TopicKey,
    pub(crate) request: FetchPartition,
    /// Where it was found before.
    pub(crate) target: Option<PartitionRef>,
}

impl Session {
    pub(super) fn new(id: i32, by_id: bool, topics: &[FetchTopic], total: Arc<AtomicUsize>) -> Self {
        let mut session =
            Self { id, epoch: 1, by_id, partitions: HashMap::new(), order: BTreeMap::new(), next_turn: 0, total };
        session.take_in(topics);
        session
    }

    pub(crate) const fn id(&self) -> i32 {
        self.id
    }

    /// Checks that a request is the next one of this session, and takes its changes in.
    pub(super) fn advance(
        &mut self,
        epoch: i32,
        by_id: bool,
        topics: &[FetchTopic],
        forgotten: &[(TopicKey, Vec<i32>)],
    ) -> Result<(), ErrorCode> {
        if epoch != self.epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if by_id != self.by_id {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        let more: usize = topics.iter().map(|topic| topic.partitions.len()).sum();
        if self.total.load(Ordering::Relaxed) + more > PARTITIONS_MAX {
            // The client starts again, without a session if there is still no room.
            return Err(ErrorCode::FetchSessionIdNotFound);
        }
        self.epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
        self.take_in(topics);
        for (topic, indexes) in forgotten {
            for index in indexes {
                if let Some(gone) = self.partitions.remove(&(topic.clone(), *index)) {
                    self.order.remove(&gone.turn);
                    self.total.fetch_sub(1, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }

    fn take_in(&mut self, topics: &[FetchTopic]) {
        for topic in topics {
            let kept = topic.topic.detached();
            for request in &topic.partitions {
                let key = (kept.clone(), request.index);
                if let Some(known) = self.partitions.get_mut(&key) {
                    known.request = *request;
                    continue;
                }
                let turn = self.next_turn;
                self.next_turn += 1;
                self.order.insert(turn, key.clone());
                let cached =
                    Cached { turn, request: *request, target: None, high_watermark: UNTOLD, log_start: UNTOLD };
                self.partitions.insert(key, cached);
                self.total.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// All partitions, in the order of their turns.
    pub(crate) fn wanted(&self) -> Vec<Wanted> {
        let wanted = |key: &Key| {
            let cached = self.partitions.get(key)?;
            Some(Wanted { topic: key.0.clone(), request: cached.request, target: cached.target.clone() })
        };
        self.order.values().filter_map(wanted).collect()
    }

    /// Remembers where a partition was found.
    pub(crate) fn found(&mut self, topic: &TopicKey, index: i32, target: &PartitionRef) {
        if let Some(cached) = self.partitions.get_mut(&(topic.clone(), index)) {
            cached.target = Some(target.clone());
        }
    }

    /// Whether an answer says something new; remembers what the client knows after it.
    pub(crate) fn tell(&mut self, topic: &TopicKey, answer: &PartitionFetched) -> bool {
        let key = (topic.clone(), answer.index);
        // Forgotten while this fetch was parked.
        let Some(cached) = self.partitions.get_mut(&key) else { return true };
        let has_records = !answer.records.is_empty();
        let news = answer.error != 0
            || has_records
            || answer.diverging.is_some()
            || cached.high_watermark != answer.high_watermark
            || cached.log_start != answer.log_start;
        if answer.error == 0 {
            cached.high_watermark = answer.high_watermark;
            cached.log_start = answer.log_start;
        } else {
            // Once it heals the client must hear of it.
            cached.high_watermark = UNTOLD;
            cached.log_start = UNTOLD;
        }
        if has_records {
            self.order.remove(&cached.turn);
            cached.turn = self.next_turn;
            self.order.insert(cached.turn, key);
            self.next_turn += 1;
        }
        news
    }

    #[cfg(test)]
    pub(super) fn epoch_for_test(&mut self, epoch: i32) {
        self.epoch = epoch;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.total.fetch_sub(self.partitions.len(), Ordering::Relaxed);
    }
}
