//! What clients do, and what they learn from the answers.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use trine_broker::{
    AppendError, Appended, Broker, CommitEntry, Failure, FetchPartition, FetchResult, FetchSpec, GroupError, MemberRef,
    NewBatch, NewTopic, PartitionRef, StreamError, TopicError, TopicResult, TopicSelector,
};
use trine_records::{BatchBuilder, BatchHeader, Records, records_of};
use trine_storage::StoredBatch;
use trine_types::{GroupName, Offset, TopicName, Uuid};

use super::{
    Check, ensure,
    life::{Live, World},
    model::{COMPACT, LOSSY, RecordId, TopicModel, key_of},
    queues,
};

/// Operations under way at a time.
const PENDING_MAX: usize = 24;
/// Topic names; few, so that they are used again.
const NAMES: [&str; 4] = ["alpha", "beta", COMPACT, LOSSY];
/// Groups.
const GROUPS: usize = 2;
/// Batches an idempotent producer has under way.
const IN_FLIGHT_MAX: usize = 3;
/// Largest batch in bytes of records, so that limits and segments are met.
const PADDING_MAX: u64 = 600;

/// An operation under way.
pub(super) struct Pending {
    pub(super) what: What,
    answer: Pin<Box<dyn Future<Output = Answer>>>,
}

/// What was asked for.
pub(super) enum What {
    Queue(queues::What),
    Create { name: TopicName },
    Grow { id: Uuid },
    Delete { id: Uuid },
    Append { id: Uuid, index: u32, first: RecordId, count: u32 },
    Produce { id: Uuid, index: u32, sequence: i32 },
    Fetch { id: Uuid, index: u32 },
    Trim { id: Uuid, index: u32 },
    Commit { group: usize, id: Uuid, index: u32, number: u64 },
    ProducerId,
}

/// What came back.
pub(super) enum Answer {
    Queue(queues::Answer),
    Topic(TopicResult),
    Append(Result<Appended, AppendError>),
    Fetch(FetchResult),
    Trim(Result<Offset, StreamError>),
    Commit(Result<Vec<Result<(), GroupError>>, GroupError>),
    ProducerId(Result<i64, Failure>),
}

/// An idempotent producer of one partition.
#[derive(Default)]
pub(super) struct Producer {
    id: i64,
    next: i32,
    /// What was not answered yet, oldest first.
    unanswered: VecDeque<Sent>,
}

struct Sent {
    sequence: i32,
    first: RecordId,
    count: u32,
    bytes: Bytes,
    /// Handed to the broker in this life.
    sent: bool,
    /// Handed to a broker in an earlier life.
    again: bool,
}

/// A batch whose records hold their numbers.
fn batch(producer: Option<(i64, i32)>, ts: i64, first: RecordId, count: u32, padding: usize) -> Bytes {
    let mut builder = match producer {
        Some((id, sequence)) => BatchBuilder::new().producer(id, 0, sequence),
        None => BatchBuilder::new(),
    };
    for id in first..first + u64::from(count) {
        let (key, value) = (key_of(id).to_string(), format!("{id} {}", "x".repeat(padding)));
        builder.push(ts, Some(key.as_bytes()), Some(value.as_bytes()), &[]);
    }
    // Small and uncompressed: building cannot fail.
    builder.build().unwrap_or_default()
}

/// Offsets and numbers of the records of a stored batch.
pub(super) fn numbers(batch: &StoredBatch) -> Result<Vec<(Offset, RecordId)>, String> {
    let broken = |error| format!("the batch at {} cannot be read: {error}", batch.base);
    let header = BatchHeader::parse(&batch.bytes).map_err(broken)?;
    ensure!(header.base_offset as u64 == batch.base, "the batch at {} says {}", batch.base, header.base_offset);
    let payload = records_of(&header, &batch.bytes, 1 << 24).map_err(broken)?;
    let mut numbers = Vec::new();
    for record in Records::new(&payload) {
        let record = record.map_err(broken)?;
        let text = String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned();
        let id = text.split(' ').next().and_then(|id| id.parse().ok());
        numbers.push((header.offset_at(record.offset_delta), id.ok_or("a record without a number")?));
    }
    Ok(numbers)
}

pub(super) fn fetch_from(partition: &PartitionRef, from: Offset) -> FetchSpec {
    let one = FetchPartition {
        partition: partition.clone(),
        from,
        max_bytes: 1 << 16,
        current_leader_epoch: None,
        last_fetched_epoch: None,
    };
    FetchSpec { partitions: vec![one], min_bytes: 1, max_bytes: 1 << 16, max_wait: Duration::ZERO }
}

pub(super) fn group_name(group: usize) -> GroupName {
    GroupName::parse(&format!("group-{group}")).unwrap_or_else(|_| unreachable!("a constant name"))
}

impl World<'_> {
    pub(super) fn start_something(&mut self, live: &mut Live) {
        if live.pending.len() >= PENDING_MAX {
            return;
        }
        if self.rng.chance(self.queue_share) {
            return self.start_on_queues(live);
        }
        match self.rng.below(40) {
            0..=2 => self.start_create(live),
            3 => self.start_grow(live),
            4 => self.start_delete(live),
            5..=14 => self.start_append(live),
            15..=26 => self.start_produce(live),
            27..=31 => self.start_fetch(live),
            32..=33 => self.start_trim(live),
            34..=38 => self.start_commit(live),
            _ => {
                let broker = live.broker.clone();
                start(live, What::ProducerId, async move { Answer::ProducerId(broker.producers().new_id().await) });
            }
        }
    }

    /// A random partition that clients can see.
    fn some_partition(&mut self, broker: &Broker) -> Option<PartitionRef> {
        let catalog = broker.catalog();
        let mut topics: Vec<_> = catalog.topics().collect();
        topics.sort_unstable_by_key(|topic| topic.name.clone());
        let topic = topics.get(self.rng.below(topics.len() as u64) as usize)?;
        topic.partition(self.rng.below(u64::from(topic.partitions())) as u32)
    }

    fn start_create(&mut self, live: &mut Live) {
        let name = NAMES[self.rng.below(NAMES.len() as u64) as usize];
        let Ok(name) = TopicName::parse(name) else { return };
        let settings = [
            ("trine.durability", if name.as_str() == LOSSY { "interval:50" } else { "sync" }),
            ("cleanup.policy", if name.as_str() == COMPACT { "compact" } else { "delete" }),
            ("min.cleanable.dirty.ratio", "0.01"),
            ("retention.ms", "-1"),
            ("segment.bytes", "2000"),
        ];
        let new = NewTopic {
            name: name.clone(),
            partitions: Some(self.rng.below(3) as u32 + 1),
            settings: settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        };
        self.model.creating.push(name.clone());
        let broker = live.broker.clone();
        start(live, What::Create { name }, async move {
            let mut made = broker.topics().create(vec![new], false).await;
            Answer::Topic(made.pop().unwrap_or(Err(TopicError::NotFound)))
        });
    }

    fn start_grow(&mut self, live: &mut Live) {
        let Some(partition) = self.some_partition(&live.broker) else { return };
        let (name, id) = (partition.topic().name.clone(), partition.topic().id);
        let (total, broker) = (partition.topic().partitions() + 1, live.broker.clone());
        start(live, What::Grow { id }, async move {
            Answer::Topic(broker.topics().add_partitions(&name, total, false).await)
        });
    }

    fn start_delete(&mut self, live: &mut Live) {
        let Some(partition) = self.some_partition(&live.broker) else { return };
        let (id, broker) = (partition.topic().id, live.broker.clone());
        if let Some(topic) = self.model.topics.get_mut(&id) {
            topic.deleting = true;
        }
        start(
            live,
            What::Delete { id },
            async move { Answer::Topic(broker.topics().delete(TopicSelector::Id(id)).await) },
        );
    }

    fn new_batch(&mut self, id: Uuid, index: u32, producer: Option<(i64, i32)>) -> Option<(RecordId, u32, Bytes)> {
        let (first, count) = (self.next_record, self.rng.below(3) as u32 + 1);
        self.next_record += u64::from(count);
        let padding = self.rng.below(PADDING_MAX) as usize;
        let ts = trine_env::Clock::now(&self.clock).0;
        let part = self.model.topics.get_mut(&id)?.parts.entry(index).or_default();
        part.sent.insert(first, count);
        Some((first, count, batch(producer, ts, first, count, padding)))
    }

    fn start_append(&mut self, live: &mut Live) {
        let Some(partition) = self.some_partition(&live.broker) else { return };
        let (id, index) = (partition.topic().id, partition.index());
        let Some((first, count, bytes)) = self.new_batch(id, index, None) else { return };
        append(live, What::Append { id, index, first, count }, &partition, bytes);
    }

    fn start_produce(&mut self, live: &mut Live) {
        let Some(partition) = self.some_partition(&live.broker) else { return };
        let (id, index) = (partition.topic().id, partition.index());
        if self.model.topics.get(&id).is_none_or(|topic| topic.lossy) {
            return;
        }
        if !self.producers.contains_key(&(id, index)) {
            // Ids far from those that the broker gives out.
            let producer = Producer { id: (1 << 40) + self.next_record as i64, ..Producer::default() };
            self.producers.insert((id, index), producer);
        }
        let Some((producer, next, waiting)) =
            self.producers.get(&(id, index)).map(|p| (p.id, p.next, p.unanswered.len()))
        else {
            return;
        };
        // On a disk that may be full a refusal would leave a gap for those behind it.
        let in_flight = if self.bounded { 1 } else { IN_FLIGHT_MAX };
        if waiting < in_flight {
            let Some((first, count, bytes)) = self.new_batch(id, index, Some((producer, next))) else { return };
            let Some(producer) = self.producers.get_mut(&(id, index)) else { return };
            producer.next += count as i32;
            let sent = Sent { sequence: next, first, count, bytes, sent: false, again: false };
            producer.unanswered.push_back(sent);
        }
        let Some(producer) = self.producers.get_mut(&(id, index)) else { return };
        let mut wanted = Vec::new();
        let room = in_flight.saturating_sub(producer.unanswered.iter().filter(|sent| sent.sent).count());
        for sent in producer.unanswered.iter_mut().filter(|sent| !sent.sent).take(room) {
            sent.sent = true;
            self.tally.repeated += u64::from(sent.again);
            wanted.push((sent.sequence, sent.bytes.clone()));
        }
        for (sequence, bytes) in wanted {
            append(live, What::Produce { id, index, sequence }, &partition, bytes);
        }
    }

    fn start_fetch(&mut self, live: &mut Live) {
        let Some(partition) = self.some_partition(&live.broker) else { return };
        let (id, index) = (partition.topic().id, partition.index());
        let (start_at, end) = (partition.view().log_start(), partition.view().end());
        let mut spec = fetch_from(&partition, start_at + self.rng.below(end - start_at + 1));
        if self.rng.chance(0.3) {
            spec.max_wait = Duration::from_millis(50);
        }
        let broker = live.broker.clone();
        start(live, What::Fetch { id, index }, async move { Answer::Fetch(broker.streams().fetch(spec).await) });
    }

    fn start_trim(&mut self, live: &mut Live) {
        let Some(partition) = self.some_partition(&live.broker) else { return };
        let (id, index) = (partition.topic().id, partition.index());
        let end = partition.view().end();
        let to = self.rng.below(end + 1);
        let Some(topic) = self.model.topics.get_mut(&id) else { return };
        let part = topic.parts.entry(index).or_default();
        part.trimming = part.trimming.max(to);
        let broker = live.broker.clone();
        start(live, What::Trim { id, index }, async move {
            Answer::Trim(broker.streams().trim(&partition, Some(to)).await)
        });
    }

    fn start_commit(&mut self, live: &mut Live) {
        let Some(partition) = self.some_partition(&live.broker) else { return };
        let (id, index) = (partition.topic().id, partition.index());
        let group = self.rng.below(GROUPS as u64) as usize;
        let commit = self.model.commits.entry((group, id, index)).or_default();
        if std::mem::replace(&mut commit.busy, true) {
            return;
        }
        commit.sent += 1;
        let number = commit.sent;
        let entry =
            CommitEntry { topic: id, partition: index, offset: number, leader_epoch: -1, metadata: String::new() };
        let broker = live.broker.clone();
        start(live, What::Commit { group, id, index, number }, async move {
            let outside = MemberRef { member_id: String::new(), instance_id: None, generation: -1 };
            Answer::Commit(broker.groups().commit(&group_name(group), &outside, vec![entry]).await)
        });
    }

    /// Polls everything under way, in order, and learns from what is answered.
    pub(super) fn poll_pending(&mut self, live: &mut Live) -> Check {
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..live.pending.len() {
            let Some(mut pending) = live.pending.pop_front() else { break };
            match pending.answer.as_mut().poll(&mut context) {
                Poll::Ready(answer) => self.learn(live, &pending.what, answer)?,
                Poll::Pending => live.pending.push_back(pending),
            }
        }
        Ok(())
    }

    fn learn(&mut self, live: &Live, what: &What, answer: Answer) -> Check {
        match (what, answer) {
            (What::Queue(what), Answer::Queue(answer)) => self.learn_queue(live, what, answer),
            (What::Create { name }, Answer::Topic(result)) => self.learn_create(name, &result),
            (What::Grow { id }, Answer::Topic(Ok(topic))) if topic.id == *id => {
                if let Some(known) = self.model.topics.get_mut(id) {
                    known.partitions = known.partitions.max(topic.partitions());
                }
                Ok(())
            }
            (What::Delete { id }, Answer::Topic(Ok(_))) => {
                self.tally.deleted += 1;
                if let Some(topic) = self.model.topics.get_mut(id) {
                    topic.deleted = true;
                }
                self.producers.retain(|(topic, _), _| topic != id);
                ensure!(live.broker.catalog().topic_by_id(*id).is_none(), "a deleted topic is still listed");
                Ok(())
            }
            (What::Append { id, index, first, count }, Answer::Append(Ok(appended))) => {
                self.tally.appended += 1;
                self.learn_batch(*id, *index, appended.base_offset, *first, *count)
            }
            (What::Append { .. }, Answer::Append(Err(AppendError::Failure(Failure::Full { .. })))) => {
                self.tally.full += 1;
                Ok(())
            }
            (What::Produce { id, index, sequence }, Answer::Append(result)) => {
                self.learn_produced(*id, *index, *sequence, result)
            }
            (What::Fetch { id, index }, Answer::Fetch(result)) => self.learn_fetched(*id, *index, &result),
            (What::Trim { id, index }, Answer::Trim(Ok(log_start))) => {
                self.tally.trims += 1;
                if let Some(topic) = self.model.topics.get_mut(id) {
                    let part = topic.parts.entry(*index).or_default();
                    ensure!(log_start <= part.trimming, "the log starts at {log_start}, which nobody asked for");
                    part.trimmed = part.trimmed.max(log_start);
                }
                Ok(())
            }
            (What::Commit { group, id, index, number }, Answer::Commit(result)) => {
                let commit = self.model.commits.entry((*group, *id, *index)).or_default();
                commit.busy = false;
                if result.is_ok_and(|results| results.iter().all(Result::is_ok)) {
                    self.tally.commits += 1;
                    commit.answered = commit.answered.max(*number);
                }
                Ok(())
            }
            (What::ProducerId, Answer::ProducerId(Ok(id))) => {
                ensure!(self.model.producer_ids.insert(id), "producer id {id} was given twice");
                Ok(())
            }
            // Refused or unknown: nothing is known.
            _ => Ok(()),
        }
    }

    fn learn_create(&mut self, name: &TopicName, result: &TopicResult) -> Check {
        if matches!(result, Err(TopicError::Failure(Failure::Unknown))) {
            // It may come to be, and stays on the list.
            return Ok(());
        }
        if let Some(at) = self.model.creating.iter().position(|creating| creating == name) {
            self.model.creating.swap_remove(at);
        }
        if let Ok(topic) = result {
            self.tally.created += 1;
            let new = TopicModel::new(name.clone(), topic.partitions());
            ensure!(self.model.topics.insert(topic.id, new).is_none(), "topic id {} was given twice", topic.id);
        }
        Ok(())
    }

    fn learn_batch(&mut self, id: Uuid, index: u32, base: Offset, first: RecordId, count: u32) -> Check {
        let Some(topic) = self.model.topics.get_mut(&id) else { return Ok(()) };
        let part = topic.parts.entry(index).or_default();
        for at in 0..u64::from(count) {
            part.learn(base + at, first + at)?;
        }
        Ok(())
    }

    fn learn_produced(&mut self, id: Uuid, index: u32, sequence: i32, result: Result<Appended, AppendError>) -> Check {
        let Some(producer) = self.producers.get_mut(&(id, index)) else { return Ok(()) };
        let Some(at) = producer.unanswered.iter().position(|sent| sent.sequence == sequence) else { return Ok(()) };
        match result {
            Ok(appended) => {
                let Some(sent) = producer.unanswered.remove(at) else { return Ok(()) };
                ensure!(sent.again || !appended.duplicate, "sequence {sequence} was sent once and is a duplicate");
                self.tally.appended += 1;
                self.tally.duplicates += u64::from(appended.duplicate);
                self.learn_batch(id, index, appended.base_offset, sent.first, sent.count)
            }
            Err(AppendError::Failure(Failure::Full { .. } | Failure::Busy { .. } | Failure::Stopping)) => {
                self.tally.full += 1;
                if let Some(sent) = producer.unanswered.get_mut(at) {
                    sent.sent = false;
                }
                Ok(())
            }
            // Tried again in the next life.
            Err(AppendError::Failure(Failure::Unknown)) => Ok(()),
            Err(AppendError::UnknownPartition) => {
                self.producers.remove(&(id, index));
                Ok(())
            }
            Err(error) => Err(format!("an idempotent producer that skipped nothing was refused: {error}")),
        }
    }

    fn learn_fetched(&mut self, id: Uuid, index: u32, result: &FetchResult) -> Check {
        let Some(topic) = self.model.topics.get_mut(&id) else { return Ok(()) };
        let compact = topic.compact;
        let part = topic.parts.entry(index).or_default();
        let Some(Ok(fetched)) = result.partitions.first() else { return Ok(()) };
        for batch in &fetched.batches {
            let records = numbers(batch)?;
            part.check_batch(batch.base, &records, compact)?;
            ensure!(batch.end() <= fetched.end, "a fetch returned offset {} beyond {}", batch.end(), fetched.end);
            self.tally.read += records.len() as u64;
            for (offset, number) in records {
                part.learn(offset, number)?;
            }
        }
        Ok(())
    }

    /// An operation that will never be answered.
    pub(super) fn cut_off(&self, pending: Pending) {
        drop(pending.answer);
    }

    /// Producers send again what they got no answer for.
    pub(super) fn producers_start_over(&mut self) {
        for producer in self.producers.values_mut() {
            for sent in &mut producer.unanswered {
                sent.again |= sent.sent;
                sent.sent = false;
            }
        }
    }
}

pub(super) fn start(live: &mut Live, what: What, answer: impl Future<Output = Answer> + 'static) {
    live.pending.push_back(Pending { what, answer: Box::pin(answer) });
}

/// Puts a batch in the shard's mailbox now, so that batches sent in a row are appended in a row.
fn append(live: &mut Live, what: What, partition: &PartitionRef, bytes: Bytes) {
    let Some(batch) = NewBatch::built(bytes) else { return };
    let broker = live.broker.clone();
    let streams = broker.streams();
    let mut permit = Box::pin(streams.permit(batch.len()));
    let mut context = Context::from_waker(Waker::noop());
    // There is always room for so few.
    let Poll::Ready(Ok(permit)) = permit.as_mut().poll(&mut context) else { return };
    let appended = streams.append(permit, partition, batch);
    start(live, what, async move { Answer::Append(appended.await) });
}
