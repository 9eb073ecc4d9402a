//! Queues over any store.

mod clock;
mod fifo;
mod forwards;
mod manage;
mod messages;
mod moves;
mod push;
mod restart;
mod waiting;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use trine_broker::{
    DeadLetter, Delivery, NewMessage, NewQueue, QueueRef, QueueSettings, QueueStats, Receipt, ReceiptError, Receive,
    ReceiveError, Sent,
};
use trine_types::{Namespace, QueueName};

use super::support::World;

pub(crate) fn name(text: &str) -> QueueName {
    QueueName::parse(text).expect("a queue name")
}

pub(crate) fn new_queue(text: &str, settings: QueueSettings) -> NewQueue {
    NewQueue { namespace: Namespace::default(), name: name(text), settings, cooldown: Duration::ZERO }
}

pub(crate) fn fifo() -> QueueSettings {
    QueueSettings { fifo: true, ..QueueSettings::default() }
}

pub(crate) fn dead_letters_to(target: &str, max_receives: u32) -> QueueSettings {
    QueueSettings { dead_letter: Some(DeadLetter { target: name(target), max_receives }), ..QueueSettings::default() }
}

pub(crate) fn message(body: &str) -> NewMessage {
    NewMessage { body: Bytes::copy_from_slice(body.as_bytes()), size: body.len() as u32, ..NewMessage::default() }
}

pub(crate) fn grouped(body: &str, group: &str) -> NewMessage {
    NewMessage { group: Some(group.to_owned()), dedup_id: Some(body.to_owned()), ..message(body) }
}

pub(crate) fn take(max: u16) -> Receive {
    Receive { max, consumer: "tester".to_owned(), ..Receive::default() }
}

pub(crate) fn waiting(max: u16, seconds: u64) -> Receive {
    Receive { wait: Duration::from_secs(seconds), ..take(max) }
}

pub(crate) fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|delivery| String::from_utf8_lossy(&delivery.message.body).into_owned()).collect()
}

pub(crate) fn receipts(deliveries: &[Delivery]) -> Vec<Receipt> {
    deliveries.iter().map(|delivery| delivery.receipt).collect()
}

/// Polls once.
pub(crate) fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

/// A receive on its way.
pub(crate) type Receiving = Pin<Box<dyn Future<Output = Result<Vec<Delivery>, ReceiveError>>>>;

impl World {
    pub(crate) fn queue(&mut self, text: &str, settings: QueueSettings) -> QueueRef {
        let broker = self.broker.clone();
        self.run(broker.queues().create(new_queue(text, settings))).expect("the queue is made")
    }

    /// The queue as the catalogue has it now.
    pub(crate) fn find(&self, text: &str) -> QueueRef {
        self.broker.queues().get(&Namespace::default(), &name(text)).expect("the queue exists")
    }

    pub(crate) fn send_all(&mut self, queue: &QueueRef, messages: Vec<NewMessage>) -> Vec<Sent> {
        let broker = self.broker.clone();
        let sent = self.run(broker.queues().send(queue, messages)).expect("the queue takes messages");
        sent.into_iter().map(|sent| sent.expect("the message is taken")).collect()
    }

    pub(crate) fn send(&mut self, queue: &QueueRef, bodies: &[&str]) -> Vec<Sent> {
        self.send_all(queue, bodies.iter().map(|body| message(body)).collect())
    }

    pub(crate) fn try_receive(&mut self, queue: &QueueRef, receive: Receive) -> Result<Vec<Delivery>, ReceiveError> {
        let broker = self.broker.clone();
        self.run(broker.queues().receive(queue, receive))
    }

    pub(crate) fn receive(&mut self, queue: &QueueRef, max: u16) -> Vec<Delivery> {
        self.try_receive(queue, take(max)).expect("the queue gives messages")
    }

    /// Starts a receive and lets it arrive at its shard.
    pub(crate) fn start(&mut self, queue: &QueueRef, receive: Receive) -> Receiving {
        let (broker, queue) = (self.broker.clone(), queue.clone());
        let mut receiving: Receiving = Box::pin(async move { broker.queues().receive(&queue, receive).await });
        assert!(poll(&mut receiving).is_none(), "nothing is answered before a shard has looked");
        self.step();
        receiving
    }

    pub(crate) fn ack(&mut self, queue: &QueueRef, deliveries: &[Delivery]) -> Vec<Result<(), ReceiptError>> {
        let broker = self.broker.clone();
        self.run(broker.queues().ack(queue, receipts(deliveries))).expect("answered")
    }

    pub(crate) fn extend(&mut self, queue: &QueueRef, delivery: &Delivery, ms: u64) -> Result<(), ReceiptError> {
        let broker = self.broker.clone();
        self.run(broker.queues().extend(queue, vec![(delivery.receipt, ms)])).expect("answered").remove(0)
    }

    pub(crate) fn queue_stats(&mut self, queue: &QueueRef) -> QueueStats {
        let broker = self.broker.clone();
        self.run(broker.queues().stats(queue)).expect("answered")
    }

    /// Ready, in flight, delayed, moving.
    pub(crate) fn counts(&mut self, queue: &QueueRef) -> (u64, u64, u64, u64) {
        let stats = self.queue_stats(queue);
        (stats.ready, stats.in_flight, stats.delayed, stats.moving)
    }
}
