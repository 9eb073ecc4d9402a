//! What a queue remembers of each message besides its state: when it was sent, its size, group, time to live, and what it brought along. Enough to decide
//! everything without reading a body (decision E9), and small: messages that were sent together share one entry, others take a few bytes each.
//!
//! Blocks of 64 messages hold runs of equal ones; pages of 64 blocks are shared with a checkpoint that is being written (decision E6).

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use trine_types::{Offset, Timestamp};

use super::ledger::{Ledger, PAGE};
use super::record::{unzigzag, zigzag};
use super::{MessageFacts, MessageNumber, MovedFrom};
use crate::codec::{DecodeError, Reader, Writer};

/// Messages of a block.
pub(super) const BLOCK: u64 = 64;

/// Facts of all messages from a lane's head on.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    lanes: Vec<FactLane>,
    /// (earliest `sent_at` of a block, block) of blocks that may have messages: too early rather than too late. Derived.
    sent: BTreeSet<(Timestamp, BlockId)>,
    /// (earliest `expires_at` of a block, block), likewise.
    expires: BTreeSet<(Timestamp, BlockId)>,
}

/// A block of a lane: number of its first message divided by 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BlockId(u64);

impl BlockId {
    const fn of(number: MessageNumber) -> Self {
        Self(number.0 / BLOCK)
    }

    const fn first(self) -> MessageNumber {
        MessageNumber(self.0 * BLOCK)
    }
}

#[derive(Clone, Debug, Default)]
struct FactLane {
    pages: VecDeque<Arc<FactPage>>,
    first_page: u64,
    tail: Offset,
    /// Earliest times under which the last block, which still grows, is in the two indexes; `None` when it is not. Derived.
    open: (Option<Timestamp>, Option<Timestamp>),
}

/// Up to 64 blocks.
#[derive(Clone, Debug, Default)]
struct FactPage(Vec<Block>);

#[derive(Clone, Debug)]
struct Block {
    /// Of the first message; others are relative to it.
    base: Timestamp,
    /// Runs: length u8, flags u8, sent_at, size, and what the flags say.
    runs: Vec<u8>,
    /// Where the last run begins.
    last: u16,
    /// How many messages.
    len: u8,
    sent_min: Timestamp,
    expires_min: Option<Timestamp>,
    /// Whether a message in it came from another queue.
    moved: bool,
}

// Bits of a run's flags byte; on disk for ever.
const FLAG_GROUP: u8 = 1;
const FLAG_EXPIRES: u8 = 2;
const FLAG_MOVED: u8 = 4;

impl Block {
    const fn new(base: Timestamp) -> Self {
        Self { base, runs: Vec::new(), last: 0, len: 0, sent_min: base, expires_min: None, moved: false }
    }

    fn push(&mut self, facts: &MessageFacts) {
        self.sent_min = self.sent_min.min(facts.sent_at);
        self.expires_min = self.expires_min.into_iter().chain(facts.expires_at).min();
        self.moved |= facts.moved.is_some();
        let mut w = Writer::new();
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        w.u8(flag(facts.group != 0, FLAG_GROUP)
            | flag(facts.expires_at.is_some(), FLAG_EXPIRES)
            | flag(facts.moved.is_some(), FLAG_MOVED));
        w.var(zigzag(facts.sent_at.0.wrapping_sub(self.base.0)));
        w.var(u64::from(facts.size));
        if facts.group != 0 {
            w.u64(facts.group);
        }
        facts.expires_at.into_iter().for_each(|at| w.var(zigzag(at.0.wrapping_sub(facts.sent_at.0))));
        if let Some(moved) = &facts.moved {
            moved.encode(&mut w);
        }
        let run = w.finish();
        let last = usize::from(self.last);
        if self.len > 0 && self.runs.get(last + 1..) == Some(&run[..]) {
            if let Some(len) = self.runs.get_mut(last) {
                *len += 1;
            }
        } else {
            self.last = self.runs.len() as u16;
            self.runs.push(1);
            self.runs.extend_from_slice(&run);
        }
        self.len += 1;
        if u64::from(self.len) == BLOCK {
            self.runs.shrink_to_fit();
        }
    }

    /// Its messages, run by run: first place, length, facts.
    fn runs(&self) -> impl Iterator<Item = (u64, u64, MessageFacts)> {
        let mut r = Reader::new(&self.runs, "facts of messages");
        let mut first = 0;
        std::iter::from_fn(move || {
            let (len, facts) = read_run(&mut r, self.base).ok()?;
            let at = first;
            first += len;
            Some((at, len, facts))
        })
    }

    fn get(&self, at: u64) -> Option<MessageFacts> {
        self.runs().find(|(first, len, _)| at < first + len).map(|(_, _, facts)| facts)
    }
}

fn read_run(r: &mut Reader<'_>, base: Timestamp) -> Result<(u64, MessageFacts), DecodeError> {
    let (len, flags) = (r.u8()?, r.u8()?);
    if len == 0 || flags & !(FLAG_GROUP | FLAG_EXPIRES | FLAG_MOVED) != 0 {
        return r.fail();
    }
    let sent_at = Timestamp(base.0.wrapping_add(unzigzag(r.var()?)));
    let size = r.var_u32()?;
    let group = if flags & FLAG_GROUP != 0 { r.u64()? } else { 0 };
    let expires_at =
        if flags & FLAG_EXPIRES != 0 { Some(Timestamp(sent_at.0.wrapping_add(unzigzag(r.var()?)))) } else { None };
    let moved = if flags & FLAG_MOVED != 0 { Some(MovedFrom::decode(r)?) } else { None };
    Ok((u64::from(len), MessageFacts { sent_at, size, group, expires_at, moved }))
}

impl FactLane {
    fn block(&self, offset: Offset) -> Option<&Block> {
        let page = usize::try_from((offset / PAGE).checked_sub(self.first_page)?).ok()?;
        self.pages.get(page)?.0.get((offset % PAGE / BLOCK) as usize)
    }

    fn push(&mut self, facts: &MessageFacts) {
        let page = self.tail / PAGE - self.first_page;
        while self.pages.len() as u64 <= page {
            self.pages.push_back(Arc::default());
        }
        if let Some(page) = self.pages.back_mut() {
            let blocks = &mut Arc::make_mut(page).0;
            let block = (self.tail % PAGE / BLOCK) as usize;
            if blocks.len() <= block {
                // A lane that begins in the middle of a page, or of a block: what is below is never asked for.
                while blocks.len() < block {
                    blocks.push(Block::new(facts.sent_at));
                }
                let mut first = Block::new(facts.sent_at);
                let below = (self.tail % BLOCK) as u8;
                if below > 0 {
                    let nothing =
                        MessageFacts { sent_at: facts.sent_at, size: 0, group: 0, expires_at: None, moved: None };
                    (0..below).for_each(|_| first.push(&nothing));
                }
                blocks.push(first);
            }
            if let Some(block) = blocks.last_mut() {
                block.push(facts);
            }
        }
        self.tail += 1;
    }
}

impl Facts {
    fn lane(&self, lane: u8) -> Option<&FactLane> {
        self.lanes.get(usize::from(lane))
    }

    /// Facts of the message at the end of a lane's log.
    pub(super) fn push(&mut self, number: MessageNumber, facts: &MessageFacts) {
        let at = usize::from(number.lane());
        if self.lanes.len() <= at {
            self.lanes.resize_with(at + 1, FactLane::default);
        }
        let lane = &mut self.lanes[at];
        if lane.pages.is_empty() || lane.tail != number.offset() {
            let (first_page, tail) = (number.offset() / PAGE, number.offset());
            *lane = FactLane { first_page, tail, ..FactLane::default() };
        }
        if number.offset().is_multiple_of(BLOCK) {
            lane.open = (None, None);
        }
        lane.push(facts);
        let block = BlockId::of(number);
        if lane.open.0.is_none_or(|sent| facts.sent_at < sent) {
            lane.open.0 = Some(facts.sent_at);
            self.sent.insert((facts.sent_at, block));
        }
        if let Some(at) = facts.expires_at
            && lane.open.1.is_none_or(|expires| at < expires)
        {
            lane.open.1 = Some(at);
            self.expires.insert((at, block));
        }
    }

    /// What is known of a message that is not done.
    pub(super) fn get(&self, number: MessageNumber) -> Option<MessageFacts> {
        let offset = number.offset();
        self.lane(number.lane())?.block(offset)?.get(offset % BLOCK)
    }

    /// Messages that are not done and came from another queue, with what they brought along.
    pub(super) fn moved(&self, ledger: &Ledger) -> Vec<(MessageNumber, MovedFrom)> {
        let mut moved = Vec::new();
        for (lane, facts) in self.lanes.iter().enumerate().map(|(at, lane)| (at as u8, lane)) {
            for block in ledger.head(lane) / BLOCK..ledger.tail(lane).div_ceil(BLOCK) {
                let (Some(of_block), live) = (facts.block(block * BLOCK), ledger.live_word(lane, block)) else {
                    continue;
                };
                if live == 0 || !of_block.moved {
                    continue;
                }
                for (at, len, facts) in of_block.runs() {
                    let Some(from) = facts.moved else { continue };
                    let places = (at..(at + len).min(BLOCK)).filter(|place| live & (1 << place) != 0);
                    moved.extend(places.map(|place| (MessageNumber::new(lane, block * BLOCK + place), from)));
                }
            }
        }
        moved
    }

    /// Everything of a lane below `head` is done: its pages go.
    pub(super) fn trim(&mut self, lane: u8, head: Offset) {
        let Some(lane) = self.lanes.get_mut(usize::from(lane)) else { return };
        while lane.first_page < head / PAGE && lane.pages.pop_front().is_some() {
            lane.first_page += 1;
        }
        if head >= lane.tail {
            lane.pages.clear();
        }
    }

    /// Nothing is left, so that nothing can end.
    pub(super) fn forget_ends(&mut self) {
        self.sent = BTreeSet::new();
        self.expires = BTreeSet::new();
        self.lanes.iter_mut().for_each(|lane| lane.open = (None, None));
    }

    /// A message may expire again that could not for a while.
    pub(super) fn watch(&mut self, number: MessageNumber) {
        if let Some(facts) = self.get(number) {
            self.sent.insert((facts.sent_at, BlockId::of(number)));
            facts.expires_at.into_iter().for_each(|at| {
                self.expires.insert((at, BlockId::of(number)));
            });
        }
    }

    /// Messages of a block that are neither done nor moving, with their facts, ascending.
    fn messages(&self, ledger: &Ledger, block: BlockId) -> Vec<(MessageNumber, MessageFacts)> {
        let first = block.first();
        let live = ledger.live_word(first.lane(), first.offset() / BLOCK);
        if live == 0 {
            return Vec::new();
        }
        let Some(facts) = self.lane(first.lane()).and_then(|lane| lane.block(first.offset())) else {
            return Vec::new();
        };
        let mut messages = Vec::new();
        for (at, len, facts) in facts.runs() {
            for place in at..(at + len).min(BLOCK) {
                let number = MessageNumber(first.0 + place);
                if live & (1 << place) != 0 && !ledger.moving().contains(&number) {
                    messages.push((number, facts));
                }
            }
        }
        messages
    }

    /// When the oldest message was sent that does not move. Forgets blocks that have none any more.
    pub(super) fn oldest(&mut self, ledger: &Ledger) -> Option<Timestamp> {
        loop {
            let (at, block) = *self.sent.first()?;
            let oldest = self.messages(ledger, block).iter().map(|(_, facts)| facts.sent_at).min();
            if oldest == Some(at) {
                return oldest;
            }
            self.sent.pop_first();
            if let Some(lane) = self.open_lane(block) {
                lane.open.0 = oldest;
            }
            oldest.into_iter().for_each(|at| {
                self.sent.insert((at, block));
            });
        }
    }

    /// The lane whose last block this is.
    fn open_lane(&mut self, block: BlockId) -> Option<&mut FactLane> {
        let first = block.first();
        let lane = self.lanes.get_mut(usize::from(first.lane()))?;
        (lane.tail > 0 && (lane.tail - 1) / BLOCK == first.offset() / BLOCK).then_some(lane)
    }

    /// When the next time to live is over, of messages that do not move.
    fn next_expiry(&mut self, ledger: &Ledger) -> Option<Timestamp> {
        loop {
            let (at, block) = *self.expires.first()?;
            let next = self.messages(ledger, block).iter().filter_map(|(_, facts)| facts.expires_at).min();
            if next == Some(at) {
                return next;
            }
            self.expires.pop_first();
            if let Some(lane) = self.open_lane(block) {
                lane.open.1 = next;
            }
            next.into_iter().for_each(|at| {
                self.expires.insert((at, block));
            });
        }
    }

    /// When the next message's time is over. Exact when that is not after `now`; else maybe too early, never too late.
    pub(super) fn next_end(&mut self, ledger: &Ledger, retention_ms: i64, now: Timestamp) -> Option<Timestamp> {
        let mut by_age = self.sent.first().map(|(at, _)| at.plus_ms(retention_ms));
        if by_age.is_some_and(|at| at <= now) {
            by_age = self.oldest(ledger).map(|at| at.plus_ms(retention_ms));
        }
        let mut by_ttl = self.expires.first().map(|(at, _)| *at);
        if by_ttl.is_some_and(|at| at <= now) {
            by_ttl = self.next_expiry(ledger);
        }
        by_age.into_iter().chain(by_ttl).min()
    }

    /// At most `max` messages whose time is over at `now`, with their sizes, ascending.
    pub(super) fn ended(
        &mut self,
        ledger: &Ledger,
        retention_ms: i64,
        now: Timestamp,
        max: usize,
    ) -> Vec<(MessageNumber, u32)> {
        // Entries that are too early go first, so that they are not looked at again and again.
        self.next_end(ledger, retention_ms, now);
        let by_age = self.sent.iter().take_while(|(at, _)| at.plus_ms(retention_ms) <= now);
        let by_ttl = self.expires.iter().take_while(|(at, _)| *at <= now);
        let mut ended = std::collections::BTreeMap::new();
        for (_, block) in by_age.take(max).chain(by_ttl.take(max)) {
            for (number, facts) in self.messages(ledger, *block) {
                if is_over(&facts, retention_ms, now) && ended.len() < max {
                    ended.insert(number, facts.size);
                }
            }
        }
        ended.into_iter().collect()
    }

    /// How many messages at the end of a lane were sent after `since` and never delivered, when later ones were never sent earlier.
    pub(super) fn fresh_since(&self, ledger: &Ledger, lane: u8, since: Timestamp) -> u64 {
        let (head, tail) = (ledger.head(lane), ledger.tail(lane));
        let Some(facts) = self.lane(lane) else { return 0 };
        let mut fresh = 0;
        for block in (head / BLOCK..tail.div_ceil(BLOCK)).rev() {
            let Some(of_block) = facts.block(block * BLOCK) else { break };
            let id = BlockId::of(MessageNumber::new(lane, block * BLOCK));
            let whole = of_block.sent_min > since && block * BLOCK >= head;
            if whole && ledger.unmarked(lane, block) {
                fresh += u64::from(ledger.live_word(lane, block).count_ones());
                continue;
            }
            let messages = self.messages(ledger, id);
            fresh += messages
                .iter()
                .filter(|(number, facts)| facts.sent_at > since && ledger.mark(*number).is_none())
                .count() as u64;
            if !whole {
                break;
            }
        }
        fresh
    }

    /// Memory of the facts, estimated, bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let block = |block: &Block| size_of::<Block>() + block.runs.capacity();
        let page = |page: &Arc<FactPage>| 24 + page.0.iter().map(block).sum::<usize>();
        let lane = |lane: &FactLane| lane.pages.capacity() * 8 + lane.pages.iter().map(page).sum::<usize>();
        self.lanes.iter().map(lane).sum::<usize>() + (self.sent.len() + self.expires.len()) * 24
    }

    /// The facts as they are now, to be encoded in slices.
    pub(super) fn freeze(&self, ledger: &Ledger) -> FrozenFacts {
        let lanes = self.lanes.iter().enumerate().map(|(at, lane)| {
            let (head, tail) = (ledger.head(at as u8), ledger.tail(at as u8));
            let pages = if head == tail { VecDeque::new() } else { lane.pages.clone() };
            (head, pages)
        });
        FrozenFacts { lanes: lanes.collect(), begun: false }
    }

    /// The facts back from what [`FrozenFacts::encode_next`] wrote, for what is not done in `ledger`.
    pub(super) fn decode(r: &mut Reader<'_>, ledger: &Ledger) -> Result<Self, DecodeError> {
        let mut facts = Self::default();
        // Not a count of things that take a byte each: a lane can have no pages.
        let lanes = r.var()?;
        if lanes > 255 {
            return r.fail();
        }
        for at in 0..lanes as u8 {
            let (head, tail) = (ledger.head(at), ledger.tail(at));
            let mut lane = FactLane { first_page: head / PAGE, tail, ..FactLane::default() };
            let pages = if head == tail { 0 } else { (tail - 1) / PAGE - head / PAGE + 1 };
            for _ in 0..pages {
                lane.pages.push_back(Arc::new(decode_page(r)?));
            }
            for (page, blocks) in lane.pages.iter().enumerate() {
                for (block, content) in blocks.0.iter().enumerate() {
                    let offset = (lane.first_page + page as u64) * PAGE + block as u64 * BLOCK;
                    let complete = offset + u64::from(content.len) == tail || u64::from(content.len) == BLOCK;
                    if offset + BLOCK > head && !complete {
                        return r.fail();
                    }
                    if offset + BLOCK <= head {
                        continue;
                    }
                    let id = BlockId::of(MessageNumber::new(at, offset));
                    facts.sent.insert((content.sent_min, id));
                    content.expires_min.into_iter().for_each(|at| {
                        facts.expires.insert((at, id));
                    });
                }
            }
            if head < tail {
                let Some(last) = lane.block(tail - 1) else { return r.fail() };
                lane.open = (Some(last.sent_min), last.expires_min);
            }
            facts.lanes.push(lane);
        }
        Ok(facts)
    }
}

/// Whether a message's time is over.
pub(super) fn is_over(facts: &MessageFacts, retention_ms: i64, now: Timestamp) -> bool {
    facts.sent_at.plus_ms(retention_ms) <= now || facts.expires_at.is_some_and(|at| at <= now)
}

/// Facts as they were at one moment; pages are shared until they change.
#[derive(Debug)]
pub(super) struct FrozenFacts {
    lanes: VecDeque<(Offset, VecDeque<Arc<FactPage>>)>,
    begun: bool,
}

impl FrozenFacts {
    /// Encodes the next part, about a page; false when there is none.
    pub(super) fn encode_next(&mut self, w: &mut Writer) -> bool {
        if !self.begun {
            self.begun = true;
            w.var(self.lanes.len() as u64);
            return true;
        }
        while let Some((head, pages)) = self.lanes.front_mut() {
            if let Some(page) = pages.pop_front() {
                // Blocks below the head are not needed, and what they were is forgotten: the same for a queue that was never restarted.
                let below = (std::mem::take(head) % PAGE / BLOCK) as usize;
                encode_page(w, &page, below);
                return true;
            }
            self.lanes.pop_front();
        }
        false
    }
}

fn encode_page(w: &mut Writer, page: &FactPage, below: usize) {
    w.var(page.0.len() as u64);
    for (at, block) in page.0.iter().enumerate() {
        if at < below {
            w.u8(0);
            continue;
        }
        w.u8(block.len);
        w.i64(block.base.0);
        w.bytes(&block.runs);
    }
}

fn decode_page(r: &mut Reader<'_>) -> Result<FactPage, DecodeError> {
    let blocks = r.count()?;
    if blocks as u64 > PAGE / BLOCK {
        return r.fail();
    }
    let mut page = FactPage::default();
    for _ in 0..blocks {
        let len = r.u8()?;
        if len == 0 {
            page.0.push(Block::new(Timestamp::ZERO));
            continue;
        }
        let mut block = Block::new(Timestamp(r.i64()?));
        let runs = r.bytes()?;
        if u64::from(len) > BLOCK || runs.len() > usize::from(u16::MAX) {
            return r.fail();
        }
        let mut inside = Reader::new(runs, "facts of messages");
        let mut messages = 0;
        while inside.end().is_err() {
            block.last = (runs.len() - inside.remaining()) as u16;
            let (n, facts) = read_run(&mut inside, block.base)?;
            block.sent_min = block.sent_min.min(facts.sent_at);
            block.expires_min = block.expires_min.into_iter().chain(facts.expires_at).min();
            block.moved |= facts.moved.is_some();
            messages += n;
        }
        if messages != u64::from(len) {
            return r.fail();
        }
        block.runs = runs.to_vec();
        block.len = len;
        page.0.push(block);
    }
    Ok(page)
}
