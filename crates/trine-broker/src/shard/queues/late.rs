//! Acknowledgements of messages that have left for a dead-letter queue. Nothing may be delivered anywhere once its acknowledgement was answered, so the
//! answer waits until it is known where the message is, and until it is gone from there. The way from queue to queue: `crate::queues::late`.

use trine_core::queues::{Arrived, Handle, HandleError, MessageNumber, Origin};
use trine_types::EntityId;

use super::super::{Reply, Shard};
use crate::queues::QueueRef;

/// Messages to acknowledge that were on their way, or gone, a moment ago.
pub(crate) struct LateAckCommand {
    pub(crate) entity: EntityId,
    pub(crate) numbers: Vec<MessageNumber>,
    /// The queue does not know them (any more), and to where its messages ever moved.
    pub(crate) reply: Reply<(Vec<MessageNumber>, Vec<EntityId>)>,
}

impl LateAckCommand {
    /// Their queue is gone with everything in it.
    pub(super) fn gone(self) {
        self.reply.send((Vec::new(), Vec::new()));
    }
}

/// What a queue says of a message by its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StillHere {
    /// It is not here.
    No,
    /// It is here; was here, if it was to be acknowledged.
    Yes,
    /// It is on its way from here to the next queue.
    Onward(MessageNumber),
}

impl Shard {
    /// Acknowledges what is back, waits for what is on its way, and answers what is not here.
    pub(crate) fn queue_ack_late(&mut self, late: LateAckCommand) {
        let entity = late.entity;
        let ready = self.queue_of(entity).is_some_and(|queue| self.queue_ready(&queue));
        let Some(slot) = self.queues.slots.get_mut(&entity).filter(|_| ready) else { return late.gone() };
        // Standard queues take any handle; the first delivery's was given out for certain.
        let handles: Vec<_> = late.numbers.iter().map(|number| Handle { number: *number, receive_count: 1 }).collect();
        let handled = slot.state.decide_ack(self.now, &handles);
        if handled.outcomes.contains(&Err(HandleError::Moving)) {
            let waiting = &mut slot.transit.get_or_insert_default().late;
            waiting.retain(|late| !late.reply.is_closed());
            waiting.push(late);
            return;
        }
        let targets: Vec<_> = slot.state.move_targets().collect();
        self.queue_records(entity, &handled.records);
        let acked = handled.outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        self.shared.counters.messages_acked.add(acked as u64);
        let numbers = late.numbers.into_iter().zip(&handled.outcomes);
        let gone =
            numbers.filter(|(_, outcome)| **outcome == Err(HandleError::Gone)).map(|(number, _)| number).collect();
        self.queue_answer(entity, move |_| late.reply.send((gone, targets)));
        self.queue_changed(entity);
    }

    /// Some of what was on its way has arrived, or is back.
    pub(super) fn queue_late_again(&mut self, entity: EntityId) {
        let Some(transit) = self.queues.slots.get_mut(&entity).and_then(|slot| slot.transit.as_mut()) else { return };
        for late in std::mem::take(&mut transit.late) {
            self.queue_ack_late(late);
        }
    }

    /// Looks for messages that came from another queue; acknowledges them here if asked to.
    pub(crate) fn queue_ack_arrived(
        &mut self,
        entity: EntityId,
        origins: &[Origin],
        ack: bool,
        reply: Reply<Vec<StillHere>>,
    ) {
        let ready = self.queue_of(entity).is_some_and(|queue: QueueRef| self.queue_ready(&queue));
        let Some(slot) = self.queues.slots.get_mut(&entity).filter(|_| ready) else {
            let nothing = vec![StillHere::No; origins.len()];
            return self.queue_answer(entity, move |_| reply.send(nothing));
        };
        let found = slot.state.decide_ack_arrived(self.now, origins);
        let outcomes = found.outcomes.iter().map(|outcome| match outcome {
            Arrived::No => StillHere::No,
            Arrived::Here(_) => StillHere::Yes,
            Arrived::Onward(number) => StillHere::Onward(*number),
        });
        let outcomes: Vec<_> = outcomes.collect();
        if let Some(record) = found.record.filter(|_| ack) {
            self.queue_record(entity, &record, None);
            let acked = outcomes.iter().filter(|outcome| **outcome == StillHere::Yes).count();
            self.shared.counters.messages_acked.add(acked as u64);
        }
        self.queue_answer(entity, move |_| reply.send(outcomes));
        self.queue_changed(entity);
    }
}
