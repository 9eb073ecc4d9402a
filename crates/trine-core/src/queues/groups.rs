//! Which group comes next. A queue without groups has no such index; everything here is derived from ledger and facts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use trine_types::{Offset, Timestamp};

use super::MessageNumber;
use super::ledger::Ledger;

/// Standard queues with groups: the next message is of the group that has fewest in flight (decision Q5c). Messages without a group are a group of
/// their own, kept by the ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Fair {
    lanes: Vec<FairLane>,
    /// Deliveries per group; 0 is not kept.
    in_flight: BTreeMap<u64, u64>,
    /// Their sum.
    total: u64,
}

#[derive(Clone, Debug, Default)]
struct FairLane {
    tenants: BTreeMap<u64, Tenant>,
    /// (in flight, first available number, group) of groups with something available.
    order: BTreeSet<(u64, Offset, u64)>,
}

/// Available messages of a group in one lane.
#[derive(Clone, Debug, Default)]
pub(super) struct Tenant {
    /// Never delivered, ascending; some may be done, then they are passed over.
    fresh: VecDeque<Offset>,
    /// Back, or due after a delay.
    back: BTreeSet<Offset>,
    /// Its place in the order.
    placed: Option<(u64, Offset)>,
}

impl Tenant {
    fn first(&self) -> Option<Offset> {
        self.fresh.front().copied().into_iter().chain(self.back.first().copied()).min()
    }
}

impl Fair {
    fn lane_mut(&mut self, lane: u8) -> &mut FairLane {
        let at = usize::from(lane);
        if self.lanes.len() <= at {
            self.lanes.resize_with(at + 1, FairLane::default);
        }
        &mut self.lanes[at]
    }

    /// How many messages of a group are in flight.
    pub(super) fn in_flight(&self, group: u64) -> u64 {
        self.in_flight.get(&group).copied().unwrap_or(0)
    }

    /// How many messages of all groups are in flight.
    pub(super) const fn total_in_flight(&self) -> u64 {
        self.total
    }

    /// A new message that was never delivered is available.
    pub(super) fn push(&mut self, ledger: &Ledger, group: u64, number: MessageNumber) {
        self.lane_mut(number.lane()).tenants.entry(group).or_default().fresh.push_back(number.offset());
        self.place(ledger, group, number.lane());
    }

    /// A message became available that was not.
    pub(super) fn give_back(&mut self, ledger: &Ledger, group: u64, number: MessageNumber) {
        self.lane_mut(number.lane()).tenants.entry(group).or_default().back.insert(number.offset());
        self.place(ledger, group, number.lane());
    }

    /// A message is not available any more.
    pub(super) fn take(&mut self, ledger: &Ledger, group: u64, number: MessageNumber) {
        if let Some(tenant) = self.lane_mut(number.lane()).tenants.get_mut(&group) {
            tenant.back.remove(&number.offset());
        }
        self.place(ledger, group, number.lane());
    }

    /// More or fewer messages of a group are in flight.
    pub(super) fn count(&mut self, ledger: &Ledger, group: u64, more: bool) {
        let n = self.in_flight.entry(group).or_default();
        if more {
            *n += 1;
            self.total += 1;
        } else {
            *n = n.saturating_sub(1);
            self.total = self.total.saturating_sub(1);
        }
        if *n == 0 {
            self.in_flight.remove(&group);
        }
        for lane in 0..self.lanes.len() {
            self.place(ledger, group, lane as u8);
        }
    }

    /// Puts a group where it belongs in a lane's order.
    fn place(&mut self, ledger: &Ledger, group: u64, lane_at: u8) {
        let in_flight = self.in_flight(group);
        let lane = self.lane_mut(lane_at);
        let Some(tenant) = lane.tenants.get_mut(&group) else { return };
        while let Some(offset) = tenant.fresh.front().copied() {
            if ledger.is_fresh(MessageNumber::new(lane_at, offset)) {
                break;
            }
            tenant.fresh.pop_front();
        }
        let placed = tenant.first().map(|first| (in_flight, first));
        if placed != tenant.placed {
            if let Some((count, first)) = tenant.placed {
                lane.order.remove(&(count, first, group));
            }
            if let Some((count, first)) = placed {
                lane.order.insert((count, first, group));
            }
            tenant.placed = placed;
        }
        if placed.is_none() {
            lane.tenants.remove(&group);
        }
    }

    /// The groups of a lane in the order in which they come next: (in flight, first available number, group).
    pub(super) fn order(&self, lane: u8) -> impl Iterator<Item = (u64, Offset, u64)> {
        self.lanes.get(usize::from(lane)).into_iter().flat_map(|lane| lane.order.iter().copied())
    }

    /// Available messages of a group in a lane after `after`, ascending.
    pub(super) fn available(&self, ledger: &Ledger, lane: u8, group: u64, after: Option<Offset>) -> Option<Offset> {
        let tenant = self.lanes.get(usize::from(lane))?.tenants.get(&group)?;
        let from = after.map_or(0, |after| after + 1);
        let at = tenant.fresh.partition_point(|offset| *offset < from);
        let mut fresh = tenant.fresh.range(at..).copied();
        let fresh = fresh.find(|offset| ledger.is_fresh(MessageNumber::new(lane, *offset)));
        fresh.into_iter().chain(tenant.back.range(from..).next().copied()).min()
    }

    /// Whether anything is available.
    pub(super) fn has_any(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.order.is_empty())
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let tenant = |tenant: &Tenant| 96 + tenant.fresh.capacity() * 8 + tenant.back.len() * 12;
        let lane = |lane: &FairLane| lane.tenants.values().map(tenant).sum::<usize>() + lane.order.len() * 36;
        self.lanes.iter().map(lane).sum::<usize>() + self.in_flight.len() * 24
    }
}

/// FIFO queues: a group is its messages in order; what may be delivered is the part before the first one that is not available (decision Q5b). The next
/// group is the one whose first message has been available for the longest time; one given back has been so since then, behind what was sent before.
#[derive(Clone, Debug, Default)]
pub(super) struct Fifo {
    lines: BTreeMap<u64, Line>,
    /// (available since, delivered before, number, group) of groups whose first message is or becomes available.
    heads: BTreeSet<(Timestamp, bool, MessageNumber, u64)>,
}

#[derive(Clone, Debug, Default)]
struct Line {
    /// Ascending; some may be done, then they are passed over; the first one is not.
    numbers: VecDeque<Offset>,
    /// Its place among the heads.
    placed: Option<(Timestamp, bool, MessageNumber)>,
}

impl Fifo {
    /// A new message; [`Fifo::place`] comes next.
    pub(super) fn push(&mut self, group: u64, number: MessageNumber) {
        self.lines.entry(group).or_default().numbers.push_back(number.offset());
    }

    /// Puts a group where it belongs. `since` tells since when (or from when on) a message is available and whether it was delivered before.
    pub(super) fn place(
        &mut self,
        ledger: &Ledger,
        group: u64,
        since: impl FnOnce(MessageNumber) -> Option<(Timestamp, bool)>,
    ) {
        let Some(line) = self.lines.get_mut(&group) else { return };
        while let Some(offset) = line.numbers.front().copied() {
            if ledger.is_live(MessageNumber::new(0, offset)) {
                break;
            }
            line.numbers.pop_front();
        }
        let head = line.numbers.front().map(|offset| MessageNumber::new(0, *offset));
        let placed = head.and_then(|head| since(head).map(|(since, again)| (since, again, head)));
        if placed != line.placed {
            if let Some((since, again, head)) = line.placed {
                self.heads.remove(&(since, again, head, group));
            }
            if let Some((since, again, head)) = placed {
                self.heads.insert((since, again, head, group));
            }
            line.placed = placed;
        }
        if head.is_none() {
            self.lines.remove(&group);
        }
    }

    /// Groups whose first message is available at `now`, in order.
    pub(super) fn ready(&self, now: Timestamp) -> impl Iterator<Item = u64> {
        self.heads.iter().take_while(move |(since, ..)| *since <= now).map(|(.., group)| *group)
    }

    /// When the next group becomes available after `now`.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let after = (now.plus_ms(1), false, MessageNumber(0), 0);
        self.heads.range(after..).next().map(|(since, ..)| *since)
    }

    /// Messages of a group that are not done, in order.
    pub(super) fn line(&self, ledger: &Ledger, group: u64) -> impl Iterator<Item = MessageNumber> {
        let numbers = self.lines.get(&group).into_iter().flat_map(|line| line.numbers.iter());
        numbers.map(|offset| MessageNumber::new(0, *offset)).filter(|number| ledger.is_live(*number))
    }

    /// All groups.
    pub(super) fn groups(&self) -> Vec<u64> {
        self.lines.keys().copied().collect()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let line = |line: &Line| 110 + line.numbers.capacity() * 8;
        self.lines.values().map(line).sum::<usize>() + self.heads.len() * 48
    }
}
