//! Taking messages.

use std::sync::Arc;

use trine_types::Timestamp;

use super::facts::is_over;
use super::queue::{Queue, ms};
use super::walk::Visit;
use super::{
    Deliver, EXPIRE_SLICE, HOLDER_BYTES_MAX, Hold, MessageNumber, QueueRecord, RECEIVE_MAX, Receive, ReceiveStop,
    Received, SettleReason, Taken,
};

/// Most bytes of messages that one receive takes, one message at least: they are read and held in memory together.
pub const RECEIVE_BYTES_MAX: u64 = 16 << 20;

/// Most messages that one receive names for the dead-letter queue.
pub const DEAD_SLICE: usize = 100;

impl Queue {
    /// Takes messages in order. Nothing logged changes; what is returned goes into one batch.
    pub fn decide_receive(&mut self, now: Timestamp, receive: &Receive) -> Received {
        self.refresh(now);
        if self.settings.paused {
            return Received { stopped: Some(ReceiveStop::Paused), ..Received::default() };
        }
        let limit = self.settings.in_flight_max;
        let room = limit.saturating_sub(self.ledger.counts().in_flight);
        if room == 0 {
            return Received { stopped: Some(ReceiveStop::OverLimit { limit }), ..Received::default() };
        }
        let max = receive.max.min(RECEIVE_MAX).min(usize::try_from(room).unwrap_or(usize::MAX));
        let (deadline, consumer) = match receive.hold {
            Hold::Default => (Some(now.plus_ms(ms(self.settings.visibility_ms))), 0),
            Hold::For(hold) => (Some(now.plus_ms(ms(hold))), 0),
            Hold::Consumer(consumer) => (None, consumer),
        };
        let found = self.gather(now, max, receive.dead_letter);
        let mut records = Vec::new();
        if !found.over.is_empty() {
            records.push(QueueRecord::Settle {
                reason: SettleReason::Expired,
                numbers: found.over,
                bytes: found.over_bytes,
            });
        }
        let mut taken = Vec::with_capacity(found.taken.len());
        for number in &found.taken {
            let (count, first) = self.deliveries(*number);
            let Some(facts) = self.facts.get(*number) else { continue };
            taken.push(Taken {
                number: *number,
                receive_count: count.saturating_add(1),
                first_received_at: first.unwrap_or(now),
                visible_at: deadline,
                sent_at: facts.sent_at,
                message_id: facts.moved.map(|moved| moved.message_id),
                origin: facts.moved.and_then(|moved| moved.origin),
                size: facts.size,
            });
        }
        if !taken.is_empty() {
            records.push(QueueRecord::Deliver(Deliver {
                consumer,
                holder: shorten(&receive.holder),
                deadline,
                numbers: taken.iter().map(|taken| taken.number).collect(),
                bytes: found.bytes,
            }));
        }
        Received { taken, records, dead: found.dead, stopped: found.again.then_some(ReceiveStop::Again) }
    }

    /// How often and when first a message was delivered.
    pub(super) fn deliveries(&self, number: MessageNumber) -> (u16, Option<Timestamp>) {
        let mark = self.ledger.mark(number).map(|mark| (mark.count, mark.first_received_at));
        mark.unwrap_or_else(|| self.weight(number).1)
    }

    /// Walks over what is available and sorts it.
    fn gather(&self, now: Timestamp, max: usize, dead_letter: bool) -> Gathered {
        let retention = ms(self.settings.retention_ms);
        let policy = self.settings.dead_letter.as_ref().filter(|_| dead_letter);
        let deliveries_max = policy.map(|policy| policy.max_receives);
        let mut found = Gathered::default();
        if max == 0 {
            return found;
        }
        self.walk(now, |number| {
            let Some(facts) = self.facts.get(number) else { return Visit::Drop };
            if is_over(&facts, retention, now) {
                if found.over.len() == EXPIRE_SLICE {
                    found.again = true;
                    return Visit::Stop;
                }
                found.over.push(number);
                found.over_bytes += u64::from(facts.size);
                return Visit::Drop;
            }
            if deliveries_max.is_some_and(|max| u32::from(self.deliveries(number).0) >= max) {
                if found.dead.len() == DEAD_SLICE {
                    found.again = true;
                    return Visit::Stop;
                }
                found.dead.push(number);
                return Visit::Leave;
            }
            let size = u64::from(facts.size);
            if found.taken.len() == max || !found.taken.is_empty() && found.bytes + size > RECEIVE_BYTES_MAX {
                return Visit::Stop;
            }
            found.taken.push(number);
            found.bytes += size;
            if found.taken.len() == max { Visit::Stop } else { Visit::Take }
        });
        found
    }

    /// Whether a receive now would lead to something: a delivery, or messages to drop or to move.
    pub fn has_work(&mut self, now: Timestamp) -> bool {
        self.refresh(now);
        !self.settings.paused && self.ledger.counts().in_flight < self.settings.in_flight_max && self.has_available(now)
    }
}

/// Available messages, sorted by what becomes of them.
#[derive(Debug, Default)]
struct Gathered {
    taken: Vec<MessageNumber>,
    bytes: u64,
    over: Vec<MessageNumber>,
    over_bytes: u64,
    dead: Vec<MessageNumber>,
    again: bool,
}

fn shorten(holder: &Arc<str>) -> Arc<str> {
    if holder.len() <= HOLDER_BYTES_MAX {
        return Arc::clone(holder);
    }
    let mut end = HOLDER_BYTES_MAX;
    while !holder.is_char_boundary(end) {
        end -= 1;
    }
    holder.get(..end).unwrap_or_default().into()
}
