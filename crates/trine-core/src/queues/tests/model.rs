//! Random commands on a queue and on a naive list of messages that does the same; and checkpoints against replays, after every few commands.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use trine_types::QueueName;

use super::world::{World, entity};
use crate::forwards::{Receipt, Verdict};
use crate::queues::*;

/// What kind of queue is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Plain,
    Lanes,
    Fifo,
    Fair,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// Never delivered; available at that time (standard queues).
    New(i64),
    Held(Option<i64>),
    Back(i64),
    Moving,
}

#[derive(Clone, Debug)]
struct Message {
    sent_at: i64,
    size: u32,
    group: u64,
    expires_at: Option<i64>,
    state: State,
    count: u16,
    received_at: i64,
    consumer: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Send(Vec<SendMessage>),
    Receive(usize, Option<u64>),
    Push(usize, u64),
    Gone(u64),
    Ack(Vec<usize>),
    Extend(usize, u64),
    Release(usize, u64),
    Pass(i64),
    PassToDue,
    Expire,
    Purge(bool),
    Delay(u64),
    Retention(u64),
    Forward(usize),
    Answer(u64),
    Restart,
}

fn message(kind: Kind) -> impl Strategy<Value = SendMessage> {
    let grouped = matches!(kind, Kind::Fifo | Kind::Fair);
    let delay = prop::option::weighted(0.3, 0_u64..40).prop_map(move |ms| ms.filter(|_| kind != Kind::Fifo));
    let group = if kind == Kind::Fifo { 1_u64..4 } else { 0..4 };
    (0_u8..3, 1_u32..50, delay, prop::option::weighted(0.2, 1_u64..200), group, 0_u128..12).prop_map(
        move |(priority, size, delay_ms, ttl_ms, group, dedup)| SendMessage {
            priority,
            size,
            delay_ms,
            ttl_ms,
            group: if grouped { group * 1000 } else { 0 },
            dedup: if dedup > 6 { 0 } else { dedup },
        },
    )
}

fn step(kind: Kind) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(message(kind), 1..6).prop_map(Step::Send),
        6 => (1_usize..6, prop::option::of(0_u64..50)).prop_map(|(max, hold)| Step::Receive(max, hold)),
        2 => (1_usize..4, 1_u64..3).prop_map(|(max, consumer)| Step::Push(max, consumer)),
        1 => (1_u64..3).prop_map(Step::Gone),
        6 => prop::collection::vec(any::<usize>(), 1..4).prop_map(Step::Ack),
        2 => (any::<usize>(), 0_u64..60).prop_map(|(at, hold)| Step::Extend(at, hold)),
        2 => (any::<usize>(), 0_u64..20).prop_map(|(at, delay)| Step::Release(at, delay)),
        4 => (1_i64..40).prop_map(Step::Pass),
        2 => Just(Step::PassToDue),
        2 => Just(Step::Expire),
        1 => any::<bool>().prop_map(Step::Purge),
        1 => (0_u64..60).prop_map(Step::Delay),
        1 => (50_u64..400).prop_map(Step::Retention),
        1 => any::<usize>().prop_map(Step::Forward),
        1 => (0_u64..3).prop_map(Step::Answer),
        1 => Just(Step::Restart),
    ]
}

/// The list.
struct Model {
    kind: Kind,
    messages: BTreeMap<MessageNumber, Message>,
    ids: BTreeMap<u128, (MessageNumber, i64)>,
    delay: i64,
    retention: i64,
    max_receives: u16,
    window: i64,
}

impl Model {
    fn since(&self, message: &Message) -> Option<i64> {
        match message.state {
            State::New(_) if self.kind == Kind::Fifo => Some(message.sent_at + self.delay),
            State::New(at) | State::Held(Some(at)) | State::Back(at) => Some(at),
            State::Held(None) | State::Moving => None,
        }
    }

    fn available(&self, message: &Message, now: i64) -> bool {
        self.since(message).is_some_and(|at| at <= now)
    }

    fn in_flight(&self, group: u64, now: i64) -> usize {
        self.messages
            .values()
            .filter(|m| m.group == group && matches!(m.state, State::Held(at) if at.is_none_or(|at| at > now)))
            .count()
    }

    fn over(&self, message: &Message, now: i64) -> bool {
        message.sent_at + self.retention <= now || message.expires_at.is_some_and(|at| at <= now)
    }

    /// (taken, over, dead) of a receive.
    fn receive(&self, now: i64, max: usize) -> (Vec<MessageNumber>, BTreeSet<MessageNumber>, BTreeSet<MessageNumber>) {
        let (mut taken, mut over, mut dead) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut look = |number: MessageNumber, message: &Message| {
            if self.over(message, now) {
                over.insert(number);
            } else if message.count >= self.max_receives {
                dead.insert(number);
                return false;
            } else {
                taken.push(number);
            }
            taken.len() < max
        };
        if self.kind == Kind::Fifo {
            let mut lines: BTreeMap<u64, Vec<MessageNumber>> = BTreeMap::new();
            self.messages.iter().for_each(|(number, m)| lines.entry(m.group).or_default().push(*number));
            let head = |line: &Vec<MessageNumber>| {
                let m = &self.messages[&line[0]];
                (self.since(m), !matches!(m.state, State::New(_)), line[0])
            };
            let mut lines: Vec<_> = lines.into_values().filter(|line| head(line).0.is_some()).collect();
            lines.sort_by_key(head);
            let mut left = max;
            for line in lines {
                for number in line {
                    let m = &self.messages[&number];
                    if !self.available(m, now) || left == 0 {
                        break;
                    }
                    let alive = !self.over(m, now);
                    let dying = alive && m.count >= self.max_receives;
                    look(number, m);
                    if dying {
                        break;
                    }
                    left -= usize::from(alive);
                }
                if left == 0 {
                    break;
                }
            }
            return (taken, over, dead);
        }
        let mut seen = BTreeSet::new();
        let mut added: BTreeMap<u64, usize> = BTreeMap::new();
        loop {
            let next = self
                .messages
                .iter()
                .filter(|(number, m)| !seen.contains(*number) && self.available(m, now))
                .min_by_key(|(number, m)| {
                    let busy = self.in_flight(m.group, now) + added.get(&m.group).copied().unwrap_or(0);
                    (std::cmp::Reverse(number.lane()), if self.kind == Kind::Fair { busy } else { 0 }, number.offset())
                });
            let Some((number, m)) = next else { return (taken, over, dead) };
            seen.insert(*number);
            if !self.over(m, now) && m.count < self.max_receives {
                *added.entry(m.group).or_default() += 1;
            }
            let dying = !self.over(m, now) && m.count >= self.max_receives;
            if !look(*number, m) && !dying {
                return (taken, over, dead);
            }
        }
    }

    /// What becomes of a handle.
    fn handle(&self, handle: &Handle, now: i64) -> Result<&Message, HandleError> {
        let message = self.messages.get(&handle.number).ok_or(HandleError::Gone)?;
        if message.state == State::Moving {
            // By a task.
            return Err(if self.kind == Kind::Fifo { HandleError::Expired } else { HandleError::Moving });
        }
        if handle.receive_count > message.count {
            return Err(HandleError::Unknown);
        }
        let held = matches!(message.state, State::Held(at) if at.is_none_or(|at| at > now));
        if self.kind == Kind::Fifo && (!held || handle.receive_count < message.count) {
            return Err(HandleError::Expired);
        }
        Ok(message)
    }
}

/// Both, side by side.
struct Both {
    world: World,
    model: Model,
    handles: Vec<Handle>,
    /// Moving messages in order of their transfers, and how many of the epoch were answered.
    moving: Vec<MessageNumber>,
}

impl Both {
    fn new(kind: Kind) -> Self {
        let settings = QueueSettings {
            fifo: kind == Kind::Fifo,
            priorities: if kind == Kind::Lanes { 3 } else { 0 },
            visibility_ms: 20,
            retention_ms: 200,
            dedup_window_ms: 90,
            dead_letter: Some(DeadLetter { target: QueueName::parse("dead").unwrap(), max_receives: 4 }),
            ..QueueSettings::default()
        };
        let model = Model {
            kind,
            messages: BTreeMap::new(),
            ids: BTreeMap::new(),
            delay: 0,
            retention: 200,
            max_receives: 4,
            window: 90,
        };
        Self { world: World::new(settings), model, handles: Vec::new(), moving: Vec::new() }
    }

    fn send(&mut self, messages: &[SendMessage]) {
        let now = self.world.now;
        let accepted = self.world.send(messages);
        for (message, accepted) in messages.iter().zip(accepted) {
            let accepted = accepted.unwrap();
            let known = self.model.ids.get(&message.dedup).filter(|(_, at)| at + self.model.window > now);
            assert_eq!(accepted.duplicate, message.dedup != 0 && known.is_some());
            if let Some((number, _)) = known.filter(|_| message.dedup != 0) {
                assert_eq!(accepted.number, *number);
                continue;
            }
            if message.dedup != 0 {
                self.model.ids.insert(message.dedup, (accepted.number, now));
            }
            let delay = message.delay_ms.map_or(self.model.delay, |ms| ms as i64);
            let fresh = Message {
                sent_at: now,
                size: message.size,
                group: message.group,
                expires_at: message.ttl_ms.map(|ms| now + ms as i64),
                state: State::New(now + delay),
                count: 0,
                received_at: 0,
                consumer: 0,
            };
            assert!(self.model.messages.insert(accepted.number, fresh).is_none());
        }
    }

    fn receive(&mut self, max: usize, hold: Hold) {
        let now = self.world.now;
        let (taken, over, dead) = self.model.receive(now, max);
        assert!(self.world.queue.has_work(self.world.at()) || taken.is_empty());
        let received = self.world.receive_with(max, hold);
        assert_eq!(received.taken.iter().map(|taken| taken.number).collect::<Vec<_>>(), taken);
        assert_eq!(received.dead.iter().copied().collect::<BTreeSet<_>>(), dead);
        let until = match hold {
            Hold::Default => Some(now + 20),
            Hold::For(ms) => Some(now + ms as i64),
            Hold::Consumer(_) => None,
        };
        self.model.messages.retain(|number, _| !over.contains(number));
        for taken in received.taken {
            let message = self.model.messages.get_mut(&taken.number).unwrap();
            message.count += 1;
            message.received_at = now;
            message.state = State::Held(until);
            message.consumer = if let Hold::Consumer(consumer) = hold { consumer } else { 0 };
            assert_eq!(taken.receive_count, message.count);
            self.handles.push(Handle { number: taken.number, receive_count: taken.receive_count });
        }
    }

    fn pick(&self, at: usize) -> Option<Handle> {
        (!self.handles.is_empty()).then(|| self.handles[at % self.handles.len()])
    }

    fn ack(&mut self, which: &[usize]) {
        let handles: Vec<_> = which.iter().filter_map(|at| self.pick(*at)).collect();
        let wanted: Vec<_> =
            handles.iter().map(|handle| self.model.handle(handle, self.world.now).map(|_| ())).collect();
        assert_eq!(self.world.ack(&handles), wanted);
        for (handle, outcome) in handles.iter().zip(wanted) {
            if outcome.is_ok() {
                self.model.messages.remove(&handle.number);
            }
        }
    }

    fn extend(&mut self, at: usize, hold: u64) {
        let Some(handle) = self.pick(at) else { return };
        let now = self.world.now;
        let wanted = self.model.handle(&handle, now).map(|_| ());
        assert_eq!(self.world.extend(handle, hold), wanted);
        if wanted.is_ok()
            && let Some(message) = self.model.messages.get_mut(&handle.number)
            && matches!(message.state, State::Held(Some(at)) if at > now)
        {
            message.state = if hold == 0 { State::Back(now) } else { State::Held(Some(now + hold as i64)) };
        }
    }

    fn release(&mut self, at: usize, delay: u64) {
        let Some(handle) = self.pick(at) else { return };
        let now = self.world.now;
        let wanted = self.model.handle(&handle, now).and_then(|message| {
            let held = matches!(message.state, State::Held(at) if at.is_none_or(|at| at > now));
            if held && message.count == handle.receive_count { Ok(()) } else { Err(HandleError::Expired) }
        });
        assert_eq!(self.world.release(&[handle], delay), [wanted]);
        if wanted.is_ok() {
            self.model.messages.get_mut(&handle.number).unwrap().state = State::Back(now + delay as i64);
        }
    }

    fn forward(&mut self, at: usize) {
        let now = self.world.now;
        let numbers: Vec<_> = self.model.messages.keys().copied().skip(at % 5).take(2).collect();
        let record = self.world.queue.decide_forward(self.world.at(), entity(2), &numbers, MoveCause::Task);
        self.world.append(record);
        for number in numbers {
            // A FIFO queue's delay does not keep a message from moving.
            let message = &self.model.messages[&number];
            let fresh = self.model.kind == Kind::Fifo && matches!(message.state, State::New(_));
            if fresh || self.model.available(message, now) {
                self.model.messages.get_mut(&number).unwrap().state = State::Moving;
                self.moving.push(number);
            }
        }
    }

    fn answer(&mut self, how: u64) {
        let departing: Vec<_> = self.world.queue.unsent(entity(1)).collect();
        assert_eq!(departing.iter().map(|departing| departing.number).collect::<Vec<_>>(), self.moving);
        let Some(first) = departing.first() else { return };
        let verdict = if how == 0 { Verdict::Refused { from: first.id.no } } else { Verdict::Taken };
        let record = self.world.queue.decide_receipt(&Receipt { id: first.id, verdict });
        self.world.append(record);
        if how == 0 {
            for number in std::mem::take(&mut self.moving) {
                self.model.messages.get_mut(&number).unwrap().state = State::Back(self.world.now);
            }
        } else {
            self.model.messages.remove(&self.moving.remove(0));
        }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Send(messages) => self.send(messages),
            Step::Receive(max, hold) => self.receive(*max, hold.map_or(Hold::Default, Hold::For)),
            Step::Push(max, consumer) => self.receive(*max, Hold::Consumer(*consumer)),
            Step::Gone(consumer) => {
                let record = self.world.queue.decide_release_consumer(*consumer);
                self.world.append(record);
                for message in self.model.messages.values_mut() {
                    if message.state == State::Held(None) && message.consumer == *consumer {
                        message.state = State::Back(self.world.now);
                    }
                }
            }
            Step::Ack(which) => self.ack(which),
            Step::Extend(at, hold) => self.extend(*at, *hold),
            Step::Release(at, delay) => self.release(*at, *delay),
            Step::Pass(ms) => self.world.pass(*ms),
            Step::PassToDue => {
                let due = self.world.next_due();
                self.world.pass(due.unwrap_or(0).max(0));
            }
            Step::Expire => {
                let now = self.world.now;
                let model = &self.model;
                let over = |m: &Message| m.state != State::Moving && model.over(m, now);
                let wanted: Vec<_> =
                    model.messages.iter().filter(|(_, m)| over(m)).map(|(number, _)| *number).collect();
                assert_eq!(self.world.expire(), wanted);
                self.model.messages.retain(|number, _| !wanted.contains(number));
            }
            Step::Purge(all) => {
                let now = self.world.now;
                let scope = if *all { PurgeScope::All } else { PurgeScope::Ready };
                let gone = self.world.purge(scope);
                let before = self.model.messages.len();
                let mut kept = std::mem::take(&mut self.model.messages);
                kept.retain(|_, m| m.state == State::Moving || !all && !self.model.available(m, now));
                self.model.messages = kept;
                assert_eq!(gone, (before - self.model.messages.len()) as u64);
                if *all {
                    self.model.ids.clear();
                }
            }
            Step::Delay(ms) => {
                self.world.change(|settings| settings.delay_ms = *ms);
                self.model.delay = *ms as i64;
            }
            Step::Retention(ms) => {
                self.world.change(|settings| settings.retention_ms = *ms);
                self.model.retention = *ms as i64;
            }
            Step::Forward(at) => self.forward(*at),
            Step::Answer(how) => self.answer(*how),
            Step::Restart => self.world.restart(),
        }
    }

    /// Everything that can be asked gives the same answer.
    fn check(&mut self) {
        self.world.queue.ledger.check();
        let now = self.world.now;
        let stats = self.world.stats();
        let count = |what: &dyn Fn(&Message) -> bool| self.model.messages.values().filter(|m| what(m)).count() as u64;
        let held = |m: &Message| matches!(m.state, State::Held(at) if at.is_none_or(|at| at > now));
        let delayed = |m: &Message| !held(m) && self.model.since(m).is_some_and(|at| at > now);
        assert_eq!(stats.in_flight, count(&held));
        assert_eq!(stats.moving, count(&|m| m.state == State::Moving));
        assert_eq!(stats.delayed, count(&delayed));
        assert_eq!(stats.ready, count(&|m| self.model.available(m, now)));
        assert_eq!(stats.bytes, self.model.messages.values().map(|m| u64::from(m.size)).sum::<u64>());
        let staying = || self.model.messages.values().filter(|m| m.state != State::Moving);
        assert_eq!(stats.oldest_sent_at.map(|at| at.0), staying().map(|m| m.sent_at).min());
        let page = self.world.queue.peek(self.world.at(), &Peek { limit: usize::MAX, ..Peek::default() });
        let mut seen: Vec<_> = page.messages.iter().map(|peeked| (peeked.number, peeked.receive_count)).collect();
        seen.sort_unstable();
        assert_eq!(seen, self.model.messages.iter().map(|(number, m)| (*number, m.count)).collect::<Vec<_>>());
        // The next thing due: never late, and exact where a message becomes available.
        let ends = staying().map(|m| (m.sent_at + self.model.retention).min(m.expires_at.unwrap_or(i64::MAX))).min();
        let becomes = if self.model.kind == Kind::Fifo {
            None
        } else {
            self.model.messages.values().filter_map(|m| self.model.since(m)).filter(|at| *at > now).min()
        };
        let due = self.world.next_due().map(|ms| ms + now);
        let wanted = ends.into_iter().chain(becomes).min();
        assert!(wanted.is_none_or(|wanted| due.is_some_and(|due| due <= wanted)), "due {due:?}, wanted {wanted:?}");
        if due.is_some_and(|due| due <= now) {
            assert!(ends.is_some_and(|ends| ends <= now), "nothing is due at {due:?}");
        }
    }
}

fn try_out(kind: Kind, steps: &[Step]) {
    let mut both = Both::new(kind);
    for step in steps {
        both.run(step);
        both.check();
    }
    both.world.restart();
    both.check();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn plain_queues_do_what_a_list_does(steps in prop::collection::vec(step(Kind::Plain), 1..60)) {
        try_out(Kind::Plain, &steps);
    }

    #[test]
    fn lanes_do_what_a_list_does(steps in prop::collection::vec(step(Kind::Lanes), 1..60)) {
        try_out(Kind::Lanes, &steps);
    }

    #[test]
    fn fifo_queues_do_what_a_list_does(steps in prop::collection::vec(step(Kind::Fifo), 1..60)) {
        try_out(Kind::Fifo, &steps);
    }

    #[test]
    fn fair_queues_do_what_a_list_does(steps in prop::collection::vec(step(Kind::Fair), 1..60)) {
        try_out(Kind::Fair, &steps);
    }

    #[test]
    fn damaged_sections_are_errors_not_panics(
        steps in prop::collection::vec(step(Kind::Fair), 1..30),
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let mut both = Both::new(Kind::Fair);
        steps.iter().for_each(|step| both.run(step));
        let section = both.world.queue.encode_section();
        let cut = &section[..at.index(section.len())];
        prop_assert!(Queue::decode_section(cut).is_err());
        let mut flipped = section.to_vec();
        flipped[at.index(section.len())] ^= 1 << bit;
        // A flip can make another valid section; checksums are the store's business.
        let _ = Queue::decode_section(&flipped);
    }
}
