//! Looking without touching.

use std::sync::Arc;

use trine_types::Timestamp;

use super::ledger::{MarkState, Place};
use super::queue::{Groups, Queue, ms};
use super::{MessageNumber, MessageState, Peek, PeekPage, Peeked, QueueStats, QueueTotals, StateKind};

/// Most messages that one page looks at, whether it shows them or not.
const PEEK_SCAN: usize = 20_000;

impl Queue {
    /// Where a message is; `None` when it is not here (any more).
    pub fn state(&mut self, now: Timestamp, number: MessageNumber) -> Option<MessageState> {
        self.refresh(now);
        self.state_at(number, now)
    }

    fn state_at(&self, number: MessageNumber, now: Timestamp) -> Option<MessageState> {
        Some(match self.place_at(number, now)? {
            Place::Free => MessageState::Ready,
            Place::Fresh => match self.fifo_due(number).filter(|due| *due > now) {
                Some(until) => MessageState::Delayed { until },
                None => MessageState::Ready,
            },
            Place::Wait(until) => MessageState::Delayed { until },
            Place::Moving => MessageState::Moving,
            Place::Held => {
                let mark = self.ledger.mark(number)?;
                MessageState::InFlight {
                    until: if let MarkState::InFlight(until) = mark.state { until } else { None },
                    holder: mark.holder.clone().unwrap_or_else(|| Arc::from("")),
                    consumer: mark.consumer,
                }
            }
        })
    }

    /// A page of messages in the order of delivery, whatever their state.
    pub fn peek(&mut self, now: Timestamp, peek: &Peek) -> PeekPage {
        self.refresh(now);
        let mut page = PeekPage::default();
        let mut seen = 0;
        let (top, from) = peek.from.map_or((u8::MAX, 0), |from| (from.lane(), from.offset()));
        for lane in (0..self.lanes()).rev().filter(|lane| *lane <= top) {
            let from = if lane == top { from } else { 0 };
            for offset in self.ledger.live_from(lane, from) {
                let number = MessageNumber::new(lane, offset);
                if page.messages.len() == peek.limit || seen == PEEK_SCAN {
                    page.next = Some(number);
                    return page;
                }
                seen += 1;
                let (Some(state), Some(facts)) = (self.state_at(number, now), self.facts(number)) else { continue };
                if peek.state.is_none_or(|kind| kind == StateKind::of(&state)) {
                    let (receive_count, first_received_at) = self.deliveries(number);
                    page.messages.push(Peeked { number, state, receive_count, first_received_at, facts });
                }
            }
        }
        page
    }

    /// Figures.
    pub fn stats(&mut self, now: Timestamp) -> QueueStats {
        self.refresh(now);
        let counts = self.ledger.counts();
        let delayed = counts.delayed + self.fifo_delayed(now);
        QueueStats {
            ready: counts.live - counts.in_flight - counts.moving - delayed,
            in_flight: counts.in_flight,
            delayed,
            moving: counts.moving,
            bytes: self.bytes,
            oldest_sent_at: self.facts.oldest(&self.ledger),
            lanes: (0..self.lanes()).map(|lane| self.ledger.live_in(lane)).collect(),
            totals: self.totals,
        }
    }

    /// Totals start at 0 again: recovery calls this when it has applied everything.
    pub fn forget_totals(&mut self) {
        self.totals = QueueTotals::default();
    }

    /// When something becomes due without a record: a message available again or for the first time, one whose time is over ([`Queue::decide_expire`]), a
    /// step of a move task ([`Queue::decide_move_step`]). Exact for messages that become available, and never late; the end of a message's time may be
    /// named too early once. A time that is not after `now` means that there is something to drop now.
    pub fn next_due(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.refresh(now);
        let groups = if let Groups::Fifo(fifo) = &self.groups { fifo.next_due(now) } else { None };
        let ends = self.facts.next_end(&self.ledger, ms(self.settings.retention_ms), now);
        let ledger = self.ledger.next_due();
        [ledger, groups, ends, self.next_move(now)].into_iter().flatten().min()
    }
}

impl StateKind {
    /// The kind of a state.
    #[must_use]
    pub const fn of(state: &MessageState) -> Self {
        match state {
            MessageState::Ready => Self::Ready,
            MessageState::InFlight { .. } => Self::InFlight,
            MessageState::Delayed { .. } => Self::Delayed,
            MessageState::Moving => Self::Moving,
        }
    }
}
