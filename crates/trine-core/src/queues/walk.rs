//! Available messages in the order in which they are delivered: highest lane first, and in a lane the lowest number (decision Q15), the group with fewest
//! deliveries (Q5c), or the FIFO group that has waited longest (Q5b).

use std::collections::{BTreeMap, BTreeSet};

use trine_types::{Offset, Timestamp};

use super::MessageNumber;
use super::groups::{Fair, Fifo};
use super::ledger::MarkState;
use super::queue::{Groups, Queue};

/// What the visitor does with an available message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// Takes it: its group has one more in flight.
    Take,
    /// Lets it go: it will not be here any more when the next one is taken.
    Drop,
    /// Leaves it where it is: of a FIFO group nothing behind it can be taken.
    Leave,
    /// Neither it nor anything behind it in its lane and group.
    PassBy,
    /// Enough.
    Stop,
}

impl Queue {
    /// Visits available messages in order until the visitor has enough. The queue was refreshed at `now`.
    pub(super) fn walk(&self, now: Timestamp, mut visit: impl FnMut(MessageNumber) -> Visit) {
        match &self.groups {
            Groups::Fifo(fifo) => self.walk_fifo(fifo, now, visit),
            Groups::Fair(fair) => self.walk_fair(fair, visit),
            Groups::None => {
                for lane in (0..self.lanes()).rev() {
                    for offset in self.ledger.available(lane) {
                        match visit(MessageNumber::new(lane, offset)) {
                            Visit::Take | Visit::Drop | Visit::Leave => {}
                            Visit::PassBy => break,
                            Visit::Stop => return,
                        }
                    }
                }
            }
        }
    }

    fn walk_fifo(&self, fifo: &Fifo, now: Timestamp, mut visit: impl FnMut(MessageNumber) -> Visit) {
        for group in fifo.ready(now) {
            for number in fifo.line(&self.ledger, group) {
                if !self.is_visible(number, now) {
                    break;
                }
                match visit(number) {
                    Visit::Take | Visit::Drop => {}
                    Visit::Leave | Visit::PassBy => break,
                    Visit::Stop => return,
                }
            }
        }
    }

    /// Whether a message of a FIFO queue can be delivered when everything before it in its group can.
    fn is_visible(&self, number: MessageNumber, now: Timestamp) -> bool {
        match self.ledger.mark(number).map(|mark| mark.state) {
            Some(MarkState::InFlight(time)) => time.is_some_and(|time| time <= now),
            Some(MarkState::Back(time)) => time <= now,
            Some(MarkState::Moving(_)) => false,
            None => self.fifo_due(number).is_none_or(|due| due <= now),
        }
    }

    fn walk_fair(&self, fair: &Fair, mut visit: impl FnMut(MessageNumber) -> Visit) {
        // Deliveries that this walk adds.
        let mut added: BTreeMap<u64, u64> = BTreeMap::new();
        let nobody = self.ledger.counts().in_flight.saturating_sub(fair.total_in_flight());
        for lane in (0..self.lanes()).rev() {
            let count = |group: u64, added: &BTreeMap<u64, u64>| {
                let before = if group == 0 { nobody } else { fair.in_flight(group) };
                before + added.get(&group).copied().unwrap_or(0)
            };
            let mut plain = self.ledger.available(lane);
            // Groups that this walk has met in this lane: (in flight, next number, group).
            let mut met: BTreeSet<(u64, Offset, u64)> = BTreeSet::new();
            met.extend(plain.next().map(|offset| (count(0, &added), offset, 0)));
            let mut order = fair.order(lane).peekable();
            loop {
                // Groups not met yet come in order, but some have more in flight by now than the order knows: they are met, and wait for their turn.
                while let Some((before, offset, group)) = order.peek().copied() {
                    if met.first().is_some_and(|first| *first < (before, offset, group)) {
                        break;
                    }
                    order.next();
                    met.insert((count(group, &added), offset, group));
                }
                let Some((_, offset, group)) = met.pop_first() else { break };
                match visit(MessageNumber::new(lane, offset)) {
                    Visit::Take => *added.entry(group).or_default() += 1,
                    Visit::Drop | Visit::Leave => {}
                    Visit::PassBy => continue,
                    Visit::Stop => return,
                }
                let next =
                    if group == 0 { plain.next() } else { fair.available(&self.ledger, lane, group, Some(offset)) };
                met.extend(next.map(|offset| (count(group, &added), offset, group)));
            }
        }
    }

    /// Whether a receive would find an available message. The queue was refreshed at `now`.
    pub(super) fn has_available(&self, now: Timestamp) -> bool {
        match &self.groups {
            Groups::Fifo(fifo) => fifo.ready(now).next().is_some(),
            Groups::Fair(fair) if fair.has_any() => true,
            _ => (0..self.lanes()).any(|lane| self.ledger.available(lane).next().is_some()),
        }
    }
}
