//! Putting messages in.

use std::collections::BTreeMap;

use trine_types::Timestamp;

use super::ledger::Place;
use super::queue::{Groups, Queue, ms};
use super::{
    Accepted, ENQUEUE_MESSAGES_MAX, Enqueue, EnqueuedMessage, MessageNumber, Overflow, QueueRecord, Send, SendMessage,
    SendRefusal, SettleReason,
};

/// Most messages beyond those it puts in that one decision drops to make room: a limit that was lowered by far is reached after some decisions.
pub(super) const DROP_SLICE: usize = 1000;

/// What waits in the queue, and what a command adds.
pub(super) struct Room {
    messages: u64,
    bytes: u64,
    max_messages: Option<u64>,
    max_bytes: Option<u64>,
    overflow: Overflow,
}

impl Room {
    /// Whether one more message is taken; then it is counted.
    pub(super) fn admit(&mut self, size: u32) -> Result<(), SendRefusal> {
        let size = u64::from(size);
        let alone = self.overflow == Overflow::DropHead;
        let (messages, bytes) = if alone { (0, 0) } else { (self.messages, self.bytes) };
        if let Some(max) = self.max_messages.filter(|max| messages >= *max) {
            return Err(SendRefusal::Full { name: "max_messages", max });
        }
        if let Some(max) = self.max_bytes.filter(|max| bytes + size > *max) {
            return Err(SendRefusal::Full { name: "max_bytes", max });
        }
        self.messages += 1;
        self.bytes += size;
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.max_messages.is_some_and(|max| self.messages > max) || self.max_bytes.is_some_and(|max| self.bytes > max)
    }
}

impl Queue {
    /// How much room there is.
    pub(super) fn room(&self) -> Room {
        let counts = self.ledger.counts();
        Room {
            messages: counts.live - counts.in_flight - counts.moving,
            bytes: self.bytes.saturating_sub(counts.in_flight_bytes + counts.moving_bytes),
            max_messages: self.settings.max_messages,
            max_bytes: self.settings.max_bytes,
            overflow: self.settings.overflow,
        }
    }

    /// Takes messages, or says why not, each by itself. All that are taken go into one batch. Nothing logged changes.
    pub fn decide_send(&mut self, now: Timestamp, messages: &[SendMessage]) -> Send {
        self.refresh(now);
        let window = ms(self.settings.dedup_window_ms);
        let mut room = self.room();
        let mut ids: BTreeMap<u128, MessageNumber> = BTreeMap::new();
        let mut remembered = None;
        let mut lanes: BTreeMap<u8, (Vec<EnqueuedMessage>, Vec<usize>)> = BTreeMap::new();
        let mut outcomes = Vec::with_capacity(messages.len());
        for (at, message) in messages.iter().enumerate() {
            let dedup = if window > 0 { message.dedup } else { 0 };
            let known = (dedup != 0)
                .then(|| ids.get(&dedup).copied().or_else(|| self.dedup.find(dedup, now, window)))
                .flatten();
            if let Some(number) = known {
                outcomes.push(Ok(Accepted { number, duplicate: true }));
                continue;
            }
            let lane = message.priority.min(self.settings.lanes() - 1);
            let taken = lanes.entry(lane).or_default();
            outcomes.push((|| {
                self.check(message)?;
                if taken.0.len() >= ENQUEUE_MESSAGES_MAX {
                    return Err(SendRefusal::TooMany { max: ENQUEUE_MESSAGES_MAX });
                }
                if dedup != 0 {
                    let remembered = remembered.get_or_insert_with(|| self.dedup.remembered(now, window));
                    if *remembered >= self.dedup_entries_max {
                        return Err(SendRefusal::DedupFull { max: self.dedup_entries_max });
                    }
                    room.admit(message.size)?;
                    *remembered += 1;
                } else {
                    room.admit(message.size)?;
                }
                let number = MessageNumber::new(lane, self.ledger.tail(lane) + taken.0.len() as u64);
                if dedup != 0 {
                    ids.insert(dedup, number);
                }
                taken.0.push(self.enqueued(now, message, dedup));
                taken.1.push(at);
                Ok(Accepted { number, duplicate: false })
            })());
        }
        lanes.retain(|_, (messages, _)| !messages.is_empty());
        let drops =
            self.drops(&room, &lanes.iter().map(|(lane, (messages, _))| (*lane, messages.as_slice())).collect());
        let enqueues = lanes.into_iter().map(|(lane, (messages, which))| {
            let first = self.ledger.tail(lane);
            (QueueRecord::Enqueue(Enqueue { lane, first, messages, taken: None }), which)
        });
        Send { outcomes, enqueues: enqueues.collect(), drops }
    }

    fn check(&self, message: &SendMessage) -> Result<(), SendRefusal> {
        let max = self.settings.max_message_bytes;
        if u64::from(message.size) > max {
            return Err(SendRefusal::TooLarge { size: message.size, max });
        }
        if self.settings.fifo && message.group == 0 {
            return Err(SendRefusal::NoGroup);
        }
        if self.settings.fifo && message.delay_ms.is_some_and(|delay| delay > 0) {
            return Err(SendRefusal::OwnDelay);
        }
        Ok(())
    }

    fn enqueued(&self, now: Timestamp, message: &SendMessage, dedup: u128) -> EnqueuedMessage {
        let delay = if self.settings.fifo { 0 } else { message.delay_ms.unwrap_or(self.settings.delay_ms) };
        let ttl = message.ttl_ms.or(self.settings.ttl_ms);
        EnqueuedMessage {
            size: message.size,
            sent_at: now,
            delay_ms: (delay > 0).then_some(delay),
            expires_at: ttl.map(|ttl| now.plus_ms(ms(ttl))),
            group: message.group,
            dedup,
            moved: None,
        }
    }

    /// What goes to make room, oldest first, least important lane first: messages that wait, at last those that are just being put in.
    pub(super) fn drops(&self, room: &Room, new: &BTreeMap<u8, &[EnqueuedMessage]>) -> Option<QueueRecord> {
        if room.overflow != Overflow::DropHead || !room.is_over() {
            return None;
        }
        let mut room = Room { ..*room };
        let (mut numbers, mut dropped) = (Vec::new(), 0);
        let slice = DROP_SLICE + new.values().map(|messages| messages.len()).sum::<usize>();
        'enough: for lane in 0..self.lanes() {
            let waiting = self.waiting(lane).map(|number| (number, self.weight(number).0));
            let new = new.get(&lane).copied().unwrap_or_default().iter().zip(self.ledger.tail(lane)..);
            let new = new.map(|(message, offset)| (MessageNumber::new(lane, offset), message.size));
            for (number, size) in waiting.chain(new) {
                if !room.is_over() || numbers.len() == slice {
                    break 'enough;
                }
                numbers.push(number);
                dropped += u64::from(size);
                room.messages -= 1;
                room.bytes = room.bytes.saturating_sub(u64::from(size));
            }
        }
        Some(QueueRecord::Settle { reason: SettleReason::Overflow, numbers, bytes: dropped })
    }

    /// Messages of a lane that nobody has. Without groups those that are due come first, so that what consumers have is not walked over; delayed ones
    /// follow. With groups they come by number.
    fn waiting(&self, lane: u8) -> impl Iterator<Item = MessageNumber> {
        let grouped = !matches!(self.groups, Groups::None);
        let due = self.ledger.available(lane).take_while(move |_| !grouped);
        let others = self.ledger.live_from(lane, 0).filter(move |offset| {
            match self.ledger.place(MessageNumber::new(lane, *offset)) {
                Some(Place::Wait(_)) => true,
                Some(Place::Fresh | Place::Free) => grouped,
                _ => false,
            }
        });
        due.chain(others).map(move |offset| MessageNumber::new(lane, offset))
    }
}
