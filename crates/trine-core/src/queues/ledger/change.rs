//! What changes a ledger. Each change takes a number out of where it is and puts it where it goes, so that indexes and counters have one place each to be
//! right.

use std::sync::Arc;

use trine_types::{Offset, Timestamp};

use super::lane::{Lane, place};
use super::page::{Mark, MarkState};
use super::{Ledger, MessageNumber, MoveCause, PAGE, Place};

/// A delivery of a number.
#[derive(Clone, Debug)]
pub(in crate::queues) struct Delivery {
    /// When.
    pub(in crate::queues) at: Timestamp,
    /// Until when.
    pub(in crate::queues) deadline: Option<Timestamp>,
    /// The push consumer, 0 for none.
    pub(in crate::queues) consumer: u64,
    /// Shown as who has it.
    pub(in crate::queues) holder: Option<Arc<str>>,
    /// Its size.
    pub(in crate::queues) size: u32,
    /// How often and when first it was delivered before it came here.
    pub(in crate::queues) before: (u16, Option<Timestamp>),
}

impl Ledger {
    /// Appends `n` available numbers to a lane; `first` is the end of its log, or further: what is between counts as done.
    ///
    /// # Panics
    /// When `first` is below the end: the log's own order is broken, which must not be built upon.
    pub fn extend(&mut self, lane: u8, first: Offset, n: u64) {
        self.lane_mut(lane).extend(first, n);
        self.counts.live += n;
    }

    /// A number is chosen by an index beside the ledger from now on. Called right after [`Ledger::extend`].
    pub(in crate::queues) fn set_aside(&mut self, number: MessageNumber) {
        let offset = number.offset();
        let lane = self.lane_mut(number.lane());
        if let Some(page) = lane.page_mut(offset) {
            page.aside.set(place(offset));
            page.busy.set(place(offset));
        }
        lane.advance_cursor();
    }

    /// A number is not available before `time`. Called right after [`Ledger::extend`].
    pub fn delay(&mut self, number: MessageNumber, time: Timestamp) {
        let offset = number.offset();
        let refreshed = self.refreshed;
        let lane = self.lane_mut(number.lane());
        let Some(page) = lane.page_mut(offset) else { return };
        page.later.insert(place(offset), time);
        page.busy.set(place(offset));
        let aside = page.aside.get(place(offset));
        lane.advance_cursor();
        if time > refreshed {
            self.due.insert((time, number));
            self.counts.delayed += 1;
        } else if !aside {
            lane.free.insert(offset);
        }
    }

    /// Takes a number out of all indexes. Returns where it was and its mark; its place in the page is empty then.
    fn take_out(&mut self, number: MessageNumber) -> Option<(Place, Option<Mark>)> {
        let was = self.place(number)?;
        let offset = number.offset();
        let lane = self.lanes.get_mut(usize::from(number.lane()))?;
        let page = lane.page_mut(offset)?;
        let mark = page.marks.remove(&place(offset));
        let later = page.later.remove(&place(offset));
        let aside = page.aside.get(place(offset));
        let size = mark.as_ref().map_or(0, |mark| u64::from(mark.size));
        match was {
            Place::Fresh => {}
            Place::Free => {
                if !aside {
                    lane.free.remove(&offset);
                }
            }
            Place::Wait(time) => {
                self.due.remove(&(time, number));
                self.counts.delayed -= 1;
            }
            Place::Held => {
                self.counts.in_flight -= 1;
                self.counts.in_flight_bytes -= size;
                let mark = mark.as_ref();
                match mark.map(|mark| mark.state) {
                    Some(MarkState::InFlight(Some(time))) => {
                        self.due.remove(&(time, number));
                    }
                    _ => self.drop_held(mark.map_or(0, |mark| mark.consumer), number),
                }
            }
            Place::Moving => {
                self.moving.remove(&number);
                self.counts.moving -= 1;
                self.counts.moving_bytes -= size;
            }
        }
        debug_assert!(mark.is_none() || later.is_none(), "a delay ends with the first delivery");
        Some((was, mark))
    }

    fn drop_held(&mut self, consumer: u64, number: MessageNumber) {
        if let Some(held) = self.held.get_mut(&consumer) {
            held.remove(&number);
            if held.is_empty() {
                self.held.remove(&consumer);
            }
        }
    }

    /// Puts a number into the place that its mark says.
    pub(super) fn put(&mut self, number: MessageNumber, mark: Mark) {
        let offset = number.offset();
        let (now, size) = (self.place_of(mark.state), u64::from(mark.size));
        let (state, consumer) = (mark.state, mark.consumer);
        let Some(lane) = self.lanes.get_mut(usize::from(number.lane())) else { return };
        let Some(page) = lane.page_mut(offset) else { return };
        page.marks.insert(place(offset), mark);
        page.busy.set(place(offset));
        let aside = page.aside.get(place(offset));
        lane.advance_cursor();
        match now {
            Place::Fresh => {}
            Place::Free => {
                if !aside {
                    lane.free.insert(offset);
                }
            }
            Place::Wait(time) => {
                self.due.insert((time, number));
                self.counts.delayed += 1;
            }
            Place::Held => {
                self.counts.in_flight += 1;
                self.counts.in_flight_bytes += size;
                match state {
                    MarkState::InFlight(Some(time)) => {
                        self.due.insert((time, number));
                    }
                    _ => {
                        self.held.entry(consumer).or_default().insert(number);
                    }
                }
            }
            Place::Moving => {
                self.moving.insert(number);
                self.counts.moving += 1;
                self.counts.moving_bytes += size;
            }
        }
    }

    /// A consumer has the number. Returns where it was; `None` when it is done.
    pub(in crate::queues) fn deliver(&mut self, number: MessageNumber, delivery: &Delivery) -> Option<Place> {
        let (was, mark) = self.take_out(number)?;
        let (count, first) = mark.map_or(delivery.before, |mark| (mark.count, mark.first_received_at));
        let mark = Mark {
            state: MarkState::InFlight(delivery.deadline),
            count: count.saturating_add(1),
            size: delivery.size,
            received_at: delivery.at,
            first_received_at: first.or(Some(delivery.at)),
            consumer: delivery.consumer,
            holder: delivery.holder.clone(),
        };
        self.put(number, mark);
        Some(was)
    }

    /// The number is done. Returns where it was; `None` when it was done already.
    pub(in crate::queues) fn settle(&mut self, number: MessageNumber) -> Option<Place> {
        let (was, _) = self.take_out(number)?;
        let offset = number.offset();
        let lane = self.lanes.get_mut(usize::from(number.lane()))?;
        let page = lane.page_mut(offset)?;
        page.done.set(place(offset));
        page.busy.set(place(offset));
        lane.live -= 1;
        self.counts.live -= 1;
        if offset == lane.head || lane.live == 0 {
            lane.advance_head();
        }
        if offset == lane.cursor {
            lane.advance_cursor();
        }
        Some(was)
    }

    /// A delivery ends, or goes on, as `state` says; its count stays. Returns where the number was; `None` when it is done or was never delivered.
    fn change(&mut self, number: MessageNumber, state: MarkState) -> Option<Place> {
        self.mark(number)?;
        let (was, mark) = self.take_out(number)?;
        self.put(number, Mark { state, ..mark? });
        Some(was)
    }

    /// The number is available from `time` on.
    pub(in crate::queues) fn give_back(&mut self, number: MessageNumber, time: Timestamp) -> Option<Place> {
        self.change(number, MarkState::Back(time))
    }

    /// The delivery goes on until `time`.
    pub(in crate::queues) fn hold_until(&mut self, number: MessageNumber, time: Timestamp) -> Option<Place> {
        self.change(number, MarkState::InFlight(Some(time)))
    }

    /// What a push consumer holds.
    pub(in crate::queues) fn held_by(&self, consumer: u64) -> Vec<MessageNumber> {
        self.held.get(&consumer).map(|held| held.iter().copied().collect()).unwrap_or_default()
    }

    /// The number is on its way elsewhere. `before` as in [`Delivery`].
    pub(in crate::queues) fn send_off(
        &mut self,
        number: MessageNumber,
        cause: MoveCause,
        size: u32,
        before: (u16, Option<Timestamp>),
    ) -> Option<Place> {
        let (was, mark) = self.take_out(number)?;
        let mark = mark.unwrap_or(Mark {
            state: MarkState::Moving(cause),
            count: before.0,
            size,
            received_at: Timestamp::ZERO,
            first_received_at: before.1,
            consumer: 0,
            holder: None,
        });
        self.put(number, Mark { state: MarkState::Moving(cause), size, ..mark });
        Some(was)
    }

    /// Everything is done, except what moves.
    pub(in crate::queues) fn settle_all(&mut self) {
        let moving: Vec<_> = self
            .moving
            .iter()
            .filter_map(|number| {
                let page = self.lane(number.lane())?.page(number.offset())?;
                Some((*number, self.mark(*number)?.clone(), page.aside.get(place(number.offset()))))
            })
            .collect();
        for lane in &mut self.lanes {
            lane.reset(lane.tail);
        }
        self.due.clear();
        self.held.clear();
        self.moving.clear();
        self.counts = super::Counts::default();
        // Oldest first, so that each lane grows from its first moving number to its end.
        let mut ends: Vec<_> = self.lanes.iter().map(|lane| Some(lane.tail)).collect();
        for (number, ..) in &moving {
            let lane = &mut self.lanes[usize::from(number.lane())];
            if let Some(tail) = ends[usize::from(number.lane())].take() {
                lane.tail = number.offset();
                lane.reset(number.offset());
                lane.extend(number.offset(), tail - number.offset());
                lane.all_done();
            }
        }
        for (number, mark, aside) in moving {
            let lane = &mut self.lanes[usize::from(number.lane())];
            if let Some(page) = lane.page_mut(number.offset()) {
                page.done.clear(place(number.offset()));
                if aside {
                    page.aside.set(place(number.offset()));
                }
            }
            lane.live += 1;
            self.counts.live += 1;
            self.put(number, mark);
        }
    }

    /// Everything that was never delivered, is due and not aside is done.
    pub(in crate::queues) fn settle_fresh(&mut self) {
        for lane in &mut self.lanes {
            let gone = lane.fresh_done();
            self.counts.live -= gone;
            lane.advance_head();
        }
    }
}

impl Lane {
    /// Marks everything from head to tail done and busy, and leaves the head where it is.
    fn all_done(&mut self) {
        let (head, tail) = (self.head, self.tail);
        for (at, page) in self.pages.iter_mut().enumerate() {
            let first = (self.first_page + at as u64) * PAGE;
            let range = head.saturating_sub(first) as u16..(tail - first).min(PAGE) as u16;
            let page = Arc::make_mut(page);
            page.done.fill(range.clone());
            page.busy.fill(range);
        }
        self.live = 0;
    }

    /// Marks what the cursor has not passed done. Returns how many.
    fn fresh_done(&mut self) -> u64 {
        let mut gone = 0;
        for (at, page) in self.pages.iter_mut().enumerate() {
            let first = (self.first_page + at as u64) * PAGE;
            if first + PAGE <= self.cursor {
                continue;
            }
            let page = Arc::make_mut(page);
            for word in 0..(PAGE / 64) as usize {
                let start = first + word as u64 * 64;
                let (from, to) = (start.max(self.cursor), (start + 64).min(self.tail));
                if from >= to {
                    continue;
                }
                let mask = (u64::MAX << (from - start)) & (u64::MAX >> (start + 64 - to));
                let fresh = !page.busy.word(word) & mask;
                gone += u64::from(fresh.count_ones());
                page.done.or_word(word, fresh);
                page.busy.or_word(word, fresh);
            }
        }
        self.live -= gone;
        self.cursor = self.tail;
        gone
    }
}
