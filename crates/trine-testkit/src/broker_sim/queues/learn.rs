//! What clients learn from answers about messages.

use trine_broker::{Delivery, Failure, ReceiptError, SendRefusal, Sent};

use super::{
    super::{
        Check, ensure,
        life::{Live, World},
    },
    DEAD, JOBS, NAMES, ORDERS, RANKED,
    made::SHORT_MS,
    model::{Held, Model, body, id_of},
    ops::{Answer, What},
};

/// A receive: by whom it was answered and when it began.
#[derive(Clone, Copy)]
struct Received {
    made: usize,
    started: u64,
    started_ms: i64,
    /// When it was answered.
    tick: u64,
    now_ms: i64,
}

impl World<'_> {
    pub(in crate::broker_sim) fn learn_queue(&mut self, live: &Live, what: &What, answer: Answer) -> Check {
        if self.scope.trace {
            eprintln!("{}.{}: {what:?}: {answer:?}", self.life, self.step);
        }
        match (what, answer) {
            (What::Send { made, ids }, Answer::Send(result)) => self.learn_send(*made, ids, result),
            (What::Receive { made, started, started_ms }, Answer::Receive(Ok(deliveries))) => {
                self.tally.deliveries += deliveries.len() as u64;
                let (tick, now_ms) = (self.queues.now(), self.now_ms());
                let received = Received { made: *made, started: *started, started_ms: *started_ms, tick, now_ms };
                let name = NAMES.get(self.queues.name_of(*made)).copied().unwrap_or_default();
                self.queues.learn_received(received, &deliveries).map_err(|what| format!("queue {name}: {what}"))
            }
            (What::Ack { held, to }, Answer::Settle(result)) => self.learn_acked(held, *to, result),
            (What::Create { name, settings }, Answer::Create(result)) => self.learn_created(*name, settings, &result),
            (What::Alter { made, settings }, Answer::Changed(result)) => self.learn_altered(*made, settings, &result),
            (What::Delete { made }, Answer::Changed(result)) => self.learn_deleted(live, *made, &result),
            (What::Purge { made, started }, Answer::Purge(result)) => self.learn_purged(*made, *started, &result),
            (What::StartMove { .. }, Answer::StartMove(result)) => self.learn_move_started(what, result),
            (What::CancelMove { id }, Answer::CancelMove(result)) => self.learn_move_cancelled(*id, &result),
            (What::ListMoves { made, started }, Answer::Moves(result)) => self.learn_moves(*made, *started, result),
            _ => Ok(()),
        }
    }

    fn learn_acked(&mut self, held: &Held, to: usize, result: Result<Vec<Result<(), ReceiptError>>, Failure>) -> Check {
        let Ok(done) = result else {
            // Of one whose end nobody knows, nobody knows.
            if to == held.made && !matches!(result, Err(Failure::Unknown)) {
                self.queues.ack_answered(held, false);
            }
            return Ok(());
        };
        let done = done.first().copied().unwrap_or(Ok(()));
        if to != held.made {
            self.tally.stale_refused += 1;
            ensure!(
                done == Err(ReceiptError::WrongQueue),
                "a receipt of a deleted queue led to {done:?} in a later queue {}",
                NAMES[self.queues.name_of(to)]
            );
            return Ok(());
        }
        self.tally.acks += u64::from(done.is_ok());
        if self.queues.made.get(held.made).is_some_and(|made| made.deleting) {
            // The end of the queue may have come first: then nobody looked where the message went.
            return Ok(());
        }
        self.queues.ack_answered(held, done.is_ok());
        Ok(())
    }

    fn learn_send(
        &mut self,
        made: usize,
        ids: &[u64],
        result: Result<Vec<Result<Sent, SendRefusal>>, Failure>,
    ) -> Check {
        let known = !matches!(result, Err(Failure::Unknown));
        for id in ids {
            if let Some(message) = self.queues.messages.get_mut(id) {
                message.sending = message.sending.saturating_sub(u32::from(known));
            }
        }
        let now_ms = self.now_ms();
        match result {
            Ok(sent) => {
                for (id, sent) in ids.iter().zip(sent) {
                    match sent {
                        Ok(sent) => {
                            self.tally.sent += 1;
                            self.tally.duplicates += u64::from(sent.duplicate);
                            self.queues
                                .learn_sent(*id, &sent, now_ms)
                                .map_err(|what| format!("message {id}: {what}"))?;
                        }
                        Err(refusal) => self.learn_refused(made, *id, &refusal)?,
                    }
                }
            }
            Err(Failure::Full { .. }) => self.tally.full += 1,
            Err(_) => {}
        }
        Ok(())
    }

    /// A message was not stored, and never will be.
    fn learn_refused(&mut self, made: usize, id: u64, refusal: &SendRefusal) -> Check {
        let of = self.queues.made.get(made);
        let right = match refusal {
            SendRefusal::Deleted => of.is_some_and(|made| made.deleting),
            SendRefusal::QueueFull { .. } => of.is_some_and(|made| made.name == RANKED),
            _ => false,
        };
        ensure!(right, "message {id} was refused: {refusal}");
        self.tally.refused += 1;
        self.queues.messages.remove(&id);
        self.queues.gone.insert(id);
        Ok(())
    }
}

impl Model {
    /// A send of a message was answered.
    fn learn_sent(&mut self, id: u64, sent: &Sent, now_ms: i64) -> Check {
        let tick = self.now();
        let Some(message) = self.messages.get(&id) else { return Ok(()) };
        let (made, loose) = (message.made, message.loose);
        let fifo = self.name_of(made) == ORDERS;
        let Some(message) = self.messages.get_mut(&id) else { return Ok(()) };
        if !loose {
            let other = message.places.keys().find(|(at, number)| *at == made && *number != sent.number);
            ensure!(!fifo || other.is_none(), "it was sent again and is number {} and no more {other:?}", sent.number);
            ensure!(sent.duplicate || !message.answered, "it was sent again and is another one");
        }
        ensure!(fifo || !sent.duplicate, "it was sent once and is a duplicate");
        ensure!(sent.number.lane() == message.priority, "its priority is {}", sent.number.lane());
        message.sent.get_or_insert(tick);
        message.sent_ms.get_or_insert(now_ms);
        message.answered = true;
        message.see(made, sent.number, sent.message_id, tick)?;
        Ok(())
    }

    /// A receive was answered.
    fn learn_received(&mut self, received: Received, deliveries: &[Delivery]) -> Check {
        let Some(made) = self.made.get(received.made) else { return Ok(()) };
        let paused = made.settings_since(received.started).is_some_and(|settings| settings.paused);
        ensure!(deliveries.is_empty() || !paused, "messages were delivered while it is paused");
        let rank = |delivery: &Delivery| {
            let number = delivery.message.number;
            (u8::MAX - number.lane(), number.offset())
        };
        let fifo = made.name == ORDERS;
        ensure!(fifo || deliveries.is_sorted_by(|a, b| rank(a) < rank(b)), "messages in one answer are not in order");
        let mut in_answer = Vec::new();
        for delivery in deliveries {
            let id = id_of(&delivery.message.body).ok_or("a message without a number")?;
            self.learn_delivery(received, id, delivery).map_err(|what| format!("message {id}: {what}"))?;
            if fifo {
                self.check_order(id, received.made, received.started, &in_answer, received.now_ms)?;
            }
            in_answer.push(id);
            self.hold(Held { made: received.made, id, receipt: delivery.receipt });
        }
        Ok(())
    }

    fn learn_delivery(&mut self, received: Received, id: u64, delivery: &Delivery) -> Check {
        let Received { made, started, started_ms, tick, now_ms } = received;
        ensure!(!self.gone.contains(&id), "it was gone and is back");
        let Some(message) = self.messages.get(&id) else { return Err("it was never sent".into()) };
        self.belongs(message, made)?;
        ensure!(delivery.message.body == body(id, message.padding), "its body has changed");
        let first = message.places.keys().all(|place| *place == (made, delivery.message.number));
        let short = self.made.get(made).and_then(|made| made.settings_since(started));
        let retention = short.filter(|settings| settings.retention_ms == SHORT_MS).map(|_| SHORT_MS);
        for kept in message.ttl_ms.into_iter().chain(retention.filter(|_| first)) {
            let over = message.sent_ms.is_some_and(|at| at + kept as i64 <= started_ms);
            ensure!(!over, "it was delivered when its time of {kept} ms was over");
        }
        let early = message.delay_ms.is_some_and(|delay| now_ms < message.born_ms + delay as i64);
        ensure!(!early, "it was delivered before its delay was over");
        let moved = self.made.iter().any(super::made::Made::moves);
        let name = self.name_of(made);
        let Some(message) = self.messages.get_mut(&id) else { return Ok(()) };
        let before = message.count_elsewhere(made, delivery.message.message_id).filter(|_| name == DEAD);
        message.sent.get_or_insert(tick);
        let in_jobs = message.places.keys().filter(|(at, _)| *at == made).count();
        let number = delivery.message.number;
        let again = name == JOBS && in_jobs > 0 && !message.places.contains_key(&(made, number));
        ensure!(moved || !again, "it is there as number {number} again, and nobody moved it");
        let acked = message.acked(delivery.message.message_id);
        let place = message.see(made, number, delivery.message.message_id, tick)?;
        let late = acked.is_some_and(|acked| acked < started);
        ensure!(!late, "it was delivered after its acknowledgement was answered");
        let purged = place.purged.is_some_and(|purged| purged < started);
        ensure!(!purged, "it was delivered after a purge was answered");
        let count = delivery.receive_count;
        for (known, at) in place.count.into_iter().chain(before) {
            let rises = if at < started { count > known } else { count != known };
            ensure!(rises, "its receive count is {count} after {known}");
        }
        if place.count.is_none_or(|(known, _)| count > known) {
            place.count = Some((count, tick));
        }
        Ok(())
    }
}
