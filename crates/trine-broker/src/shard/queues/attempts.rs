//! Receives that may be repeated (SQS's ReceiveRequestAttemptId): a client that lost the answer gets the same messages again. Session state; lost in a
//! restart, which only means that the messages come back when their visibility is over.

use std::collections::{HashMap, VecDeque};

use trine_core::queues::{Handle, MessageNumber, MessageState, Taken as Given};
use trine_types::{EntityId, Timestamp};

use super::super::Shard;
use crate::queues::Receive;

/// An attempt can be repeated for so long, in milliseconds.
const ATTEMPT_MS: i64 = 300_000;
/// Attempts remembered per queue; the oldest goes first.
const ATTEMPTS_MAX: usize = 1024;

/// The attempts of a queue.
#[derive(Default)]
pub(super) struct Attempts {
    by_id: HashMap<String, Attempt>,
    order: VecDeque<(Timestamp, String)>,
}

struct Attempt {
    at: Timestamp,
    given: Vec<Given>,
}

impl Attempts {
    fn forget_old(&mut self, now: Timestamp) {
        while self.order.len() >= ATTEMPTS_MAX
            || self.order.front().is_some_and(|(at, _)| now.ms_since(*at) >= ATTEMPT_MS)
        {
            let Some((at, id)) = self.order.pop_front() else { return };
            if self.by_id.get(&id).is_some_and(|attempt| attempt.at == at) {
                self.by_id.remove(&id);
            }
        }
    }
}

impl Shard {
    /// Remembers what a receive gave, if it may be repeated.
    pub(super) fn queue_remember(&mut self, entity: EntityId, receive: &Receive, given: &[Given]) {
        let Some(id) = &receive.attempt_id else { return };
        let now = self.now;
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let attempts = slot.attempts.get_or_insert_default();
        attempts.forget_old(now);
        attempts.by_id.insert(id.clone(), Attempt { at: now, given: given.to_vec() });
        attempts.order.push_back((now, id.clone()));
    }

    /// What an earlier attempt of the same id gave, with its visibility begun anew; `None` when there was none, or something happened to the messages.
    pub(super) fn queue_repeat(&mut self, entity: EntityId, receive: &Receive) -> Option<Vec<Given>> {
        let id = receive.attempt_id.as_ref()?;
        let now = self.now;
        let slot = self.queues.slots.get_mut(&entity)?;
        let attempts = slot.attempts.as_mut()?;
        attempts.forget_old(now);
        let given = attempts.by_id.get(id)?.given.clone();
        let mut untouched = |given: &Given| {
            let state = slot.state.state(now, given.number);
            matches!(state, Some(MessageState::InFlight { until, .. }) if until == given.visible_at)
        };
        if !given.iter().all(&mut untouched) {
            return None;
        }
        let hold = receive.visibility_ms.unwrap_or(slot.state.settings().visibility_ms);
        let handles: Vec<_> = given.iter().map(|given| (handle(given.number, given.receive_count), hold)).collect();
        let handled = slot.state.decide_extend(now, &handles);
        if handled.outcomes.iter().any(Result::is_err) {
            return None;
        }
        self.queue_records(entity, &handled.records);
        let visible_at = now.plus_ms(i64::try_from(hold).unwrap_or(i64::MAX));
        let again: Vec<_> = given.into_iter().map(|given| Given { visible_at: Some(visible_at), ..given }).collect();
        self.queue_remember(entity, receive, &again);
        Some(again)
    }
}

const fn handle(number: MessageNumber, receive_count: u16) -> Handle {
    Handle { number, receive_count }
}
