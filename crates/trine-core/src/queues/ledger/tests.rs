//! A ledger against a list.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::codec::{Reader, Writer};

fn delivery(at: i64, deadline: Option<i64>) -> Delivery {
    Delivery {
        at: Timestamp(at),
        deadline: deadline.map(Timestamp),
        consumer: if deadline.is_none() { 7 } else { 0 },
        holder: None,
        size: 10,
        before: (0, None),
    }
}

fn bytes(ledger: &Ledger) -> bytes::Bytes {
    let mut w = Writer::new();
    let mut frozen = ledger.freeze();
    while frozen.encode_next(&mut w) {}
    w.finish()
}

fn reload(ledger: &Ledger) -> Ledger {
    let encoded = bytes(ledger);
    let mut r = Reader::new(&encoded, "test");
    let back = Ledger::decode(&mut r).unwrap();
    r.end().unwrap();
    assert_eq!(bytes(&back), encoded);
    back
}

#[derive(Clone, Debug)]
enum Step {
    Extend(u8, u64),
    Aside(u8),
    Delay(u8, i64),
    Deliver(usize, Option<i64>),
    Settle(usize),
    Back(usize, i64),
    Hold(usize, i64),
    Move(usize),
    Refresh(i64),
    SettleAll,
    SettleFresh,
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..2, 1_u64..200).prop_map(|(lane, n)| Step::Extend(lane, n)),
        1 => Just(Step::Extend(0, 5000)),
        1 => (0_u8..2).prop_map(Step::Aside),
        2 => (0_u8..2, 0_i64..30).prop_map(|(lane, ms)| Step::Delay(lane, ms)),
        8 => (any::<usize>(), prop::option::weighted(0.8, 0_i64..30)).prop_map(|(at, ms)| Step::Deliver(at, ms)),
        8 => any::<usize>().prop_map(Step::Settle),
        3 => (any::<usize>(), 0_i64..20).prop_map(|(at, ms)| Step::Back(at, ms)),
        3 => (any::<usize>(), 0_i64..20).prop_map(|(at, ms)| Step::Hold(at, ms)),
        1 => any::<usize>().prop_map(Step::Move),
        4 => (1_i64..20).prop_map(Step::Refresh),
        1 => Just(Step::SettleAll),
        1 => Just(Step::SettleFresh),
        1 => Just(Step::Reload),
    ]
}

/// What the model knows of a number that is not done.
#[derive(Clone, Copy, PartialEq, Debug)]
enum At {
    Fresh,
    Until(i64),
    Held,
    Moving,
}

proptest! {
    // Each step is checked number by number.
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn does_what_a_list_does(steps in prop::collection::vec(step(), 1..80)) {
        let mut ledger = Ledger::default();
        let mut model: BTreeMap<MessageNumber, At> = BTreeMap::new();
        let mut aside: BTreeSet<MessageNumber> = BTreeSet::new();
        let mut now = 0;
        ledger.refresh(Timestamp(now), usize::MAX, &mut Vec::new());
        for step in steps {
            let pick = |at: usize, model: &BTreeMap<MessageNumber, At>| {
                // Often one of the first, so that heads move.
                let n = model.len().min(if at.is_multiple_of(3) { 8 } else { usize::MAX });
                (n > 0).then(|| *model.keys().nth(at % n).unwrap())
            };
            match step {
                Step::Extend(lane, n) => {
                    let first = ledger.tail(lane);
                    ledger.extend(lane, first, n);
                    model.extend((0..n).map(|i| (MessageNumber::new(lane, first + i), At::Fresh)));
                }
                Step::Aside(lane) => {
                    let number = MessageNumber::new(lane, ledger.tail(lane));
                    ledger.extend(lane, number.offset(), 1);
                    ledger.set_aside(number);
                    aside.insert(number);
                    model.insert(number, At::Fresh);
                }
                Step::Delay(lane, ms) => {
                    let number = MessageNumber::new(lane, ledger.tail(lane));
                    ledger.extend(lane, number.offset(), 1);
                    ledger.delay(number, Timestamp(now + ms));
                    model.insert(number, At::Until(now + ms));
                }
                Step::Deliver(at, ms) => if let Some(number) = pick(at, &model) {
                    prop_assert!(ledger.deliver(number, &delivery(now, ms.map(|ms| now + ms))).is_some());
                    model.insert(number, ms.map_or(At::Held, |ms| At::Until(now + ms)));
                }
                Step::Settle(at) => if let Some(number) = pick(at, &model) {
                    prop_assert!(ledger.settle(number).is_some());
                    prop_assert!(ledger.settle(number).is_none());
                    model.remove(&number);
                }
                Step::Back(at, ms) => if let Some(number) = pick(at, &model)
                    && ledger.give_back(number, Timestamp(now + ms)).is_some() {
                    model.insert(number, At::Until(now + ms));
                }
                Step::Hold(at, ms) => if let Some(number) = pick(at, &model)
                    && ledger.hold_until(number, Timestamp(now + ms)).is_some() {
                    model.insert(number, At::Until(now + ms));
                }
                Step::Move(at) => if let Some(number) = pick(at, &model) {
                    prop_assert!(ledger.send_off(number, MoveCause::Task, 10, (0, None)).is_some());
                    model.insert(number, At::Moving);
                }
                Step::Refresh(ms) => {
                    now += ms;
                    ledger.refresh(Timestamp(now), usize::MAX, &mut Vec::new());
                }
                Step::SettleAll => {
                    ledger.settle_all();
                    model.retain(|_, at| *at == At::Moving);
                }
                Step::SettleFresh => {
                    ledger.settle_fresh();
                    model.retain(|number, at| *at != At::Fresh || aside.contains(number));
                }
                Step::Reload => {
                    ledger = reload(&ledger);
                    ledger.refresh(Timestamp(now), usize::MAX, &mut Vec::new());
                }
            }
            ledger.check();
            prop_assert_eq!(ledger.counts().live, model.len() as u64);
            for lane in 0..2 {
                let available: Vec<_> = ledger.available(lane).collect();
                let wanted: Vec<_> = model
                    .iter()
                    .filter(|(number, at)| {
                        let due = match at { At::Fresh => true, At::Until(time) => *time <= now, _ => false };
                        number.lane() == lane && due && !aside.contains(number)
                    })
                    .map(|(number, _)| number.offset())
                    .collect();
                prop_assert_eq!(available, wanted);
                let (head, tail) = (ledger.head(lane), ledger.tail(lane));
                let live: Vec<_> = ledger.live(lane, 0..tail + 3).into_iter().flatten().collect();
                let wanted: Vec<_> = model.keys().filter(|n| n.lane() == lane).map(|n| n.offset()).chain(tail..tail + 3).collect();
                prop_assert!(live.iter().all(|offset| *offset >= head));
                prop_assert_eq!(live, wanted);
            }
            let due = model.values().filter_map(|at| match at { At::Until(time) if *time > now => Some(*time), _ => None }).min();
            prop_assert_eq!(ledger.next_due(), due.map(Timestamp));
        }
    }
}

#[test]
fn counts_stay_at_their_largest_value() {
    let mut ledger = Ledger::default();
    ledger.extend(0, 0, 1);
    let number = MessageNumber::new(0, 0);
    let mut first = delivery(0, Some(1));
    first.before = (u16::MAX - 1, Some(Timestamp(-5)));
    for _ in 0..3 {
        ledger.deliver(number, &first);
    }
    let mark = ledger.mark(number).unwrap();
    assert_eq!((mark.count, mark.first_received_at), (u16::MAX, Some(Timestamp(-5))));
}

#[test]
fn damaged_sections_are_errors() {
    let mut ledger = Ledger::default();
    ledger.extend(0, 0, 5000);
    ledger.deliver(MessageNumber::new(0, 3), &delivery(0, Some(9)));
    ledger.settle(MessageNumber::new(0, 4));
    let encoded = bytes(&ledger);
    for cut in 0..encoded.len() {
        assert!(Ledger::decode(&mut Reader::new(&encoded[..cut], "t")).is_err());
    }
    // A tail without pages behind it.
    let mut w = Writer::new();
    w.var(1);
    w.var(0);
    w.var(MessageNumber::OFFSET_MAX);
    assert!(Ledger::decode(&mut Reader::new(&w.finish(), "t")).is_err());
}
