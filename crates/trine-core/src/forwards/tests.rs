//! Random histories of two entities that crash: every message ends in exactly one place.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use trine_types::EntityId;

use super::{Arrival, Inbox, InboxRecord, Outbox, OutboxRecord, Receipt, TransferId, Verdict};
use crate::codec::{Reader, Writer};

fn entity(number: u64) -> EntityId {
    EntityId::new(number as u16, number).unwrap()
}

/// Small numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// A log of which the tail is lost in a crash.
struct Log<R> {
    records: Vec<R>,
    durable: usize,
}

impl<R: Clone> Log<R> {
    fn crash(&mut self) -> Vec<R> {
        self.records.truncate(self.durable);
        self.records.clone()
    }
}

/// A source that owns messages: a set, and an outbox for those that move.
struct Source {
    log: Log<OutboxRecord>,
    outbox: Outbox,
    /// Neither moving nor gone.
    here: BTreeSet<u64>,
    /// Records that were appended with each message forwarded, so that only durable ones are sent.
    forwarded_at: BTreeMap<u64, usize>,
}

impl Source {
    fn recover(records: &[OutboxRecord], messages: u64) -> (Outbox, BTreeSet<u64>) {
        let mut outbox = Outbox::default();
        let mut here: BTreeSet<u64> = (1..=messages).collect();
        for record in records {
            if let OutboxRecord::Forward { seq, .. } = record {
                here.remove(seq);
            }
            here.extend(outbox.apply(record));
        }
        (outbox, here)
    }

    fn append(&mut self, record: OutboxRecord) {
        if let OutboxRecord::Forward { seq, .. } = record {
            self.here.remove(&seq);
            self.forwarded_at.insert(seq, self.log.records.len());
        }
        self.here.extend(self.outbox.apply(&record));
        self.log.records.push(record);
    }
}

/// What a target logs: the message and where it came from.
#[derive(Clone)]
struct Entry(Option<u64>, InboxRecord);

#[test]
fn every_message_ends_in_exactly_one_place_whatever_crashes() {
    const MESSAGES: u64 = 12;
    let (from, to) = (entity(1), entity(2));
    let (mut refusals, mut crashes) = (0, 0);
    for seed in 1..1500_u64 {
        let mut dice = Dice(seed * 0x9e37_79b9 + 1);
        let mut source = Source {
            log: Log { records: Vec::new(), durable: 0 },
            outbox: Outbox::default(),
            here: (1..=MESSAGES).collect(),
            forwarded_at: BTreeMap::new(),
        };
        let mut target: Log<Entry> = Log { records: Vec::new(), durable: 0 };
        let mut inbox = Inbox::default();
        let (mut there, mut back): (VecDeque<(TransferId, u64)>, VecDeque<Receipt>) = Default::default();
        // Receipts wait until what they say is durable.
        let mut held: VecDeque<(usize, Receipt)> = VecDeque::new();
        for step in 0..400 {
            let calm = step > 300;
            match dice.below(if calm { 5 } else { 9 }) {
                0 => {
                    if let Some(seq) = source.here.first().copied() {
                        let record = source.outbox.decide_forward(seq, to);
                        source.append(record);
                    }
                }
                1 => {
                    // A mailbox with room for three.
                    let durable = source.log.durable;
                    let ready = |seq: &u64| source.forwarded_at.get(seq).is_none_or(|at| *at < durable);
                    let next = source.outbox.unsent(from).next().filter(|moving| ready(&moving.seq));
                    if let Some(moving) = next.filter(|_| there.len() < 3) {
                        source.outbox.mark_sent(&moving.id);
                        there.push_back((moving.id, moving.seq));
                    }
                }
                2 => {
                    let Some((id, seq)) = there.pop_front() else { continue };
                    match inbox.decide(&id) {
                        Arrival::Next => {
                            let refuse = !calm && dice.below(8) == 0;
                            refusals += u64::from(refuse);
                            let record = if refuse { Inbox::refused(&id) } else { Inbox::taken(&id) };
                            inbox.apply(&record);
                            target.records.push(Entry((!refuse).then_some(seq), record));
                            held.push_back((target.records.len(), Inbox::receipt(&id, !refuse)));
                        }
                        Arrival::Answer(receipt) => held.push_back((target.records.len(), receipt)),
                        Arrival::Ignore => {}
                    }
                }
                3 => {
                    let Some(receipt) = back.pop_front() else { continue };
                    if let Some(record) = source.outbox.decide_receipt(&receipt) {
                        source.append(record);
                    }
                }
                4 => {
                    source.log.durable = source.log.records.len();
                    target.durable = target.records.len();
                    while held.front().is_some_and(|(at, _)| *at <= target.durable) {
                        back.extend(held.pop_front().map(|(_, receipt)| receipt));
                    }
                }
                5 => {
                    crashes += 1;
                    let records = source.log.crash();
                    (source.outbox, source.here) = Source::recover(&records, MESSAGES);
                    source.forwarded_at.clear();
                    back.clear();
                }
                6 => {
                    crashes += 1;
                    inbox = Inbox::default();
                    target.crash().iter().for_each(|entry| inbox.apply(&entry.1));
                    held.clear();
                    there.clear();
                    // The source learns that its neighbour started over and sends again.
                    source.outbox.send_again();
                }
                7 => {
                    there.pop_front();
                    source.outbox.send_again();
                }
                _ => source.outbox.send_again(),
            }
            // Lost transfers and receipts are found missing sooner or later.
            if calm && there.is_empty() && back.is_empty() && held.is_empty() {
                source.outbox.send_again();
            }
        }
        // Only what is durable everywhere counts at the end.
        let mut seen = BTreeSet::new();
        for entry in &target.records {
            if let Some(seq) = entry.0 {
                assert!(seen.insert(seq), "seed {seed}: message {seq} arrived twice");
                assert!(!source.here.contains(&seq), "seed {seed}: message {seq} arrived and is back");
            }
        }
        let moving: BTreeSet<u64> = {
            source.outbox.send_again();
            source.outbox.unsent(from).map(|moving| moving.seq).collect()
        };
        for seq in 1..=MESSAGES {
            let places = [seen.contains(&seq), source.here.contains(&seq), moving.contains(&seq)];
            assert!(places.contains(&true), "seed {seed}: message {seq} is nowhere");
            assert!(!(places[1] && places[2]), "seed {seed}: message {seq} moves and is here");
        }
    }
    assert!(refusals > 500 && crashes > 1000, "{refusals} refusals, {crashes} crashes");
}

#[test]
fn order_within_an_epoch_is_kept_and_gaps_are_not_taken() {
    let id = |epoch, no| TransferId { source: entity(1), target: entity(2), epoch, no };
    let answer = |id, verdict| Arrival::Answer(Receipt { id, verdict });
    let mut inbox = Inbox::default();
    assert_eq!(inbox.decide(&id(1, 2)), Arrival::Ignore);
    assert_eq!(inbox.decide(&id(1, 1)), Arrival::Next);
    inbox.apply(&Inbox::taken(&id(1, 1)));
    assert_eq!(inbox.decide(&id(1, 1)), answer(id(1, 1), Verdict::Taken));
    assert_eq!(inbox.decide(&id(1, 3)), Arrival::Ignore);
    inbox.apply(&Inbox::refused(&id(1, 2)));
    assert_eq!(inbox.decide(&id(1, 1)), answer(id(1, 1), Verdict::Taken), "what is here stays here");
    assert_eq!(inbox.decide(&id(1, 2)), answer(id(1, 2), Verdict::Refused { from: 2 }));
    assert_eq!(inbox.decide(&id(2, 1)), Arrival::Next);
    inbox.apply(&Inbox::taken(&id(2, 1)));
    assert_eq!(inbox.decide(&id(1, 2)), Arrival::Ignore, "an old epoch is over");
}

#[test]
fn states_and_records_come_back_from_their_bytes() {
    let mut outbox = Outbox::default();
    let records = [
        outbox.decide_forward(7, entity(2)),
        OutboxRecord::Settled { target: entity(2), no: 9 },
        OutboxRecord::EpochEnded { target: entity(3), epoch: 4, from: 5 },
    ];
    for record in records {
        let mut w = Writer::new();
        record.encode(&mut w);
        assert_eq!(OutboxRecord::decode(&mut Reader::new(&w.finish(), "test")), Ok(record));
        outbox.apply(&record);
    }
    let mut inbox = Inbox::default();
    for record in [
        InboxRecord::Taken { source: entity(1), epoch: 2, no: 3 },
        InboxRecord::Refused { source: entity(4), epoch: 1 },
    ] {
        let mut w = Writer::new();
        record.encode(&mut w);
        assert_eq!(InboxRecord::decode(&mut Reader::new(&w.finish(), "test")), Ok(record));
        inbox.apply(&record);
    }
    let mut w = Writer::new();
    outbox.encode(&mut w);
    inbox.encode(&mut w);
    let bytes = w.finish();
    let mut r = Reader::new(&bytes, "test");
    assert_eq!(Outbox::decode(&mut r), Ok(outbox));
    assert_eq!(Inbox::decode(&mut r), Ok(inbox));
    assert_eq!(r.end(), Ok(()));
    assert!(Outbox::decode(&mut Reader::new(&bytes[..4], "test")).is_err());
}
