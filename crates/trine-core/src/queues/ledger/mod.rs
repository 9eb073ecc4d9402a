//! Which numbers of one or more logs are done, with a consumer, back, due later or on their way elsewhere: cursor plus exceptions.
//!
//! ```text
//!        head                    cursor                    tail
//!  done   │ done, in flight, back │ never delivered (ready)  │
//!  ───────┼───────────────────────┼──────────────────────────┼───
//! ```
//!
//! What was never delivered costs nothing here; what is exceptional sits in pages of 4096 numbers, shared with a checkpoint that is being written, so that
//! freezing a ledger copies a pointer per page (decision E6). The ledger knows numbers, times and sizes and nothing of messages: it does not assume that
//! it owns the log (decision Q21).
//!
//! Deadlines are data (decision E2): a delivery whose time is over *is* available, without a record. The indexes that make this quick — due times,
//! available numbers, counters — are derived from the pages and belong to a moment: [`Ledger::refresh`] moves them to a later one. They are never encoded,
//! and what they say of a message is a function of its page and that moment.

mod bits;
mod change;
mod lane;
mod page;
mod section;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use trine_types::{Offset, Timestamp};

pub(super) use bits::PAGE;
pub(super) use change::Delivery;
use lane::{Lane, place};
pub(super) use page::{Mark, MarkState};
pub use section::FrozenLedger;

use super::{MessageNumber, MoveCause};

/// Deliveries over the offsets of logs.
#[derive(Clone, Debug)]
pub struct Ledger {
    lanes: Vec<Lane>,
    /// Times that are still to come, as of `refreshed`.
    due: BTreeSet<(Timestamp, MessageNumber)>,
    /// What push consumers hold.
    held: BTreeMap<u64, BTreeSet<MessageNumber>>,
    moving: BTreeSet<MessageNumber>,
    counts: Counts,
    /// The moment that the derived indexes belong to.
    refreshed: Timestamp,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            lanes: Vec::new(),
            due: BTreeSet::new(),
            held: BTreeMap::new(),
            moving: BTreeSet::new(),
            counts: Counts::default(),
            refreshed: Timestamp(i64::MIN),
        }
    }
}

/// How many are where, as of the last refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not done.
    pub live: u64,
    /// With consumers.
    pub in_flight: u64,
    /// Their bytes.
    pub in_flight_bytes: u64,
    /// Due later.
    pub delayed: u64,
    /// On their way elsewhere.
    pub moving: u64,
    /// Their bytes.
    pub moving_bytes: u64,
}

/// Where a number is that is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Never delivered, available.
    Fresh,
    /// Available again, or for the first time after a delay.
    Free,
    /// Available later.
    Wait(Timestamp),
    /// With a consumer.
    Held,
    /// On its way elsewhere.
    Moving,
}

impl Place {
    pub(super) const fn is_available(self) -> bool {
        matches!(self, Self::Fresh | Self::Free)
    }
}

impl Ledger {
    fn lane(&self, lane: u8) -> Option<&Lane> {
        self.lanes.get(usize::from(lane))
    }

    fn lane_mut(&mut self, lane: u8) -> &mut Lane {
        let at = usize::from(lane);
        if self.lanes.len() <= at {
            self.lanes.resize_with(at + 1, Lane::default);
        }
        &mut self.lanes[at]
    }

    /// How many lanes were ever used.
    #[must_use]
    pub const fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// How many are where, as of the last refresh.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Everything of the lane below is done.
    #[must_use]
    pub fn head(&self, lane: u8) -> Offset {
        self.lane(lane).map_or(0, |lane| lane.head)
    }

    /// The next offset of the lane.
    #[must_use]
    pub fn tail(&self, lane: u8) -> Offset {
        self.lane(lane).map_or(0, |lane| lane.tail)
    }

    /// How many of a lane are not done.
    #[must_use]
    pub fn live_in(&self, lane: u8) -> u64 {
        self.lane(lane).map_or(0, |lane| lane.live)
    }

    /// Whether a number exists and is not done.
    #[must_use]
    pub fn is_live(&self, number: MessageNumber) -> bool {
        self.lane(number.lane()).is_some_and(|lane| lane.is_live(number.offset()))
    }

    /// Which numbers of a block of 64 are not done; `block` is their number divided by 64.
    pub(super) fn live_word(&self, lane: u8, block: u64) -> u64 {
        let first = block * 64;
        let Some(lane) = self.lane(lane) else { return 0 };
        // The block may begin below the head or end beyond the tail.
        let (from, to) = (first.max(lane.head), (first + 64).min(lane.tail));
        if from >= to {
            return 0;
        }
        let Some(page) = lane.page(from) else { return 0 };
        let mask = (u64::MAX << (from - first)) & (u64::MAX >> (first + 64 - to));
        !page.done.word(usize::from(place(from)) / 64) & mask
    }

    /// Whether nothing of a block of 64 was ever delivered, delayed by itself or moved.
    pub(super) fn unmarked(&self, lane: u8, block: u64) -> bool {
        let first = place(block * 64);
        let page = self.lane(lane).and_then(|lane| lane.page(block * 64));
        page.is_some_and(|page| {
            let range = first..first + 64;
            page.marks.range(range.clone()).next().is_none() && page.later.range(range).next().is_none()
        })
    }

    pub(super) fn mark(&self, number: MessageNumber) -> Option<&Mark> {
        self.lane(number.lane())?.page(number.offset())?.marks.get(&place(number.offset()))
    }

    /// Where a number is, as of the last refresh; `None` when it is done or does not exist.
    pub(super) fn place(&self, number: MessageNumber) -> Option<Place> {
        let offset = number.offset();
        let page = self.lane(number.lane())?.page(offset)?;
        let at = place(offset);
        if page.done.get(at) {
            return None;
        }
        Some(match (page.marks.get(&at), page.later.get(&at)) {
            (Some(mark), _) => self.place_of(mark.state),
            (None, Some(time)) => self.from(*time),
            (None, None) => Place::Fresh,
        })
    }

    /// Whether a number was never delivered and is available.
    pub(super) fn is_fresh(&self, number: MessageNumber) -> bool {
        self.place(number) == Some(Place::Fresh)
    }

    const fn from(&self, time: Timestamp) -> Place {
        if time.0 <= self.refreshed.0 { Place::Free } else { Place::Wait(time) }
    }

    const fn place_of(&self, state: MarkState) -> Place {
        match state {
            MarkState::InFlight(Some(time)) if time.0 <= self.refreshed.0 => Place::Free,
            MarkState::InFlight(_) => Place::Held,
            MarkState::Back(time) => self.from(time),
            MarkState::Moving(_) => Place::Moving,
        }
    }

    /// Moves the derived indexes to `now` and adds what became available to `out`, as far as it is aside: with where it was. After `most` numbers it stops at
    /// the end of their millisecond, which the indexes belong to then.
    pub(super) fn refresh(&mut self, now: Timestamp, most: usize, out: &mut Vec<(MessageNumber, Place)>) {
        if now <= self.refreshed {
            return;
        }
        let (mut looked_at, mut last) = (0, self.refreshed);
        while let Some((time, number)) = self.due.first().copied().filter(|(time, _)| *time <= now) {
            if looked_at >= most && time > last {
                self.refreshed = last;
                return;
            }
            (looked_at, last) = (looked_at + 1, time);
            self.due.pop_first();
            let offset = number.offset();
            let Some(lane) = self.lanes.get_mut(usize::from(number.lane())) else { continue };
            let Some(page) = lane.page(offset) else { continue };
            let was = match page.marks.get(&place(offset)) {
                Some(Mark { state: MarkState::InFlight(_), size, .. }) => {
                    self.counts.in_flight -= 1;
                    self.counts.in_flight_bytes -= u64::from(*size);
                    Place::Held
                }
                _ => {
                    self.counts.delayed -= 1;
                    Place::Wait(time)
                }
            };
            if page.aside.get(place(offset)) {
                out.push((number, was));
            } else {
                lane.free.insert(offset);
            }
        }
        self.refreshed = now;
    }

    /// The moment of the last refresh.
    pub(super) const fn refreshed(&self) -> Timestamp {
        self.refreshed
    }

    /// When something becomes available next without a record, after the last refresh.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(time, _)| *time)
    }

    /// Available numbers of a lane, ascending, except those aside.
    pub(super) fn available(&self, lane: u8) -> Available<'_> {
        let lane = self.lane(lane);
        let free = lane.map(|lane| lane.free.iter()).unwrap_or_default().peekable();
        Available { free, fresh: lane.and_then(|lane| lane.next_fresh(lane.cursor)), lane }
    }

    /// Numbers of a lane that are available again, except those aside.
    pub(super) fn free(&self, lane: u8) -> impl Iterator<Item = Offset> {
        self.lane(lane).into_iter().flat_map(|lane| lane.free.iter().copied())
    }

    /// Push consumers that hold something.
    #[must_use]
    pub fn consumers(&self) -> Vec<u64> {
        self.held.keys().copied().collect()
    }

    /// What moves.
    pub(super) const fn moving(&self) -> &BTreeSet<MessageNumber> {
        &self.moving
    }

    /// Numbers of a lane that are not done, ascending from `from`.
    pub(super) fn live_from(&self, lane: u8, from: Offset) -> impl Iterator<Item = Offset> {
        let lane = self.lane(lane);
        let mut next = lane.and_then(|lane| lane.next_live(from));
        std::iter::from_fn(move || {
            let found = next?;
            next = lane.and_then(|lane| lane.next_live(found + 1));
            Some(found)
        })
    }

    /// Numbers of a lane that are aside and not done, ascending.
    pub(super) fn aside(&self, lane: u8) -> impl Iterator<Item = Offset> {
        self.lane(lane).into_iter().flat_map(Lane::aside)
    }

    /// The part of `range` of a lane's log that is not done: what its bytes are still needed for. What is beyond the tail is not known yet, and kept.
    #[must_use]
    pub fn live(&self, lane: u8, range: Range<Offset>) -> Vec<Range<Offset>> {
        let mut parts: Vec<Range<Offset>> = Vec::new();
        let tail = self.tail(lane);
        let mut from = range.start;
        while let Some(lane) = self.lane(lane) {
            let Some(start) = lane.next_live(from).filter(|start| *start < range.end) else { break };
            let end = lane.next_done(start).min(range.end);
            parts.push(start..end);
            from = end;
        }
        if range.end > tail {
            let start = tail.max(range.start);
            match parts.last_mut() {
                Some(last) if last.end == start => last.end = range.end,
                _ => parts.push(start..range.end),
            }
        }
        parts
    }

    /// Memory of the ledger's own structures, estimated, bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let lanes: usize = self.lanes.iter().map(|lane| size_of::<Lane>() + lane.heap_bytes()).sum();
        let held: usize = self.held.values().map(|held| 64 + held.len() * 12).sum();
        lanes + held + self.due.len() * 24 + self.moving.len() * 12
    }
}

/// Available numbers of a lane: those that are back and those never delivered, merged.
pub(super) struct Available<'a> {
    lane: Option<&'a Lane>,
    free: std::iter::Peekable<std::collections::btree_set::Iter<'a, Offset>>,
    fresh: Option<Offset>,
}

impl Iterator for Available<'_> {
    type Item = Offset;

    fn next(&mut self) -> Option<Offset> {
        match (self.free.peek(), self.fresh) {
            (Some(free), fresh) if fresh.is_none_or(|fresh| **free < fresh) => self.free.next().copied(),
            (_, Some(fresh)) => {
                self.fresh = self.lane.and_then(|lane| lane.next_fresh(fresh + 1));
                Some(fresh)
            }
            (_, None) => None,
        }
    }
}
