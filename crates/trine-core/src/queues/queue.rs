//! A queue's state and how records change it.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use trine_types::{Offset, Timestamp, Uuid};

use super::dedup::{DEDUP_ENTRIES_MAX, Dedup};
use super::facts::Facts;
use super::groups::{Fair, Fifo};
use super::late::Origins;
use super::ledger::{Delivery, Ledger, MarkState, Place};
use super::{
    Deliver, Enqueue, EnqueuedMessage, Forward, MessageFacts, MessageNumber, MoveCause, MoveTask, PurgeScope,
    QueueRecord, QueueSettings, QueueTotals, ReleaseKind, SettleReason,
};
use crate::forwards::{Inbox, Outbox, OutboxRecord};

/// A queue. A new one knows nothing; its first record ([`QueueRecord::Meta`]) tells id and settings.
#[derive(Clone, Debug)]
pub struct Queue {
    pub(super) id: Uuid,
    pub(super) version: u64,
    pub(super) settings: Arc<QueueSettings>,
    pub(super) ledger: Ledger,
    pub(super) facts: Facts,
    pub(super) groups: Groups,
    pub(super) dedup: Dedup,
    /// Messages that moved here, by where they were. Derived.
    pub(super) origins: Origins,
    /// Of all messages that are not done.
    pub(super) bytes: u64,
    pub(super) outbox: Outbox,
    pub(super) inbox: Inbox,
    /// Newest first; only the first one can be running.
    pub(super) tasks: VecDeque<MoveTask>,
    /// Not logged.
    pub(super) totals: QueueTotals,
    /// Not logged.
    pub(super) dedup_entries_max: usize,
}

/// Who chooses among messages with groups.
#[derive(Clone, Debug, Default)]
pub(super) enum Groups {
    /// There never was one.
    #[default]
    None,
    /// A standard queue.
    Fair(Box<Fair>),
    /// A FIFO queue.
    Fifo(Box<Fifo>),
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            id: Uuid::NIL,
            version: 0,
            settings: Arc::default(),
            ledger: Ledger::default(),
            facts: Facts::default(),
            groups: Groups::None,
            dedup: Dedup::default(),
            origins: Origins::default(),
            bytes: 0,
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            tasks: VecDeque::new(),
            totals: QueueTotals::default(),
            dedup_entries_max: DEDUP_ENTRIES_MAX,
        }
    }
}

/// Messages that one decision makes available because their time has come, those of one millisecond apart: about a millisecond of work.
pub const REFRESH_SLICE: usize = 4096;

/// Milliseconds of a setting as a distance of times.
pub(super) fn ms(setting: u64) -> i64 {
    i64::try_from(setting).unwrap_or(i64::MAX)
}

impl Queue {
    /// A queue that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Its id; nil before its first record.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// Its settings.
    #[must_use]
    pub const fn settings(&self) -> &Arc<QueueSettings> {
        &self.settings
    }

    /// Version of the settings in the catalogue; 0 before its first record.
    #[must_use]
    pub const fn meta_version(&self) -> u64 {
        self.version
    }

    /// How many deduplication ids it may remember, from the server's settings; [`DEDUP_ENTRIES_MAX`] unless set. Not logged.
    pub const fn set_dedup_entries_max(&mut self, max: usize) {
        self.dedup_entries_max = max;
    }

    /// The record that makes id and settings known; `None` when they are.
    #[must_use]
    pub fn decide_meta(&self, id: Uuid, version: u64, settings: &Arc<QueueSettings>) -> Option<QueueRecord> {
        let known = self.id == id && self.version == version && self.settings == *settings;
        (!known).then(|| QueueRecord::Meta { id, version, settings: Arc::clone(settings) })
    }

    /// The id of a message that is here.
    #[must_use]
    pub fn message_id(&self, number: MessageNumber) -> Uuid {
        let moved = self.facts(number).and_then(|facts| facts.moved);
        moved.map_or_else(|| number.message_id(self.id), |moved| moved.message_id)
    }

    /// What is known of a message that is not done.
    #[must_use]
    pub fn facts(&self, number: MessageNumber) -> Option<MessageFacts> {
        if self.ledger.is_live(number) { self.facts.get(number) } else { None }
    }

    /// The part of `range` of a lane's log that is still needed; offsets that do not exist yet are.
    #[must_use]
    pub fn live(&self, lane: u8, range: Range<Offset>) -> Vec<Range<Offset>> {
        self.ledger.live(lane, range)
    }

    /// Everything of the lane's log below is done.
    #[must_use]
    pub fn trim_point(&self, lane: u8) -> Offset {
        self.ledger.head(lane)
    }

    /// The lane's next offset.
    #[must_use]
    pub fn end(&self, lane: u8) -> Offset {
        self.ledger.tail(lane)
    }

    /// How many lanes messages can be in, whatever the settings say now.
    pub(super) fn lanes(&self) -> u8 {
        (self.ledger.lanes() as u8).max(self.settings.lanes())
    }

    /// Memory of the queue's own structures, estimated, bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let groups = match &self.groups {
            Groups::None => 0,
            Groups::Fair(fair) => fair.heap_bytes(),
            Groups::Fifo(fifo) => fifo.heap_bytes(),
        };
        self.ledger.heap_bytes()
            + self.facts.heap_bytes()
            + self.dedup.heap_bytes()
            + self.origins.heap_bytes()
            + groups
            + self.outbox.moving() * 24
    }

    /// Moves everything that is derived to `now`, or as far as [`REFRESH_SLICE`] messages go: what became available since then follows with the next decisions,
    /// so that many deliveries that end together hold nobody up ([`Queue::is_behind`]).
    pub(super) fn refresh(&mut self, now: Timestamp) {
        self.refresh_some(now, REFRESH_SLICE);
    }

    /// The same however many there are, for what must know them all.
    pub(super) fn refresh_all(&mut self, now: Timestamp) {
        self.refresh_some(now, usize::MAX);
    }

    /// Whether more became available than the last decision looked at.
    #[must_use]
    pub fn is_behind(&self, now: Timestamp) -> bool {
        self.ledger.refreshed() < now && self.ledger.next_due().is_some_and(|due| due <= now)
    }

    /// Where a message is at `now`, also when the indexes are behind.
    pub(super) fn place_at(&self, number: MessageNumber, now: Timestamp) -> Option<Place> {
        let place = self.ledger.place(number)?;
        let over = match place {
            Place::Wait(time) => time <= now,
            Place::Held => matches!(self.ledger.mark(number)?.state, MarkState::InFlight(Some(time)) if time <= now),
            _ => false,
        };
        Some(if over { Place::Free } else { place })
    }

    fn refresh_some(&mut self, now: Timestamp, most: usize) {
        let mut aside = Vec::new();
        self.ledger.refresh(now, most, &mut aside);
        // A FIFO queue's heads know their times.
        if let Groups::Fair(fair) = &mut self.groups {
            for (number, was) in aside {
                let group = self.facts.get(number).map_or(0, |facts| facts.group);
                if was == Place::Held {
                    fair.count(&self.ledger, group, false);
                }
                fair.give_back(&self.ledger, group, number);
            }
        }
    }

    /// Applies a record in log order; `at` is the time of its decision. Recovery is this function over the log, and nothing else.
    ///
    /// # Panics
    /// When an enqueue does not continue its lane: the log's own order is broken, which is our bug and must not be built upon.
    pub fn apply(&mut self, record: &QueueRecord, at: Timestamp) {
        match record {
            QueueRecord::Meta { id, version, settings } => self.apply_meta(*id, *version, settings),
            QueueRecord::Enqueue(enqueue) => self.apply_enqueue(enqueue, at),
            QueueRecord::Deliver(deliver) => self.apply_deliver(deliver, at),
            QueueRecord::Settle { reason, numbers, bytes } => self.apply_settle(*reason, numbers, *bytes, at),
            QueueRecord::Release { kind, entries } => {
                for (number, time) in entries {
                    let was = match kind {
                        ReleaseKind::Returned => self.ledger.give_back(*number, *time),
                        ReleaseKind::Extended => self.ledger.hold_until(*number, *time),
                    };
                    was.into_iter().for_each(|was| self.moved(*number, was));
                }
            }
            QueueRecord::ReleaseConsumer { consumer } => {
                for number in self.ledger.held_by(*consumer) {
                    let was = self.ledger.give_back(number, at);
                    was.into_iter().for_each(|was| self.moved(number, was));
                }
            }
            QueueRecord::Forward(forward) => self.apply_forward(forward, at),
            QueueRecord::ForwardEnd(end) => self.apply_forward_end(end, at),
            QueueRecord::ForwardRefused(record) => self.inbox.apply(record),
            QueueRecord::Purge { scope } => self.apply_purge(*scope, at),
            QueueRecord::Move(record) => self.apply_move(record, at),
        }
    }

    fn apply_meta(&mut self, id: Uuid, version: u64, settings: &Arc<QueueSettings>) {
        let before = std::mem::replace(&mut self.settings, Arc::clone(settings));
        self.id = id;
        self.version = version;
        if settings.fifo && !matches!(self.groups, Groups::Fifo(_)) {
            self.groups = Groups::Fifo(Box::default());
        }
        if let Groups::Fifo(fifo) = &mut self.groups
            && before.delay_ms != settings.delay_ms
        {
            // A FIFO queue's delay applies to what is queued as well.
            for group in fifo.groups() {
                place_line(fifo, &self.ledger, &self.facts, settings, group);
            }
        }
    }

    fn apply_enqueue(&mut self, enqueue: &Enqueue, at: Timestamp) {
        let lane = enqueue.lane;
        assert!(
            enqueue.first == self.ledger.tail(lane),
            "an enqueue continues its lane: it begins at {}, the lane ends at {}",
            enqueue.first,
            self.ledger.tail(lane)
        );
        self.ledger.extend(lane, enqueue.first, enqueue.messages.len() as u64);
        let mut remembered = 0;
        for (message, offset) in enqueue.messages.iter().zip(enqueue.first..) {
            let number = MessageNumber::new(lane, offset);
            self.put(number, message);
            if message.dedup != 0 && self.settings.dedup_window_ms > 0 {
                self.dedup.add(message.dedup, number, message.sent_at);
                remembered += 1;
            }
        }
        self.dedup.forget_outdated(at, ms(self.settings.dedup_window_ms), remembered);
        enqueue.taken.iter().for_each(|taken| self.inbox.apply(taken));
        self.totals.sent += enqueue.messages.len() as u64;
    }

    /// One message that the ledger knows of already.
    fn put(&mut self, number: MessageNumber, message: &EnqueuedMessage) {
        let facts = MessageFacts {
            sent_at: message.sent_at,
            size: message.size,
            group: message.group,
            expires_at: message.expires_at,
            moved: message.moved.as_deref().copied(),
        };
        self.facts.push(number, &facts);
        self.origins.add(number, &facts);
        self.bytes += u64::from(message.size);
        if message.group != 0 && matches!(self.groups, Groups::None) {
            self.groups = Groups::Fair(Box::default());
        }
        let due = message.delay_ms.filter(|delay| *delay > 0).map(|delay| message.sent_at.plus_ms(ms(delay)));
        match &mut self.groups {
            Groups::Fifo(fifo) => {
                self.ledger.set_aside(number);
                fifo.push(message.group, number);
                place_line(fifo, &self.ledger, &self.facts, &self.settings, message.group);
            }
            Groups::Fair(fair) if message.group != 0 => {
                self.ledger.set_aside(number);
                match due {
                    None => fair.push(&self.ledger, message.group, number),
                    Some(due) => {
                        self.ledger.delay(number, due);
                        if due <= self.ledger.refreshed() {
                            fair.give_back(&self.ledger, message.group, number);
                        }
                    }
                }
            }
            _ => due.into_iter().for_each(|due| self.ledger.delay(number, due)),
        }
    }

    /// A message is not where it was: the index of its group follows.
    pub(super) fn moved(&mut self, number: MessageNumber, was: Place) {
        if matches!(self.groups, Groups::None) {
            return;
        }
        let group = self.facts.get(number).map_or(0, |facts| facts.group);
        match &mut self.groups {
            Groups::None => {}
            Groups::Fifo(fifo) => place_line(fifo, &self.ledger, &self.facts, &self.settings, group),
            Groups::Fair(fair) => {
                if group == 0 {
                    return;
                }
                if was.is_available() {
                    fair.take(&self.ledger, group, number);
                } else if was == Place::Held {
                    fair.count(&self.ledger, group, false);
                }
                match self.ledger.place(number) {
                    Some(Place::Held) => fair.count(&self.ledger, group, true),
                    Some(Place::Free) => fair.give_back(&self.ledger, group, number),
                    _ => {}
                }
            }
        }
    }

    fn apply_deliver(&mut self, deliver: &Deliver, at: Timestamp) {
        let holder = (!deliver.holder.is_empty()).then(|| Arc::clone(&deliver.holder));
        for number in &deliver.numbers {
            let (size, before) = self.weight(*number);
            let delivery = Delivery {
                at,
                deadline: deliver.deadline,
                consumer: deliver.consumer,
                holder: holder.clone(),
                size,
                before,
            };
            if let Some(was) = self.ledger.deliver(*number, &delivery) {
                self.moved(*number, was);
            }
        }
        self.totals.received += deliver.numbers.len() as u64;
    }

    /// A message's size, and how often and when first it was delivered before it came here.
    pub(super) fn weight(&self, number: MessageNumber) -> (u32, (u16, Option<Timestamp>)) {
        self.facts.get(number).map_or((0, (0, None)), |facts| {
            (facts.size, facts.moved.map_or((0, None), |moved| (moved.receive_count, moved.first_received_at)))
        })
    }

    /// Messages are done; their pages go when everything before them is.
    pub(super) fn settle(&mut self, numbers: &[MessageNumber]) {
        for number in numbers {
            self.origins.remove(*number, &self.facts);
            if let Some(was) = self.ledger.settle(*number) {
                self.moved(*number, was);
            }
            self.facts.trim(number.lane(), self.ledger.head(number.lane()));
        }
    }

    fn apply_settle(&mut self, reason: SettleReason, numbers: &[MessageNumber], bytes: u64, at: Timestamp) {
        self.settle(numbers);
        self.bytes = self.bytes.saturating_sub(bytes);
        let n = numbers.len() as u64;
        reason.count(&mut self.totals, n);
        if reason == SettleReason::Moved(MoveCause::Task) {
            self.task_issued(n, at);
            self.task_moved(n);
        }
    }

    fn apply_forward(&mut self, forward: &Forward, at: Timestamp) {
        for (number, no) in forward.numbers.iter().zip(forward.first_no..) {
            let (target, epoch) = (forward.target, forward.epoch);
            self.outbox.apply(&OutboxRecord::Forward { seq: number.0, target, epoch, no });
            let (size, before) = self.weight(*number);
            if let Some(was) = self.ledger.send_off(*number, forward.cause, size, before) {
                self.moved(*number, was);
            }
        }
        if forward.cause == MoveCause::Task {
            self.task_issued(forward.numbers.len() as u64, at);
        }
    }

    fn apply_forward_end(&mut self, end: &OutboxRecord, at: Timestamp) {
        let gone: Vec<u64> = match end {
            OutboxRecord::Settled { target, no } => {
                self.outbox.moving_to(*target).filter(|(moving, _)| moving == no).map(|(_, seq)| seq).collect()
            }
            OutboxRecord::EpochEnded { target, from, .. } => {
                self.outbox.moving_to(*target).take_while(|(no, _)| no < from).map(|(_, seq)| seq).collect()
            }
            OutboxRecord::Forward { .. } => Vec::new(),
        };
        let back = self.outbox.apply(end);
        for number in gone.into_iter().map(MessageNumber) {
            if let Some((cause, size)) = self.moving(number) {
                self.settle(&[number]);
                self.bytes = self.bytes.saturating_sub(u64::from(size));
                SettleReason::Moved(cause).count(&mut self.totals, 1);
                if cause == MoveCause::Task {
                    self.task_moved(1);
                }
            }
        }
        for number in back.into_iter().map(MessageNumber) {
            if let Some((cause, _)) = self.moving(number)
                && let Some(was) = self.ledger.give_back(number, at)
            {
                self.moved(number, was);
                self.facts.watch(number);
                if cause == MoveCause::Task {
                    self.task_back();
                }
            }
        }
    }

    /// Why a message moves and its size; `None` when it does not.
    pub(super) fn moving(&self, number: MessageNumber) -> Option<(MoveCause, u32)> {
        let mark = self.ledger.mark(number)?;
        if let MarkState::Moving(cause) = mark.state { Some((cause, mark.size)) } else { None }
    }

    fn apply_purge(&mut self, scope: PurgeScope, at: Timestamp) {
        match scope {
            PurgeScope::All => {
                self.ledger.settle_all();
                self.dedup.clear();
                self.rebuild_groups();
                self.bytes = self.ledger.counts().moving_bytes;
            }
            PurgeScope::Ready => {
                // What is ready is a matter of time: of the decision's, now as in a replay.
                self.refresh_all(at);
                let ready = self.ready_numbers(at);
                self.ledger.settle_fresh();
                self.settle(&ready);
                let left = (0..self.lanes()).flat_map(|lane| {
                    self.ledger.live_from(lane, 0).map(move |offset| MessageNumber::new(lane, offset))
                });
                self.bytes = left.map(|number| u64::from(self.weight(number).0)).sum();
            }
        }
        self.origins.retain(&self.ledger);
        for lane in 0..self.lanes() {
            self.facts.trim(lane, self.ledger.head(lane));
        }
        if self.ledger.counts().live == 0 {
            self.facts.forget_ends();
        }
    }

    /// Ready messages, except those that were never delivered and have no group.
    fn ready_numbers(&self, at: Timestamp) -> Vec<MessageNumber> {
        let mut ready = Vec::new();
        for lane in 0..self.lanes() {
            let aside = self.ledger.aside(lane).map(|offset| MessageNumber::new(lane, offset));
            let free = self.ledger.free(lane).map(|offset| MessageNumber::new(lane, offset));
            ready.extend(aside.filter(|number| self.is_ready(*number, at)));
            ready.extend(free);
        }
        ready
    }

    /// Whether a message is due and nobody has it, as of the last refresh, which was at `now`.
    pub(super) fn is_ready(&self, number: MessageNumber, now: Timestamp) -> bool {
        match self.ledger.place(number) {
            Some(Place::Free) => true,
            Some(Place::Fresh) => self.fifo_due(number).is_none_or(|due| due <= now),
            _ => false,
        }
    }

    /// From when on a message of a FIFO queue that was never delivered is available; `None` on other queues.
    pub(super) fn fifo_due(&self, number: MessageNumber) -> Option<Timestamp> {
        if !matches!(self.groups, Groups::Fifo(_)) {
            return None;
        }
        Some(self.facts.get(number)?.sent_at.plus_ms(ms(self.settings.delay_ms)))
    }

    /// Derives the index of groups from ledger and facts.
    pub(super) fn rebuild_groups(&mut self) {
        if !matches!(self.groups, Groups::None) {
            self.groups = if self.settings.fifo { Groups::Fifo(Box::default()) } else { Groups::Fair(Box::default()) };
        }
        for lane in 0..self.ledger.lanes() as u8 {
            for offset in self.ledger.aside(lane) {
                let number = MessageNumber::new(lane, offset);
                let group = self.facts.get(number).map_or(0, |facts| facts.group);
                if matches!(self.groups, Groups::None) {
                    self.groups =
                        if self.settings.fifo { Groups::Fifo(Box::default()) } else { Groups::Fair(Box::default()) };
                }
                match &mut self.groups {
                    Groups::None => {}
                    Groups::Fifo(fifo) => {
                        fifo.push(group, number);
                        place_line(fifo, &self.ledger, &self.facts, &self.settings, group);
                    }
                    Groups::Fair(fair) => match self.ledger.place(number) {
                        Some(Place::Fresh) => fair.push(&self.ledger, group, number),
                        Some(Place::Free) => fair.give_back(&self.ledger, group, number),
                        Some(Place::Held) => fair.count(&self.ledger, group, true),
                        Some(Place::Wait(_) | Place::Moving) | None => {}
                    },
                }
            }
        }
        if self.settings.fifo && matches!(self.groups, Groups::None) {
            self.groups = Groups::Fifo(Box::default());
        }
    }
}

/// Puts a FIFO group where it belongs.
fn place_line(fifo: &mut Fifo, ledger: &Ledger, facts: &Facts, settings: &QueueSettings, group: u64) {
    fifo.place(ledger, group, |number| match ledger.mark(number).map(|mark| mark.state) {
        Some(MarkState::InFlight(time)) => time.map(|time| (time, true)),
        Some(MarkState::Back(time)) => Some((time, true)),
        Some(MarkState::Moving(_)) => None,
        None => facts.get(number).map(|facts| (facts.sent_at.plus_ms(ms(settings.delay_ms)), false)),
    });
}
