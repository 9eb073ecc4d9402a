//! A queue with a log, whose checkpoints and replays are compared with it at every step.

use std::sync::Arc;

use trine_types::{EntityId, Timestamp, Uuid};

use crate::queues::*;

/// Id of the queue under test.
pub(super) fn queue_id() -> Uuid {
    Uuid::from_random([1; 16])
}

pub(super) fn entity(number: u64) -> EntityId {
    EntityId::new((number % 1024) as u16, number).unwrap()
}

pub(super) fn n(offset: u64) -> MessageNumber {
    MessageNumber::new(0, offset)
}

/// A queue, its log, and the time.
pub(super) struct World {
    pub(super) queue: Queue,
    pub(super) log: Vec<(QueueRecord, Timestamp)>,
    pub(super) now: i64,
    pub(super) dead_letter: bool,
    version: u64,
}

impl World {
    pub(super) fn new(settings: QueueSettings) -> Self {
        let mut world = Self { queue: Queue::new(), log: Vec::new(), now: 1_000_000, dead_letter: true, version: 0 };
        world.alter(settings);
        world
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp(self.now)
    }

    /// Logs and applies, through the stored form.
    pub(super) fn append(&mut self, records: impl IntoIterator<Item = QueueRecord>) {
        for record in records {
            let (kind, meta) = record.encode();
            assert_eq!(QueueRecord::decode(kind, &meta).as_ref(), Ok(&record));
            let at = self.at();
            self.queue.apply(&record, at);
            self.log.push((record, at));
        }
    }

    pub(super) fn alter(&mut self, settings: QueueSettings) {
        assert_eq!(settings.check(), Ok(()));
        self.version += 1;
        let record = self.queue.decide_meta(queue_id(), self.version, &Arc::new(settings));
        self.append(record);
    }

    pub(super) fn change(&mut self, change: impl FnOnce(&mut QueueSettings)) {
        let mut settings = QueueSettings::clone(self.queue.settings());
        change(&mut settings);
        self.alter(settings);
    }

    pub(super) fn pass(&mut self, ms: i64) {
        self.now += ms;
    }

    pub(super) fn send(&mut self, messages: &[SendMessage]) -> Vec<Result<Accepted, SendRefusal>> {
        let send = self.queue.decide_send(self.at(), messages);
        self.append(send.enqueues.into_iter().map(|(record, _)| record).chain(send.drops));
        send.outcomes
    }

    /// Sends one message that must be taken.
    pub(super) fn put(&mut self, message: SendMessage) -> MessageNumber {
        self.send(&[message])[0].unwrap().number
    }

    /// Sends plain messages.
    pub(super) fn put_plain(&mut self, count: usize) -> Vec<MessageNumber> {
        let message = SendMessage { size: 10, ..SendMessage::default() };
        let mut sent = Vec::new();
        while sent.len() < count {
            sent.extend(self.send(&vec![message; (count - sent.len()).min(ENQUEUE_MESSAGES_MAX)]));
        }
        sent.into_iter().map(|sent| sent.unwrap().number).collect()
    }

    /// Sends a message of a group.
    pub(super) fn put_in(&mut self, group: u64) -> MessageNumber {
        self.put(SendMessage { size: 10, group, ..SendMessage::default() })
    }

    pub(super) fn receive_with(&mut self, max: usize, hold: Hold) -> Received {
        let receive = Receive { max, hold, holder: "ann@host".into(), dead_letter: self.dead_letter };
        let received = self.queue.decide_receive(self.at(), &receive);
        self.append(received.records.iter().cloned());
        received
    }

    pub(super) fn take(&mut self, max: usize) -> Vec<Handle> {
        let received = self.receive_with(max, Hold::Default);
        received.taken.iter().map(|taken| Handle { number: taken.number, receive_count: taken.receive_count }).collect()
    }

    /// Receives and returns the numbers.
    pub(super) fn numbers(&mut self, max: usize) -> Vec<MessageNumber> {
        self.take(max).into_iter().map(|handle| handle.number).collect()
    }

    pub(super) fn ack(&mut self, handles: &[Handle]) -> Vec<Result<(), HandleError>> {
        let handled = self.queue.decide_ack(self.at(), handles);
        self.append(handled.records);
        handled.outcomes
    }

    pub(super) fn extend(&mut self, handle: Handle, hold: u64) -> Result<(), HandleError> {
        let handled = self.queue.decide_extend(self.at(), &[(handle, hold)]);
        self.append(handled.records);
        handled.outcomes[0]
    }

    pub(super) fn release(&mut self, handles: &[Handle], delay_ms: u64) -> Vec<Result<(), HandleError>> {
        let handled = self.queue.decide_release(self.at(), handles, delay_ms);
        self.append(handled.records);
        handled.outcomes
    }

    /// Drops everything whose time is over.
    pub(super) fn expire(&mut self) -> Vec<MessageNumber> {
        let mut dropped = Vec::new();
        while let Some(record) = self.queue.decide_expire(self.at()) {
            let QueueRecord::Settle { numbers, .. } = &record else { panic!("not a settle: {record:?}") };
            assert!(numbers.len() <= EXPIRE_SLICE);
            dropped.extend(numbers.iter().copied());
            self.append([record]);
        }
        dropped
    }

    pub(super) fn purge(&mut self, scope: PurgeScope) -> u64 {
        let (gone, record) = self.queue.decide_purge(self.at(), scope);
        self.append(record);
        gone
    }

    pub(super) fn stats(&mut self) -> QueueStats {
        self.queue.stats(self.at())
    }

    /// (ready, in flight, delayed, moving)
    pub(super) fn counts(&mut self) -> (u64, u64, u64, u64) {
        let stats = self.stats();
        (stats.ready, stats.in_flight, stats.delayed, stats.moving)
    }

    pub(super) fn state(&mut self, number: MessageNumber) -> Option<MessageState> {
        self.queue.state(self.at(), number)
    }

    pub(super) fn next_due(&mut self) -> Option<i64> {
        self.queue.next_due(self.at()).map(|at| at.0 - self.now)
    }

    /// The log applied from the start.
    pub(super) fn replayed(&self) -> Queue {
        let mut queue = Queue::new();
        self.log.iter().for_each(|(record, at)| queue.apply(record, *at));
        queue
    }

    /// Starts again: from the log, or from a checkpoint. Both must say the same.
    pub(super) fn restart(&mut self) {
        let section = self.queue.encode_section();
        let decoded = Queue::decode_section(&section).unwrap();
        let replayed = self.replayed();
        assert_eq!(decoded.encode_section(), section);
        assert_eq!(replayed.encode_section(), section);
        self.queue = if self.log.len().is_multiple_of(2) { decoded } else { replayed };
        self.queue.forget_totals();
    }
}
