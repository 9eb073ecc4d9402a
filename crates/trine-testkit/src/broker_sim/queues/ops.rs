//! What clients of queues do, and what they learn from the answers.

use std::time::Duration;

use bytes::Bytes;
use trine_broker::{Delivery, Failure, NewMessage, QueueRef, ReceiptError, Receive, ReceiveError, SendRefusal, Sent};
use trine_types::Namespace;

use super::{
    super::{
        Check,
        life::{Live, World},
        ops::{self, start},
    },
    DEAD, JOBS, NAMES, ORDERS,
    model::{Held, Message, body},
};

/// Largest padding of a body, so that limits and segments are met.
const PADDING_MAX: u64 = 600;
/// Groups of the FIFO queue.
const GROUPS: u64 = 3;

/// What was asked for.
pub(in crate::broker_sim) enum What {
    Send { ids: Vec<u64> },
    Receive { queue: usize, started: u64 },
    Ack { held: Held },
    Extend,
}

/// What came back.
pub(in crate::broker_sim) enum Answer {
    Send(Result<Vec<Result<Sent, SendRefusal>>, Failure>),
    Receive(Result<Vec<Delivery>, ReceiveError>),
    Settle(Result<Vec<Result<(), ReceiptError>>, Failure>),
}

fn begin(live: &mut Live, what: What, answer: impl Future<Output = Answer> + 'static) {
    start(live, ops::What::Queue(what), async move { ops::Answer::Queue(answer.await) });
}

impl World<'_> {
    pub(in crate::broker_sim) fn start_on_queues(&mut self, live: &mut Live) {
        match self.rng.below(20) {
            0..=3 => self.start_send(live, JOBS),
            4..=6 => self.start_send(live, ORDERS),
            7 => self.start_send_again(live),
            8..=13 => self.start_receive(live),
            14..=17 => self.start_ack(live),
            18 => self.start_extend(live),
            _ => self.give_up_receive(live),
        }
    }

    pub(super) fn queue(live: &Live, queue: usize) -> Option<QueueRef> {
        live.broker.catalog().queue(&Namespace::default(), NAMES[queue]).cloned()
    }

    fn start_send(&mut self, live: &mut Live, to: usize) {
        let Some(queue) = Self::queue(live, to) else { return };
        let mut ids = Vec::new();
        let mut messages = Vec::new();
        for _ in 0..=self.rng.below(3) {
            let id = self.next_record;
            self.next_record += 1;
            let group = (to == ORDERS).then(|| self.rng.below(GROUPS));
            let padding = self.rng.below(PADDING_MAX) as usize;
            let message = Message { queue: to, group, padding, sending: 1, ..Message::default() };
            let mut new = new_message(id, &message);
            if to == JOBS && self.rng.chance(0.2) {
                new.delay_ms = Some(100);
            }
            self.queues.messages.insert(id, message);
            ids.push(id);
            messages.push(new);
        }
        send(live, queue, ids, messages);
    }

    /// A client got no answer, or does not trust it, and sends again.
    fn start_send_again(&mut self, live: &mut Live) {
        let Some(queue) = Self::queue(live, ORDERS) else { return };
        let all: Vec<u64> = {
            let mine =
                self.queues.messages.iter().filter(|(_, message)| message.queue == ORDERS && message.sending == 0);
            mine.map(|(id, _)| *id).collect()
        };
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
        send(live, queue, vec![id], vec![new]);
    }

    fn start_receive(&mut self, live: &mut Live) {
        let from = [JOBS, JOBS, ORDERS, ORDERS, DEAD][self.rng.below(5) as usize];
        let Some(queue) = Self::queue(live, from) else { return };
        let wait = if self.rng.chance(0.4) { Duration::from_millis(self.rng.below(400)) } else { Duration::ZERO };
        let max = self.rng.below(4) as u16 + 1;
        let receive = Receive { max, wait, consumer: "client".to_owned(), ..Receive::default() };
        let started = self.queues.now();
        let broker = live.broker.clone();
        begin(live, What::Receive { queue: from, started }, async move {
            Answer::Receive(broker.queues().receive(&queue, receive).await)
        });
    }

    fn some_held(&mut self) -> Option<Held> {
        let at = self.rng.below(self.queues.held.len() as u64) as usize;
        self.queues.held.get(at).cloned()
    }

    fn start_ack(&mut self, live: &mut Live) {
        let Some(held) = self.some_held() else { return };
        let Some(queue) = Self::queue(live, held.queue) else { return };
        self.queues.ack_started(&held);
        let (broker, receipt) = (live.broker.clone(), held.receipt);
        begin(
            live,
            What::Ack { held },
            async move { Answer::Settle(broker.queues().ack(&queue, vec![receipt]).await) },
        );
    }

    fn start_extend(&mut self, live: &mut Live) {
        let Some(held) = self.some_held() else { return };
        let Some(queue) = Self::queue(live, held.queue) else { return };
        let ms = [0, 500][self.rng.below(2) as usize];
        let broker = live.broker.clone();
        begin(live, What::Extend, async move {
            Answer::Settle(broker.queues().extend(&queue, vec![(held.receipt, ms)]).await)
        });
    }

    /// A client that waits for messages goes away.
    fn give_up_receive(&self, live: &mut Live) {
        let at = live.pending.iter().position(|pending| matches!(pending.what, ops::What::Queue(What::Receive { .. })));
        if let Some(pending) = at.and_then(|at| live.pending.remove(at)) {
            self.cut_off(pending);
        }
    }

    pub(in crate::broker_sim) fn learn_queue(&mut self, what: &What, answer: Answer) -> Check {
        match (what, answer) {
            (What::Send { ids }, Answer::Send(result)) => self.learn_send(ids, result),
            (What::Receive { queue, started }, Answer::Receive(Ok(deliveries))) => {
                self.tally.deliveries += deliveries.len() as u64;
                self.queues.learn_received(*queue, *started, &deliveries)
            }
            (What::Ack { held }, Answer::Settle(result)) => {
                match result {
                    // Nobody knows.
                    Err(Failure::Unknown) => {}
                    Err(_) => self.queues.ack_answered(held, false),
                    Ok(done) => {
                        let done = done.first().is_some_and(Result::is_ok);
                        self.tally.acks += u64::from(done);
                        self.queues.ack_answered(held, done);
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn learn_send(&mut self, ids: &[u64], result: Result<Vec<Result<Sent, SendRefusal>>, Failure>) -> Check {
        let known = !matches!(result, Err(Failure::Unknown));
        for id in ids {
            if let Some(message) = self.queues.messages.get_mut(id) {
                message.sending = message.sending.saturating_sub(u32::from(known));
            }
        }
        match result {
            Ok(sent) => {
                for (id, sent) in ids.iter().zip(sent) {
                    let sent = sent.map_err(|refusal| format!("message {id} was refused: {refusal}"))?;
                    self.tally.sent += 1;
                    self.tally.duplicates += u64::from(sent.duplicate);
                    self.queues.learn_sent(*id, &sent)?;
                }
            }
            Err(Failure::Full { .. }) => self.tally.full += 1,
            Err(_) => {}
        }
        Ok(())
    }
}

fn new_message(id: u64, message: &Message) -> NewMessage {
    let body = body(id, message.padding);
    NewMessage {
        size: body.len() as u32,
        body: Bytes::from(body),
        group: message.group.map(|group| format!("group-{group}")),
        dedup_id: message.group.map(|_| id.to_string()),
        ..NewMessage::default()
    }
}

fn send(live: &mut Live, queue: QueueRef, ids: Vec<u64>, messages: Vec<NewMessage>) {
    let sending = live.broker.queues().send(&queue, messages);
    begin(live, What::Send { ids }, async move { Answer::Send(sending.await) });
}
