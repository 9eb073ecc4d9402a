//! What the queues were called that messages came from and that exist no more. A dead letter goes back to the queue of that name, also when it was deleted
//! and made anew since; the name stands in the message's record, which has to be read on the side.

use std::{collections::BTreeMap, sync::Arc};

use trine_core::queues::MessageNumber;
use trine_types::{EntityId, QueueName};

use super::{
    super::{Command, Shard},
    lane_entity,
};
use crate::queues::{Place, ReadError, Reader};

/// Names that are remembered at once; then all are forgotten, and read again when they are needed.
const NAMES_MAX: usize = 1000;

/// Session state of a queue whose messages go back.
#[derive(Default)]
pub(super) struct OriginNames {
    /// An entity never has another name, and is never used again. `None`: its name cannot be read.
    pub(super) names: BTreeMap<EntityId, Option<QueueName>>,
    /// One is being read.
    pub(super) looking: bool,
}

impl Shard {
    /// Reads from a message what the queue was called that it came from, then lets the move task go on.
    pub(super) fn queue_find_origin(&mut self, entity: EntityId, number: MessageNumber, origin: EntityId) {
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let Some(facts) = slot.state.facts(number) else { return };
        let place = Place {
            number,
            message_id: slot.state.message_id(number),
            sent_at: facts.sent_at,
            entity: lane_entity(entity, number.lane()),
            batch: slot.memory.as_ref().and_then(|memory| memory.batch(number)),
        };
        slot.origins.get_or_insert_default().looking = true;
        // The clock's advance waits for it as for everything that moves.
        self.shared.counters.forwards_under_way.add(1);
        let inner = Arc::clone(&self.shared);
        // The message has to be there to be read.
        self.queue_answer(entity, move |shard| {
            shard.shared.host.spawn(Box::pin(async move {
                let found = match Reader::new(&inner).message(&place).await {
                    Ok(message) => Some(message.origin),
                    Err(ReadError::Gone) => None,
                    Err(ReadError::Failed(_)) => Some(None),
                };
                let back = move |shard: &mut Self| shard.queue_origin_found(entity, origin, found);
                inner.tell(usize::from(inner.shard_of(entity).0), Command::Call(Box::new(back)));
            }));
        });
    }

    /// `found` is `None` when the message is gone meanwhile.
    fn queue_origin_found(&mut self, entity: EntityId, origin: EntityId, found: Option<Option<QueueName>>) {
        self.shared.counters.forwards_under_way.sub(1);
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let origins = slot.origins.get_or_insert_default();
        origins.looking = false;
        if let Some(name) = found {
            if origins.names.len() >= NAMES_MAX {
                origins.names.clear();
            }
            origins.names.insert(origin, name);
        }
        self.queue_move_on(entity);
        self.queue_changed(entity);
    }
}
