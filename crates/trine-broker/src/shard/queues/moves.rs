//! Move tasks: messages go to another queue at a given rate, a bounded number on the way at a time.

use trine_core::queues::{self as core, Arriving, MoveCause, MoveDestination, MoveRefusal, MovedFrom, QueueRecord};
use trine_types::{EntityId, QueueName};

use super::{
    super::{Reply, Shard},
    send::run,
};
use crate::queues::{
    MOVE_NO_DESTINATION, MOVE_NO_ORIGIN, MoveError, MoveStatus, MoveTask, MoveTaskId, QueueRef, Replacement,
    StartMoveCommand,
};

/// Why a task ends whose destination is a FIFO queue and the source is not, or the other way round.
const KIND_DIFFERS: &str = "the destination is not of the same kind";

/// Why a message of a running task does not go now.
enum NotYet {
    /// It never will, nor what is behind it.
    Never(&'static str),
    /// It came from a queue that is gone: its name has to be found out first, as another one may have it now.
    OriginUnknown(EntityId),
}

impl Shard {
    pub(crate) fn queue_start_move(&mut self, new: StartMoveCommand, reply: Reply<Result<(), MoveError>>) {
        let entity = new.source.entity();
        if !self.queue_ready(&new.source) {
            return self.queue_answer(entity, move |_| reply.send(Err(MoveError::NotFound)));
        }
        let now = self.now;
        let mut start = core::StartMove {
            id: new.id,
            destination: new.destination.map_or(MoveDestination::Origin, MoveDestination::Queue),
            rate: new.rate,
            max: new.max,
            only: new.only,
        };
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        // Tried out before anything is replaced: deciding changes nothing.
        let decided = slot.state.decide_start_move(now, start.clone()).map(|_| ());
        let done = decided.map_err(refusal).and_then(|()| {
            if !new.replacements.is_empty() {
                self.store.admit().map_err(|error| MoveError::Failure(error.into()))?;
            }
            for replacement in new.replacements {
                let (old, new) = (replacement.number, self.queue_replace(entity, replacement));
                if let (Some(new), Some(at)) = (new, start.only.iter().position(|number| *number == old)) {
                    start.only[at] = new;
                }
            }
            start.only.sort_unstable();
            let Some(slot) = self.queues.slots.get_mut(&entity) else { return Err(MoveError::NotFound) };
            let record = slot.state.decide_start_move(now, start).map_err(refusal)?;
            self.queue_record(entity, &record, None);
            Ok(())
        });
        self.queue_answer(entity, move |_| reply.send(done));
        self.queue_move_on(entity);
        self.queue_changed(entity);
    }

    /// Puts a message with a new body behind all others and drops the old one, in one batch; only a message that can be received.
    fn queue_replace(&mut self, entity: EntityId, replacement: Replacement) -> Option<core::MessageNumber> {
        let now = self.now;
        let slot = self.queues.slots.get_mut(&entity)?;
        let old = replacement.number;
        if slot.state.state(now, old)? != core::MessageState::Ready {
            return None;
        }
        let facts = slot.state.facts(old)?;
        let page = slot.state.peek(now, &core::Peek { state: None, from: Some(old), limit: 1 });
        let peeked = page.messages.into_iter().find(|peeked| peeked.number == old)?;
        let from = MovedFrom {
            message_id: slot.state.message_id(old),
            receive_count: peeked.receive_count,
            first_received_at: peeked.first_received_at,
            origin: facts.moved.and_then(|moved| moved.origin),
        };
        let arriving = Arriving {
            cause: MoveCause::DeadLetter,
            size: replacement.size,
            group: facts.group,
            priority: old.lane(),
            sent_at: facts.sent_at,
            from,
        };
        let arrivals = slot.state.decide_local_arrivals(now, &[arriving]);
        let number = arrivals.numbers.first().copied().flatten()?;
        let (_, gone) = slot.state.decide_moved(now, &[old], MoveCause::Task);
        let gone = gone?;
        for (record, _) in &arrivals.enqueues {
            if let QueueRecord::Enqueue(enqueue) = record {
                self.queue_record(entity, record, Some(run(enqueue, replacement.batch.clone(), now)));
            }
        }
        self.queue_record(entity, &gone, None);
        if let Some(drops) = &arrivals.drops {
            self.queue_record(entity, drops, None);
        }
        Some(number)
    }

    pub(crate) fn queue_cancel_move(&mut self, queue: &QueueRef, id: MoveTaskId, reply: Reply<Result<u64, MoveError>>) {
        let entity = queue.entity();
        if !self.queue_ready(queue) {
            return self.queue_answer(entity, move |_| reply.send(Err(MoveError::NotFound)));
        }
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let moved = slot.state.move_tasks().iter().find(|task| task.id == id).map_or(0, |task| task.moved);
        let done = match slot.state.decide_cancel_move(id) {
            Ok(record) => {
                self.queue_record(entity, &record, None);
                Ok(moved)
            }
            Err(refused) => Err(refusal(refused)),
        };
        self.queue_answer(entity, move |_| reply.send(done));
        self.queue_move_on(entity);
        self.queue_changed(entity);
    }

    pub(crate) fn queue_list_moves(&mut self, queue: &QueueRef, reply: Reply<Vec<MoveTask>>) {
        let entity = queue.entity();
        let tasks = self.queues.slots.get(&entity).map(|slot| slot.state.move_tasks()).unwrap_or_default();
        let tasks = tasks.into_iter().map(task).collect();
        self.queue_answer(entity, move |_| reply.send(tasks));
    }

    /// Lets the running move task go on, if there is one and the messages before have arrived.
    pub(super) fn queue_move_on(&mut self, entity: EntityId) {
        let now = self.now;
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let looking = slot.origins.as_ref().is_some_and(|origins| origins.looking);
        if looking || slot.transit.as_ref().is_some_and(|transit| transit.under_way > 0 || transit.waits) {
            return;
        }
        let step = slot.state.decide_move_step(now);
        if let Some(record) = &step.record {
            self.queue_record(entity, record, None);
        }
        if step.numbers.is_empty() {
            return;
        }
        let Some(slot) = self.queues.slots.get(&entity) else { return };
        let tasks = slot.state.move_tasks();
        let Some(running) = tasks.into_iter().find(|task| task.status == core::MoveStatus::Running) else { return };
        // Consecutive messages for the same target are one record.
        let mut together: Vec<core::MessageNumber> = Vec::new();
        let mut to = None;
        for number in step.numbers {
            match self.move_target(entity, &running.destination, number) {
                Ok(target) => {
                    if to != Some(target) {
                        self.queue_forward_some(entity, to, &mut together);
                        to = Some(target);
                    }
                    together.push(number);
                }
                Err(why) => {
                    self.queue_forward_some(entity, to, &mut together);
                    return match why {
                        NotYet::Never(why) => self.queue_fail_move(entity, why),
                        NotYet::OriginUnknown(origin) => self.queue_find_origin(entity, number, origin),
                    };
                }
            }
        }
        self.queue_forward_some(entity, to, &mut together);
    }

    fn queue_forward_some(&mut self, entity: EntityId, to: Option<EntityId>, numbers: &mut Vec<core::MessageNumber>) {
        if let Some(target) = to.filter(|_| !numbers.is_empty()) {
            self.queue_forward(entity, target, numbers, MoveCause::Task);
        }
        numbers.clear();
    }

    /// Where the running task moves a message to.
    fn move_target(
        &self,
        entity: EntityId,
        destination: &MoveDestination,
        number: core::MessageNumber,
    ) -> Result<EntityId, NotYet> {
        const NOWHERE: NotYet = NotYet::Never(MOVE_NO_DESTINATION);
        let slot = self.queues.slots.get(&entity).ok_or(NOWHERE)?;
        let catalog = self.shared.catalog.load();
        let named = |name: &QueueName| catalog.queue(&slot.queue.as_ref()?.namespace(), name.as_str());
        let target = match destination {
            MoveDestination::Queue(name) => named(name),
            MoveDestination::Origin => {
                let moved = slot.state.facts(number).and_then(|facts| facts.moved);
                let origin = moved.and_then(|moved| moved.origin).ok_or(NotYet::Never(MOVE_NO_ORIGIN))?.entity;
                match catalog.queue_of(origin) {
                    Some(queue) => Some(queue),
                    // To whoever has its name now, as its users mean the queue of that name.
                    None => {
                        let known = slot.origins.as_ref().and_then(|origins| origins.names.get(&origin));
                        known.ok_or(NotYet::OriginUnknown(origin))?.as_ref().and_then(named)
                    }
                }
            }
        };
        let target = target.ok_or(NOWHERE)?;
        let suits = target.entity() != entity && target.settings().fifo == slot.state.settings().fifo;
        if suits { Ok(target.entity()) } else { Err(NotYet::Never(KIND_DIFFERS)) }
    }

    /// The running move task, if there is one, cannot go on.
    pub(super) fn queue_fail_move(&mut self, entity: EntityId, why: &str) {
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        if let Some(record) = slot.state.decide_fail_move(why) {
            self.queue_record(entity, &record, None);
        }
    }
}

fn refusal(refused: MoveRefusal) -> MoveError {
    match refused {
        MoveRefusal::Running => MoveError::Running,
        MoveRefusal::NotRunning => MoveError::UnknownTask,
        MoveRefusal::ZeroRate => MoveError::ZeroRate,
        MoveRefusal::TooMany { max, got } => MoveError::TooMany { max: max as u64, got: got as u64 },
    }
}

fn task(task: core::MoveTask) -> MoveTask {
    let destination = match task.destination {
        MoveDestination::Origin => None,
        MoveDestination::Queue(name) => Some::<QueueName>(name),
    };
    MoveTask {
        id: task.id,
        status: match task.status {
            core::MoveStatus::Running => MoveStatus::Running,
            core::MoveStatus::Cancelling => MoveStatus::Cancelling,
            core::MoveStatus::Cancelled => MoveStatus::Cancelled,
            core::MoveStatus::Completed => MoveStatus::Completed,
            core::MoveStatus::Failed => MoveStatus::Failed,
        },
        moved: task.moved,
        to_move: task.to_move,
        started_at: task.started_at,
        rate: task.rate,
        destination,
        failure: task.failure.map(String::from),
    }
}
