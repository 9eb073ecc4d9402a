//! Messages out of a queue.

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::oneshot;
use trine_core::queues::{Hold, Receive as Wanted, ReceiveStop, Taken as Given};
use trine_types::EntityId;

use super::{super::Shard, holder, lane_entity, waiters::Waiter};
use crate::queues::{Place, QueueRef, Receive, ReceiveCommand, ReceiveError, SubscriptionEnd, Taken, TakenMessage};

/// Times a receive asks again because many messages had to be dropped or moved first; then it answers with what it has.
const ROUNDS_MAX: usize = 64;

/// Where the answer goes.
pub(super) type ReceiveReply = oneshot::Sender<Result<Taken, ReceiveError>>;

impl Shard {
    pub(super) fn queue_receive(&mut self, command: ReceiveCommand) {
        let ReceiveCommand { queue, receive, ticket, room, reply } = command;
        if reply.is_closed() {
            return;
        }
        let entity = queue.entity();
        if !self.queue_ready(&queue) {
            self.queue_answer(entity, move |_| drop((reply.send(Err(ReceiveError::Deleted)), room)));
            return;
        }
        // Something may have become due since the last look; it is for those who came before.
        self.queue_serve(entity);
        if let Some(given) = self.queue_repeat(entity, &receive) {
            self.queue_hand_over(entity, reply, given, room);
            self.queue_changed(entity);
            return;
        }
        let (given, stop) = self.queue_take(entity, &receive);
        if !given.is_empty() {
            self.queue_remember(entity, &receive, &given);
            self.queue_hand_over(entity, reply, given, room);
        } else if receive.wait.is_zero() || self.stopping {
            let fifo = queue.settings().fifo;
            let answer = match stop {
                Some(ReceiveStop::OverLimit { limit }) if !fifo => Err(ReceiveError::OverLimit { limit }),
                _ => Ok(Taken::none(&self.shared, queue)),
            };
            self.queue_answer(entity, move |_| drop((reply.send(answer), room)));
        } else {
            let ends = self.shared.clock.mono().saturating_add(receive.wait);
            let ends_at = self.now.plus_ms(i64::try_from(receive.wait.as_millis()).unwrap_or(i64::MAX));
            let waiter = Waiter { receive, reply, ends, ends_at, room };
            self.queues.ends.insert(entity, ticket, &waiter);
            self.shared.counters.receives_waiting.add(1);
            if let Some(slot) = self.queues.slots.get_mut(&entity) {
                slot.waiters.insert(ticket, waiter);
            }
        }
        self.queue_depart(entity);
        self.queue_schedule(entity);
    }

    /// Takes messages; those that were delivered too often go to the dead-letter queue instead.
    fn queue_take(&mut self, entity: EntityId, receive: &Receive) -> (Vec<Given>, Option<ReceiveStop>) {
        let target = self.dead_letter_target(entity);
        let wanted = &Wanted {
            max: usize::from(receive.max),
            hold: receive.visibility_ms.map_or(Hold::Default, Hold::For),
            holder: holder(&receive.consumer),
            dead_letter: target.is_some(),
        };
        self.queue_take_wanted(entity, wanted, target.as_ref())
    }

    /// The same for whoever wants them.
    pub(super) fn queue_take_wanted(
        &mut self,
        entity: EntityId,
        wanted: &Wanted,
        target: Option<&QueueRef>,
    ) -> (Vec<Given>, Option<ReceiveStop>) {
        for _ in 0..ROUNDS_MAX {
            let Some(slot) = self.queues.slots.get_mut(&entity) else { break };
            let received = slot.state.decide_receive(self.now, wanted);
            self.queue_count_dropped(&received.records);
            self.queue_records(entity, &received.records);
            if let Some(target) = target
                && !received.dead.is_empty()
            {
                self.queue_forward(entity, target.entity(), &received.dead, trine_core::queues::MoveCause::DeadLetter);
            }
            let again = received.stopped == Some(ReceiveStop::Again) && received.taken.is_empty();
            if !again {
                self.shared.counters.messages_received.add(received.taken.len() as u64);
                return (received.taken, received.stopped);
            }
        }
        (Vec::new(), None)
    }

    /// Sends messages that were taken to whoever wants them, once that is durable.
    fn queue_hand_over(
        &mut self,
        entity: EntityId,
        reply: ReceiveReply,
        given: Vec<Given>,
        room: OwnedSemaphorePermit,
    ) {
        let Some(queue) = self.queues.slots.get(&entity).and_then(|slot| slot.queue.clone()) else { return };
        let messages = self.queue_taken(entity, &given);
        self.queue_answer(entity, move |shard| {
            // Whoever asked may have gone away: then the messages are given back.
            let _ = reply.send(Ok(Taken::new(&shard.shared, queue, messages)));
            drop(room);
        });
    }

    /// Where the messages are that were taken.
    pub(super) fn queue_taken(&self, entity: EntityId, given: &[Given]) -> Vec<TakenMessage> {
        let Some(slot) = self.queues.slots.get(&entity) else { return Vec::new() };
        let taken = |given: &Given| TakenMessage {
            place: Place {
                number: given.number,
                message_id: given.message_id.unwrap_or_else(|| given.number.message_id(slot.id)),
                sent_at: given.sent_at,
                entity: lane_entity(entity, given.number.lane()),
                batch: slot.memory.as_ref().and_then(|memory| memory.batch(given.number)),
            },
            count: u32::from(given.receive_count),
            first_received_at: given.first_received_at,
            visible_at: given.visible_at.unwrap_or(self.now),
        };
        given.iter().map(taken).collect()
    }

    /// Gives whoever waits what there is: exactly as many wake as there are messages for, first come first served.
    pub(super) fn queue_serve(&mut self, entity: EntityId) {
        if self.queues.slots.get(&entity).is_some_and(|slot| slot.pushers.is_some()) {
            return self.queue_serve_all(entity);
        }
        loop {
            let now = self.now;
            let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
            let Some((ticket, waiter)) = slot.waiters.first_key_value() else { return };
            let (ticket, gone) = (*ticket, waiter.reply.is_closed());
            if !gone && !slot.state.has_work(now) {
                return;
            }
            if gone {
                drop(self.queue_unpark(entity, ticket));
            } else if !self.queue_serve_first(entity) {
                return;
            }
        }
    }

    /// Serves the receive that waits longest. False when there was nothing for it after all: it goes on waiting.
    pub(super) fn queue_serve_first(&mut self, entity: EntityId) -> bool {
        let Some(ticket) = self.queues.slots.get(&entity).and_then(|slot| slot.waiters.keys().next().copied()) else {
            return false;
        };
        let Some(waiter) = self.queue_unpark(entity, ticket) else { return false };
        let (given, _) = self.queue_take(entity, &waiter.receive);
        if given.is_empty() {
            // Only dead or expired ones, or no room: it goes on waiting, at the head of the list.
            self.queue_park(entity, ticket, waiter);
            return false;
        }
        self.queue_remember(entity, &waiter.receive, &given);
        self.queue_hand_over(entity, waiter.reply, given, waiter.room);
        true
    }

    fn queue_park(&mut self, entity: EntityId, ticket: u64, waiter: Waiter) {
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        self.queues.ends.insert(entity, ticket, &waiter);
        slot.waiters.insert(ticket, waiter);
        self.shared.counters.receives_waiting.add(1);
    }

    /// Takes a receive out of the list of those that wait.
    pub(super) fn queue_unpark(&mut self, entity: EntityId, ticket: u64) -> Option<Waiter> {
        let waiter = self.queues.slots.get_mut(&entity)?.waiters.remove(&ticket)?;
        self.queues.ends.remove(entity, ticket, &waiter);
        self.shared.counters.receives_waiting.sub(1);
        Some(waiter)
    }

    /// Whoever waited went away.
    pub(crate) fn queue_leave(&mut self, entity: EntityId, ticket: u64) {
        drop(self.queue_unpark(entity, ticket));
    }

    /// A wait is over: an empty answer.
    pub(super) fn queue_end_wait(&mut self, entity: EntityId, ticket: u64) {
        let Some(waiter) = self.queue_unpark(entity, ticket) else { return };
        let Some(queue) = self.queues.slots.get(&entity).and_then(|slot| slot.queue.clone()) else { return };
        self.queue_answer(entity, move |shard| {
            let _ = waiter.reply.send(Ok(Taken::none(&shard.shared, queue)));
        });
    }

    /// Answers everybody who waits for messages of a queue.
    pub(super) fn queue_end_waits(&mut self, entity: EntityId, answer: impl Fn(&QueueRef) -> Result<(), ReceiveError>) {
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let Some(queue) = slot.queue.clone() else { return };
        for (ticket, waiter) in std::mem::take(&mut slot.waiters) {
            self.queues.ends.remove(entity, ticket, &waiter);
            self.shared.counters.receives_waiting.sub(1);
            let answer = answer(&queue).map(|()| Taken::none(&self.shared, queue.clone()));
            let _ = waiter.reply.send(answer);
        }
    }

    /// The server stops: everybody who waits gets an empty answer.
    pub(in crate::shard) fn queue_stop(&mut self) {
        let entities: Vec<_> = self.queues.entities().collect();
        for entity in entities {
            self.queue_end_waits(entity, |_| Ok(()));
            self.queue_end_pushes(entity, &SubscriptionEnd::Stopping);
        }
    }
}
