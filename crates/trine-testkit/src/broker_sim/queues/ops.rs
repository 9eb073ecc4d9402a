//! What clients do with messages.

use std::time::Duration;

use bytes::Bytes;
use trine_broker::{
    Delivery, Failure, MoveError, MoveTask, MoveTaskId, NewMessage, QueueError, QueueRef, QueueSettings, ReceiptError,
    Receive, ReceiveError, SendRefusal, Sent,
};
use trine_env::Clock;
use trine_types::Namespace;

use super::{
    super::{
        life::{Live, World},
        ops::{self, start},
    },
    DEAD, JOBS, LAZY, NAMES, ORDERS, RANKED, VOLATILE,
    made::PRIORITIES,
    model::{Held, Message, body},
};

/// Largest padding of a body, so that limits and segments are met.
const PADDING_MAX: u64 = 600;
/// Groups of the FIFO queue.
const GROUPS: u64 = 3;
/// A delay of a message's own.
const DELAY_MS: u64 = 100;
/// A time to live that often ends within a life.
const TTL_MS: u64 = 400;

/// Share of the chances to empty a queue that are taken: messages must live long enough to meet everything else.
const EMPTYING: f64 = 0.35;

/// What was asked for. Queues by their place among those ever made, times in ticks.
#[derive(Debug)]
pub(in crate::broker_sim) enum What {
    Send { made: usize, ids: Vec<u64> },
    Receive { made: usize, started: u64, started_ms: i64 },
    Ack { held: Held, to: usize },
    Extend,
    Create { name: usize, settings: QueueSettings },
    Delete { made: usize },
    Alter { made: usize, settings: QueueSettings },
    Purge { made: usize, started: u64 },
    StartMove { made: usize, rate: Option<u32>, max: Option<u64>, started_ms: i64 },
    CancelMove { id: MoveTaskId },
    ListMoves { made: usize, started: u64 },
}

/// What came back.
#[derive(Debug)]
pub(in crate::broker_sim) enum Answer {
    Send(Result<Vec<Result<Sent, SendRefusal>>, Failure>),
    Receive(Result<Vec<Delivery>, ReceiveError>),
    Settle(Result<Vec<Result<(), ReceiptError>>, Failure>),
    Create(Result<QueueRef, QueueError>),
    Changed(Result<(), QueueError>),
    Purge(Result<u64, QueueError>),
    StartMove(Result<MoveTaskId, MoveError>),
    CancelMove(Result<u64, MoveError>),
    Moves(Result<Vec<MoveTask>, Failure>),
}

pub(super) fn begin(live: &mut Live, what: What, answer: impl Future<Output = Answer> + 'static) {
    start(live, ops::What::Queue(what), async move { ops::Answer::Queue(answer.await) });
}

impl World<'_> {
    pub(in crate::broker_sim) fn start_on_queues(&mut self, live: &mut Live) {
        match self.rng.below(40) {
            0..=5 => self.start_send(live, JOBS),
            6..=9 => self.start_send(live, ORDERS),
            10 => self.start_send_again(live),
            11..=12 => self.start_send(live, LAZY),
            13 => self.start_send(live, VOLATILE),
            14..=15 => self.start_send(live, RANKED),
            16..=25 => self.start_receive(live),
            26..=32 => self.start_ack(live),
            33..=34 => self.start_extend(live),
            35 => self.give_up_receive(live),
            36 => self.start_alter(live),
            37 if self.rng.chance(EMPTYING) => self.start_to_empty(live),
            37 => self.start_receive(live),
            _ => self.start_on_moves(live),
        }
    }

    /// The queue that has this name now, and which of those ever made it is; `None` when there is none, or clients do not know it yet.
    pub(super) fn queue(&self, live: &Live, name: usize) -> Option<(QueueRef, usize)> {
        let queue = live.broker.catalog().queue(&Namespace::default(), NAMES.get(name)?).cloned()?;
        let made = self.queues.made_of(queue.id())?;
        Some((queue, made))
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now().0
    }

    fn start_send(&mut self, live: &mut Live, to: usize) {
        let Some((queue, made)) = self.queue(live, to) else { return self.start_create_queue(live, to) };
        let mut ids = Vec::new();
        let mut messages = Vec::new();
        for _ in 0..=self.rng.below(3) {
            let id = self.next_record;
            self.next_record += 1;
            let group = (to == ORDERS).then(|| self.rng.below(GROUPS));
            let padding = self.rng.below(PADDING_MAX) as usize;
            let delay_ms = (to == JOBS && self.rng.chance(0.2)).then_some(DELAY_MS);
            let ttl_ms = (to == RANKED && self.rng.chance(0.3)).then_some(TTL_MS);
            let priority = if to == RANKED { self.rng.below(PRIORITIES.into()) as u8 } else { 0 };
            let (born_ms, alive) = (self.now_ms(), self.queues.now());
            let message = Message {
                made,
                group,
                padding,
                priority,
                ttl_ms,
                delay_ms,
                born_ms,
                alive,
                sending: 1,
                ..Message::default()
            };
            messages.push(new_message(id, &message));
            self.queues.messages.insert(id, message);
            ids.push(id);
        }
        send(live, queue, made, ids, messages);
    }

    /// A client got no answer, or does not trust it, and sends again.
    fn start_send_again(&mut self, live: &mut Live) {
        let Some((queue, made)) = self.queue(live, ORDERS) else { return };
        let mine = |message: &Message| message.made == made && message.sending == 0 && !message.loose;
        let all: Vec<u64> =
            self.queues.messages.iter().filter(|(_, message)| mine(message)).map(|(id, _)| *id).collect();
        // Mostly one that was not answered.
        let unanswered: Vec<u64> = all
            .iter()
            .copied()
            .filter(|id| self.queues.messages.get(id).is_some_and(|one| one.sent.is_none()))
            .collect();
        let from = if unanswered.is_empty() || self.rng.chance(0.2) { all } else { unanswered };
        let Some(id) = from.get(self.rng.below(from.len() as u64) as usize).copied() else { return };
        let Some(message) = self.queues.messages.get_mut(&id) else { return };
        message.sending += 1;
        self.tally.repeated += 1;
        let new = new_message(id, message);
        send(live, queue, made, vec![id], vec![new]);
    }

    fn start_receive(&mut self, live: &mut Live) {
        let from =
            [JOBS, JOBS, JOBS, ORDERS, ORDERS, ORDERS, DEAD, LAZY, VOLATILE, RANKED][self.rng.below(10) as usize];
        let Some((queue, made)) = self.queue(live, from) else { return };
        let wait = if self.rng.chance(0.4) { Duration::from_millis(self.rng.below(400)) } else { Duration::ZERO };
        let max = self.rng.below(4) as u16 + 1;
        let receive = Receive { max, wait, consumer: "client".to_owned(), ..Receive::default() };
        let (started, started_ms) = (self.queues.now(), self.now_ms());
        let broker = live.broker.clone();
        begin(live, What::Receive { made, started, started_ms }, async move {
            Answer::Receive(broker.queues().receive(&queue, receive).await)
        });
    }

    fn some_held(&mut self) -> Option<Held> {
        let at = self.rng.below(self.queues.held.len() as u64) as usize;
        self.queues.held.get(at).cloned()
    }

    /// Acknowledges to the queue that has the name now, which may be a later one than the receipt's.
    fn start_ack(&mut self, live: &mut Live) {
        let Some(held) = self.some_held() else { return };
        let Some((queue, to)) = self.queue(live, self.queues.name_of(held.made)) else { return };
        if to == held.made {
            self.queues.ack_started(&held);
        }
        let (broker, receipt) = (live.broker.clone(), held.receipt);
        begin(
            live,
            What::Ack { held, to },
            async move { Answer::Settle(broker.queues().ack(&queue, vec![receipt]).await) },
        );
    }

    fn start_extend(&mut self, live: &mut Live) {
        let Some(held) = self.some_held() else { return };
        let Some((queue, _)) = self.queue(live, self.queues.name_of(held.made)) else { return };
        let (way, broker, receipt) = (self.rng.below(3), live.broker.clone(), held.receipt);
        begin(live, What::Extend, async move {
            Answer::Settle(match way {
                0 => broker.queues().extend(&queue, vec![(receipt, 0)]).await,
                1 => broker.queues().extend(&queue, vec![(receipt, 500)]).await,
                _ => broker.queues().release(&queue, vec![receipt], 200).await,
            })
        });
    }

    /// A client that waits for messages goes away.
    fn give_up_receive(&self, live: &mut Live) {
        let at = live.pending.iter().position(|pending| matches!(pending.what, ops::What::Queue(What::Receive { .. })));
        if let Some(pending) = at.and_then(|at| live.pending.remove(at)) {
            self.cut_off(pending);
        }
    }
}

fn new_message(id: u64, message: &Message) -> NewMessage {
    let body = body(id, message.padding);
    NewMessage {
        size: body.len() as u32,
        body: Bytes::from(body),
        group: message.group.map(|group| format!("group-{group}")),
        dedup_id: message.group.map(|_| id.to_string()),
        delay_ms: message.delay_ms,
        ttl_ms: message.ttl_ms,
        priority: message.priority,
        ..NewMessage::default()
    }
}

fn send(live: &mut Live, queue: QueueRef, made: usize, ids: Vec<u64>, messages: Vec<NewMessage>) {
    let sending = live.broker.queues().send(&queue, messages);
    begin(live, What::Send { made, ids }, async move { Answer::Send(sending.await) });
}
