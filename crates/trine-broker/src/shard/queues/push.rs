//! Push consumers of a queue: who is next, who has room, what each of them holds.
//!
//! A free message goes to whoever is first in one order: highest priority, then longest waiting since it was last served. Receives that wait stand in the
//! same order with priority 0. A consumer without room (its own credit, shared credit, or the window of its stream) leaves the order and comes back at its
//! end when it has some, so that choosing costs the same however many wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
};

use tokio::sync::mpsc;
use trine_core::queues::{Handle, Hold, MessageNumber, Receive as Wanted, Taken as Given};
use trine_types::{EntityId, Offset};

use super::{
    super::{Reply, Shard},
    holder,
};
use crate::Failure;
use crate::queues::{
    Credit, Flow, Settlement, SubscribeCommand, SubscribeError, SubscriptionEnd, TakenMessage, WINDOW,
};

/// The place of a consumer in the order: lower first.
type Turn = (std::cmp::Reverse<i32>, u64, u64);

/// The push consumers of a queue.
#[derive(Default)]
pub(super) struct Pushers {
    by_id: BTreeMap<u64, Pusher>,
    /// Those that may have room.
    ready: BTreeSet<Turn>,
    /// Per lane, what is below is durable.
    visible: Vec<Offset>,
    /// Up to where `visible` will rise without anything more being done.
    rising: Vec<Offset>,
}

struct Pusher {
    priority: i32,
    /// Its place among those of its priority; rises when it is served.
    turn: u64,
    exclusive: bool,
    prefetch: u32,
    credit: Option<Credit>,
    holder: Arc<str>,
    /// `None` once it was cancelled.
    to: Option<mpsc::Sender<TakenMessage>>,
    flow: Arc<Flow>,
    /// What it has, and the count of that delivery.
    unsettled: BTreeMap<MessageNumber, u32>,
}

/// Whoever is next.
enum Next {
    Receive,
    Push(u64),
}

impl Pushers {
    /// Whether somebody consumes.
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Consumers, holding something or not.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        self.by_id.keys().copied()
    }

    /// Nothing more comes to anybody.
    pub(super) fn end(&mut self, why: &SubscriptionEnd) {
        for pusher in self.by_id.values_mut() {
            let _ = pusher.flow.end.set(why.clone());
            pusher.to = None;
        }
        self.ready.clear();
    }

    fn put(&mut self, id: u64) {
        if let Some(pusher) = self.by_id.get(&id).filter(|pusher| pusher.to.is_some()) {
            self.ready.insert((std::cmp::Reverse(pusher.priority), pusher.turn, id));
        }
    }

    fn leave(&mut self, id: u64) {
        if let Some(pusher) = self.by_id.get(&id) {
            self.ready.remove(&(std::cmp::Reverse(pusher.priority), pusher.turn, id));
        }
    }
}

impl Pusher {
    /// Deliveries it can take now by its own bounds. At 0 it is told of when that changes.
    fn room(&self) -> u32 {
        let unsettled = u32::try_from(self.unsettled.len()).unwrap_or(u32::MAX);
        let credit = if self.prefetch == 0 { u32::MAX } else { self.prefetch.saturating_sub(unsettled) };
        if credit == 0 {
            return 0;
        }
        let window = || WINDOW.saturating_sub(self.flow.queued.load(Ordering::SeqCst));
        let mut free = window();
        if free == 0 {
            self.flow.blocked.store(true, Ordering::SeqCst);
            // What was taken in between did not see it.
            free = window();
        }
        credit.min(free)
    }

    fn give_back(&self, n: usize) {
        if let Some(credit) = &self.credit {
            credit.give_back(u32::try_from(n).unwrap_or(u32::MAX));
        }
    }
}

impl Shard {
    pub(crate) fn queue_subscribe(&mut self, new: SubscribeCommand, reply: Reply<Result<(), SubscribeError>>) {
        let SubscribeCommand { queue, id, consumer, to, flow } = new;
        let entity = queue.entity();
        if self.stopping {
            return reply.send(Err(Failure::Stopping.into()));
        }
        if !self.queue_ready(&queue) {
            return self.queue_answer(entity, move |_| reply.send(Err(SubscribeError::Deleted)));
        }
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let pushers = slot.pushers.get_or_insert_default();
        let mut others = pushers.by_id.values().filter(|other| other.to.is_some());
        if others.any(|other| consumer.exclusive || other.exclusive) {
            return self.queue_answer(entity, move |_| reply.send(Err(SubscribeError::InUse)));
        }
        let pusher = Pusher {
            priority: consumer.priority,
            turn: id,
            exclusive: consumer.exclusive,
            prefetch: consumer.prefetch,
            credit: consumer.credit,
            holder: holder(&consumer.holder),
            to: Some(to),
            flow,
            unsettled: BTreeMap::new(),
        };
        pushers.by_id.insert(id, pusher);
        pushers.put(id);
        self.queue_answer(entity, move |_| reply.send(Ok(())));
        self.queue_changed(entity);
    }

    /// Serves consumers and receives that wait, as long as there is something for them.
    pub(super) fn queue_serve_all(&mut self, entity: EntityId) {
        self.queue_watch_ends(entity);
        loop {
            let now = self.now;
            let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
            let receive = slot.waiters.first_key_value().map(|(ticket, waiter)| (*ticket, waiter.reply.is_closed()));
            if let Some((ticket, true)) = receive {
                drop(self.queue_unpark(entity, ticket));
                continue;
            }
            let Some(pushers) = &slot.pushers else { return };
            let push = pushers.ready.first().copied();
            let waits = receive.map(|(ticket, _)| (std::cmp::Reverse(0), ticket, 0));
            let next = match (push, waits) {
                (Some(push), Some(waits)) if waits < push => Next::Receive,
                (Some((_, _, id)), _) => Next::Push(id),
                (None, Some(_)) => Next::Receive,
                (None, None) => return,
            };
            let alone = pushers.ready.len() == 1 && waits.is_none();
            if !slot.state.has_work(now) {
                return;
            }
            let served = match next {
                Next::Receive => self.queue_serve_first(entity),
                Next::Push(id) => self.queue_push(entity, id, alone),
            };
            if !served {
                return;
            }
        }
    }

    /// Sends a consumer the next message, or as many as it has room for when nobody else wants any. False when there was nothing to send after all.
    fn queue_push(&mut self, entity: EntityId, id: u64, alone: bool) -> bool {
        let next_turn = self.shared.tickets.fetch_add(1, Ordering::Relaxed);
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return false };
        let Some(pushers) = &mut slot.pushers else { return false };
        pushers.leave(id);
        let Some(pusher) = pushers.by_id.get_mut(&id) else { return true };
        // Whether it is served or has no room: the next time it is behind all others.
        pusher.turn = next_turn;
        let room = pusher.room().min(if alone { WINDOW } else { 1 });
        let granted = match &pusher.credit {
            Some(credit) if room > 0 => credit.take(room, (entity, id)),
            _ => room,
        };
        if granted == 0 {
            return true;
        }
        let (holder, credit) = (Arc::clone(&pusher.holder), pusher.credit.clone());
        let target = self.dead_letter_target(entity);
        let dead_letter = target.is_some();
        let wanted = Wanted { max: granted as usize, hold: Hold::Consumer(id), holder, dead_letter };
        let (given, _) = self.queue_take_wanted(entity, &wanted, target.as_ref());
        if let Some(credit) = credit {
            credit.put_back(granted - u32::try_from(given.len()).unwrap_or(granted).min(granted));
        }
        if let Some(pushers) = self.queues.slots.get_mut(&entity).and_then(|slot| slot.pushers.as_mut()) {
            pushers.put(id);
        }
        let sent = !given.is_empty();
        self.queue_push_given(entity, id, &given);
        sent
    }

    /// Puts deliveries into a consumer's stream: at once when their messages are durable, else when they are.
    fn queue_push_given(&mut self, entity: EntityId, id: u64, given: &[Given]) {
        let messages = self.queue_taken(entity, given);
        let Some(pushers) = self.queues.slots.get_mut(&entity).and_then(|slot| slot.pushers.as_mut()) else { return };
        let visible = |number: MessageNumber| {
            pushers.visible.get(usize::from(number.lane())).is_some_and(|end| number.offset() < *end)
        };
        let durable = given.iter().all(|given| visible(given.number));
        let Some(pusher) = pushers.by_id.get_mut(&id) else { return };
        pusher.unsettled.extend(given.iter().map(|given| (given.number, u32::from(given.receive_count))));
        let Some(to) = pusher.to.clone() else { return };
        pusher.flow.queued.fetch_add(u32::try_from(messages.len()).unwrap_or(WINDOW), Ordering::SeqCst);
        let send = move |_: &mut Self| {
            for message in messages {
                // There is room: it was counted. A consumer that is gone has given it back.
                let _ = to.try_send(message);
            }
        };
        if durable { send(self) } else { self.queue_answer(entity, send) }
    }

    /// Notes up to where the lanes are logged, and makes that visible to consumers once it is durable.
    fn queue_watch_ends(&mut self, entity: EntityId) {
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let Some(pushers) = &mut slot.pushers else { return };
        let ends: Vec<_> = (0..slot.lanes).map(|lane| slot.state.end(lane)).collect();
        if pushers.rising == ends {
            return;
        }
        pushers.rising.clone_from(&ends);
        self.queue_answer(entity, move |shard| {
            if let Some(pushers) = shard.queues.slots.get_mut(&entity).and_then(|slot| slot.pushers.as_mut()) {
                pushers.visible = ends;
            }
        });
    }

    /// A consumer may have room again.
    pub(crate) fn queue_push_ready(&mut self, entity: EntityId, id: u64) {
        let Some(pushers) = self.queues.slots.get_mut(&entity).and_then(|slot| slot.pushers.as_mut()) else { return };
        pushers.put(id);
        self.queue_changed(entity);
    }

    pub(crate) fn queue_push_prefetch(&mut self, entity: EntityId, id: u64, prefetch: u32) {
        let pushers = self.queues.slots.get_mut(&entity).and_then(|slot| slot.pushers.as_mut());
        if let Some(pusher) = pushers.and_then(|pushers| pushers.by_id.get_mut(&id)) {
            pusher.prefetch = prefetch;
            self.queue_push_ready(entity, id);
        }
    }

    pub(crate) fn queue_push_settle(&mut self, entity: EntityId, id: u64, numbers: &[MessageNumber], what: Settlement) {
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let Some(pusher) = slot.pushers.as_mut().and_then(|pushers| pushers.by_id.get_mut(&id)) else { return };
        let has = |number: &MessageNumber| Some((*number, pusher.unsettled.remove(number)?));
        let held: Vec<_> = numbers.iter().filter_map(has).collect();
        if held.is_empty() {
            return;
        }
        pusher.give_back(held.len());
        let handle = |(number, count): &(MessageNumber, u32)| Handle {
            number: *number,
            receive_count: u16::try_from(*count).unwrap_or(u16::MAX),
        };
        let handles: Vec<_> = held.iter().map(handle).collect();
        let handled = match what {
            Settlement::Done => slot.state.decide_ack(self.now, &handles),
            Settlement::Requeue => slot.state.decide_release(self.now, &handles, 0),
        };
        if what == Settlement::Done {
            let acked = handled.outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            self.shared.counters.messages_acked.add(acked as u64);
        }
        self.queue_records(entity, &handled.records);
        self.queue_push_ready(entity, id);
    }

    pub(crate) fn queue_settled(&mut self, entity: EntityId, reply: Reply<()>) {
        self.queue_answer(entity, move |_| reply.send(()));
    }

    pub(crate) fn queue_push_cancel(&mut self, entity: EntityId, id: u64, reply: Reply<()>) {
        if let Some(pushers) = self.queues.slots.get_mut(&entity).and_then(|slot| slot.pushers.as_mut()) {
            pushers.leave(id);
            if let Some(pusher) = pushers.by_id.get_mut(&id) {
                let _ = pusher.flow.end.set(SubscriptionEnd::Cancelled);
                pusher.to = None;
            }
        }
        // Behind the deliveries that are not durable yet: they come before the cancel's answer.
        self.queue_answer(entity, move |_| reply.send(()));
    }

    /// A consumer is gone: everything it has is back at its place.
    pub(crate) fn queue_push_gone(&mut self, entity: EntityId, id: u64) {
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let Some(pushers) = &mut slot.pushers else { return };
        pushers.leave(id);
        let Some(pusher) = pushers.by_id.remove(&id) else { return };
        if pushers.is_empty() {
            slot.pushers = None;
        }
        pusher.give_back(pusher.unsettled.len());
        if let Some(record) = slot.state.decide_release_consumer(id) {
            self.queue_record(entity, &record, None);
        }
        self.queue_changed(entity);
    }

    /// Nothing more comes to the consumers of a queue.
    pub(super) fn queue_end_pushes(&mut self, entity: EntityId, why: &SubscriptionEnd) {
        if let Some(pushers) = self.queues.slots.get_mut(&entity).and_then(|slot| slot.pushers.as_mut()) {
            pushers.end(why);
        }
    }
}
