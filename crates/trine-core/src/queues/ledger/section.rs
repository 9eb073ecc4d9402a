//! A ledger in a checkpoint: its pages as they are, nothing that is derived.

use std::collections::VecDeque;
use std::sync::Arc;

use trine_types::{Offset, Timestamp};

#[cfg(test)]
use super::Place;
use super::bits::{Bits, PAGE};
use super::lane::{Lane, place};
use super::page::{Mark, MarkState, Page};
use super::{Ledger, MessageNumber};
use crate::codec::{DecodeError, Reader, Writer};
use crate::queues::MoveCause;

// Bits of a page's flags byte; on disk for ever.
const PAGE_DONE: u8 = 1;
const PAGE_ASIDE: u8 = 2;
const PAGE_MARKS: u8 = 4;
const PAGE_LATER: u8 = 8;

// States of a mark; on disk for ever.
const IN_FLIGHT: u8 = 1;
const HELD: u8 = 2;
const BACK: u8 = 3;
const MOVING: u8 = 4;

/// A ledger as it was at one moment; it shares its pages until they change.
#[derive(Debug)]
pub struct FrozenLedger {
    lanes: VecDeque<FrozenLane>,
    begun: bool,
}

#[derive(Debug)]
struct FrozenLane {
    head: Offset,
    tail: Offset,
    pages: VecDeque<Arc<Page>>,
}

impl Ledger {
    /// The ledger as it is now, to be encoded in slices.
    #[must_use]
    pub fn freeze(&self) -> FrozenLedger {
        let lanes =
            self.lanes.iter().map(|lane| FrozenLane { head: lane.head, tail: lane.tail, pages: lane.pages.clone() });
        FrozenLedger { lanes: lanes.collect(), begun: false }
    }

    /// The ledger back from what [`FrozenLedger::encode_next`] wrote.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut ledger = Self::default();
        let lanes = r.count()?;
        if lanes > 255 {
            return r.fail();
        }
        let mut ends = Vec::new();
        for _ in 0..lanes {
            let (head, tail) = (r.var()?, r.var()?);
            if head > tail || tail > MessageNumber::OFFSET_MAX {
                return r.fail();
            }
            ends.push((head, tail));
        }
        for (at, (head, tail)) in ends.into_iter().enumerate() {
            ledger.lanes.push(Lane { first_page: head / PAGE, head, cursor: head, tail, ..Lane::default() });
            let pages = if head == tail { 0 } else { (tail - 1) / PAGE - head / PAGE + 1 };
            let mut marks = Vec::new();
            for number in 0..pages {
                let page = decode_page(r)?;
                let first = (head / PAGE + number) * PAGE;
                ledger.adopt(at as u8, first, page, &mut marks);
            }
            // Only now: the cursor moves over whole lanes.
            marks.into_iter().for_each(|(number, mark)| ledger.put(number, mark));
            if let Some(lane) = ledger.lanes.last_mut() {
                if lane.live == 0 {
                    lane.reset(tail);
                }
                lane.advance_head();
                lane.advance_cursor();
            }
        }
        Ok(ledger)
    }

    /// Puts a page behind the last one of a lane and derives what follows from it; its marks are left to the caller.
    fn adopt(&mut self, lane_at: u8, first: Offset, mut page: Page, all_marks: &mut Vec<(MessageNumber, Mark)>) {
        let refreshed = self.refreshed;
        let Some(lane) = self.lanes.get_mut(usize::from(lane_at)) else { return };
        let (from, to) = (lane.head.max(first), lane.tail.min(first + PAGE));
        let (marks, later) = (std::mem::take(&mut page.marks), std::mem::take(&mut page.later));
        for word in 0..(PAGE / 64) as usize {
            page.busy.or_word(word, page.done.word(word) | page.aside.word(word));
        }
        let outside = u64::from(page.done.count());
        let below = (0..place(from)).filter(|at| page.done.get(*at)).count() as u64;
        let live = (to - from).saturating_sub(outside - below);
        lane.live += live;
        self.counts.live += live;
        page.later.extend(later.iter().map(|(at, time)| (*at, *time)));
        later.keys().chain(marks.keys()).for_each(|at| {
            page.busy.set(*at);
        });
        lane.pages.push_back(Arc::new(page));
        for (at, time) in later {
            let number = MessageNumber::new(lane_at, first + u64::from(at));
            if time > refreshed {
                self.due.insert((time, number));
                self.counts.delayed += 1;
            }
        }
        all_marks
            .extend(marks.into_iter().map(|(at, mark)| (MessageNumber::new(lane_at, first + u64::from(at)), mark)));
    }
}

impl FrozenLedger {
    /// Encodes the next part, about a page; false when there is none.
    pub fn encode_next(&mut self, w: &mut Writer) -> bool {
        if !self.begun {
            self.begun = true;
            w.var(self.lanes.len() as u64);
            for lane in &self.lanes {
                w.var(lane.head);
                w.var(lane.tail);
            }
            return true;
        }
        while let Some(lane) = self.lanes.front_mut() {
            if let Some(page) = lane.pages.pop_front() {
                encode_page(w, &page);
                return true;
            }
            self.lanes.pop_front();
        }
        false
    }
}

fn encode_page(w: &mut Writer, page: &Page) {
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    // Bits that were set and cleared again leave words of zeros: the same page as one without.
    let done = page.done.words_ref().filter(|_| page.done.count() > 0);
    let aside = page.aside.words_ref().filter(|_| page.aside.count() > 0);
    w.u8(flag(done.is_some(), PAGE_DONE)
        | flag(aside.is_some(), PAGE_ASIDE)
        | flag(!page.marks.is_empty(), PAGE_MARKS)
        | flag(!page.later.is_empty(), PAGE_LATER));
    for words in [done, aside].into_iter().flatten() {
        words.iter().for_each(|word| w.u64(*word));
    }
    if !page.marks.is_empty() {
        w.var(page.marks.len() as u64);
        for (at, mark) in &page.marks {
            w.var(u64::from(*at));
            encode_mark(w, mark);
        }
    }
    if !page.later.is_empty() {
        w.var(page.later.len() as u64);
        for (at, time) in &page.later {
            w.var(u64::from(*at));
            w.i64(time.0);
        }
    }
}

fn decode_page(r: &mut Reader<'_>) -> Result<Page, DecodeError> {
    let flags = r.u8()?;
    let mut page = Page::default();
    for (bit, set) in [(PAGE_DONE, &mut page.done), (PAGE_ASIDE, &mut page.aside)] {
        if flags & bit != 0 {
            decode_bits(r, set)?;
        }
    }
    if flags & PAGE_MARKS != 0 {
        for _ in 0..r.count()? {
            let at = decode_place(r)?;
            page.marks.insert(at, decode_mark(r)?);
        }
    }
    if flags & PAGE_LATER != 0 {
        for _ in 0..r.count()? {
            let at = decode_place(r)?;
            page.later.insert(at, Timestamp(r.i64()?));
        }
    }
    let clash = page.marks.keys().any(|at| page.later.contains_key(at) || page.done.get(*at));
    if clash || page.later.keys().any(|at| page.done.get(*at)) {
        return r.fail();
    }
    Ok(page)
}

fn decode_bits(r: &mut Reader<'_>, bits: &mut Bits) -> Result<(), DecodeError> {
    for word in 0..(PAGE / 64) as usize {
        bits.or_word(word, r.u64()?);
    }
    Ok(())
}

fn decode_place(r: &mut Reader<'_>) -> Result<u16, DecodeError> {
    match r.var()? {
        at if at < PAGE => Ok(at as u16),
        _ => r.fail(),
    }
}

fn encode_mark(w: &mut Writer, mark: &Mark) {
    match mark.state {
        MarkState::InFlight(Some(time)) => {
            w.u8(IN_FLIGHT);
            w.i64(time.0);
        }
        MarkState::InFlight(None) => w.u8(HELD),
        MarkState::Back(time) => {
            w.u8(BACK);
            w.i64(time.0);
        }
        MarkState::Moving(cause) => {
            w.u8(MOVING);
            w.u8(cause.to_byte());
        }
    }
    w.var(u64::from(mark.count));
    w.var(u64::from(mark.size));
    w.i64(mark.received_at.0);
    w.u8(u8::from(mark.first_received_at.is_some()));
    mark.first_received_at.into_iter().for_each(|at| w.i64(at.0));
    w.var(mark.consumer);
    w.str(mark.holder.as_deref().unwrap_or(""));
}

fn decode_mark(r: &mut Reader<'_>) -> Result<Mark, DecodeError> {
    let state = match r.u8()? {
        IN_FLIGHT => MarkState::InFlight(Some(Timestamp(r.i64()?))),
        HELD => MarkState::InFlight(None),
        BACK => MarkState::Back(Timestamp(r.i64()?)),
        MOVING => MarkState::Moving(MoveCause::read(r)?),
        _ => return r.fail(),
    };
    let count = r.var()?;
    Ok(Mark {
        state,
        count: u16::try_from(count).or_else(|_| r.fail())?,
        size: r.var_u32()?,
        received_at: Timestamp(r.i64()?),
        first_received_at: match r.u8()? {
            0 => None,
            1 => Some(Timestamp(r.i64()?)),
            _ => return r.fail(),
        },
        consumer: r.var()?,
        holder: match r.str()? {
            "" => None,
            holder => Some(holder.into()),
        },
    })
}

/// Every number is in exactly one place, and the derived indexes say the same as the pages. For tests.
#[cfg(test)]
impl Ledger {
    pub(in crate::queues) fn check(&self) {
        let mut counts = super::Counts::default();
        let mut due = std::collections::BTreeSet::new();
        let mut moving = std::collections::BTreeSet::new();
        for (at, lane) in self.lanes.iter().enumerate() {
            let mut free = std::collections::BTreeSet::new();
            let mut fresh = None;
            let mut live = 0;
            for offset in lane.head..lane.tail {
                let number = MessageNumber::new(at as u8, offset);
                let Some(at) = self.place(number) else { continue };
                live += 1;
                let page = lane.page(offset).unwrap();
                let size = page.marks.get(&place(offset)).map_or(0, |mark| u64::from(mark.size));
                let aside = page.aside.get(place(offset));
                match at {
                    Place::Fresh if aside => {}
                    Place::Fresh => fresh = fresh.or(Some(offset)),
                    Place::Free if aside => {}
                    Place::Free => {
                        free.insert(offset);
                    }
                    Place::Wait(time) => {
                        counts.delayed += 1;
                        due.insert((time, number));
                    }
                    Place::Held => {
                        counts.in_flight += 1;
                        counts.in_flight_bytes += size;
                        match page.marks[&place(offset)].state {
                            MarkState::InFlight(Some(time)) => {
                                due.insert((time, number));
                            }
                            _ => assert!(self.held[&page.marks[&place(offset)].consumer].contains(&number)),
                        }
                    }
                    Place::Moving => {
                        counts.moving += 1;
                        counts.moving_bytes += size;
                        moving.insert(number);
                    }
                }
            }
            counts.live += live;
            assert_eq!(lane.live, live);
            assert_eq!(lane.free, free);
            assert_eq!(lane.next_fresh(lane.cursor), fresh);
            assert!(lane.live == 0 || lane.is_live(lane.head), "the head is not done");
            let pages = if lane.head == lane.tail { 0 } else { (lane.tail - 1) / PAGE - lane.head / PAGE + 1 };
            assert_eq!(lane.pages.len() as u64, pages);
        }
        assert_eq!((self.counts, &self.due, &self.moving), (counts, &due, &moving));
    }
}
