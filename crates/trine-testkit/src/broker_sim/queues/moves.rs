//! Move tasks: dead letters go back to where they came from, or to the queue of that name.

use trine_broker::{Failure, MoveError, MoveStatus, MoveTask, MoveTaskId, StartMove};

use super::{
    super::{
        Check, ensure,
        life::{Live, World},
    },
    DEAD, JOBS,
    made::Made,
    ops::{Answer, What, begin},
};

/// Tasks that a queue remembers.
const KEPT: usize = 10;

/// A task whose start was answered.
pub(super) struct Task {
    made: usize,
    learned: u64,
    rate: Option<u32>,
    max: Option<u64>,
    /// Message time before it was started.
    started_ms: i64,
    moved: u64,
    ended: Option<MoveStatus>,
    /// When its cancellation was answered.
    cancelled: Option<u64>,
}

const fn runs(status: MoveStatus) -> bool {
    matches!(status, MoveStatus::Running | MoveStatus::Cancelling)
}

impl World<'_> {
    pub(super) fn start_on_moves(&mut self, live: &mut Live) {
        let Some((source, at)) = self.queue(live, DEAD) else { return self.start_create_queue(live, DEAD) };
        let (way, broker) = (self.rng.below(6), live.broker.clone());
        if way == 0 {
            let started = self.queues.now();
            return begin(live, What::ListMoves { made: at, started }, async move {
                Answer::Moves(broker.queues().list_moves(&source).await)
            });
        }
        if way == 1 {
            let task = self.queues.tasks.iter().find(|(_, task)| task.made == at && task.ended.is_none());
            let Some((id, _)) = task else { return };
            let id = *id;
            return begin(live, What::CancelMove { id }, async move {
                Answer::CancelMove(broker.queues().cancel_move(&source, id).await)
            });
        }
        let destination = if self.rng.chance(0.3) { self.queue(live, JOBS).map(|(queue, _)| queue) } else { None };
        let rate = self.rng.chance(0.5).then(|| self.rng.below(50) as u32 + 1);
        let max = self.rng.chance(0.3).then(|| self.rng.below(5) + 1);
        if let Some(made) = self.queues.made.get_mut(at) {
            made.moves_asked += 1;
        }
        let started_ms = self.now_ms();
        let new = StartMove { source, destination, rate, max, only: None, edits: Vec::new() };
        begin(live, What::StartMove { made: at, rate, max, started_ms }, async move {
            Answer::StartMove(broker.queues().start_move(new).await)
        });
    }

    pub(super) fn learn_move_started(&mut self, what: &What, result: Result<MoveTaskId, MoveError>) -> Check {
        let What::StartMove { made, rate, max, started_ms } = *what else { return Ok(()) };
        let learned = self.queues.now();
        match result {
            Ok(id) => {
                self.tally.moves += 1;
                let task = Task { made, learned, rate, max, started_ms, moved: 0, ended: None, cancelled: None };
                ensure!(self.queues.tasks.insert(id, task).is_none(), "move task {id} was started twice");
            }
            Err(MoveError::NotFound | MoveError::Running | MoveError::Failure(_)) => {}
            Err(error) => return Err(format!("a move task was refused: {error}")),
        }
        Ok(())
    }

    pub(super) fn learn_move_cancelled(&mut self, id: MoveTaskId, result: &Result<u64, MoveError>) -> Check {
        let tick = self.queues.now();
        let Some(task) = self.queues.tasks.get_mut(&id) else { return Ok(()) };
        if let Ok(moved) = result {
            ensure!(*moved >= task.moved, "move task {id} had moved {} messages and now {moved}", task.moved);
            task.cancelled.get_or_insert(tick);
        }
        Ok(())
    }

    /// The tasks of a queue as somebody who asked at `started` was told.
    pub(super) fn learn_moves(&mut self, at: usize, started: u64, result: Result<Vec<MoveTask>, Failure>) -> Check {
        let Ok(found) = result else { return Ok(()) };
        let now_ms = self.now_ms();
        let Some(made) = self.queues.made.get(at) else { return Ok(()) };
        if made.deleting {
            return Ok(());
        }
        ensure!(made.moves_asked >= found.len() as u64, "there are {} move tasks that nobody asked for", found.len());
        ensure!(found.len() <= KEPT, "{} move tasks are remembered", found.len());
        let running = found.iter().filter(|task| runs(task.status)).count();
        ensure!(running <= 1, "{running} move tasks run at once");
        for (id, known) in self.queues.tasks.iter_mut().filter(|(_, task)| task.made == at) {
            let Some(task) = found.iter().find(|task| task.id == *id) else {
                ensure!(found.len() == KEPT || known.learned >= started, "move task {id} is forgotten");
                continue;
            };
            known.check(task, started, now_ms).map_err(|what| format!("move task {id}: {what}"))?;
        }
        Ok(())
    }

    pub(super) fn check_moves(&mut self, live: &mut Live) -> Check {
        let Some((queue, at)) = self.queue(live, DEAD) else { return Ok(()) };
        let (broker, started) = (live.broker.clone(), self.queues.now());
        let found = self.block_on(live, broker.queues().list_moves(&queue)).ok_or("a list does not come")?;
        self.learn_moves(at, started, found)
    }
}

impl Task {
    fn check(&mut self, now: &MoveTask, started: u64, now_ms: i64) -> Check {
        ensure!(now.rate == self.rate, "its rate is {:?} and was {:?}", now.rate, self.rate);
        if let Some(ended) = self.ended {
            ensure!(now.status == ended, "it was {ended:?} and is {:?}", now.status);
        }
        let cancelled = self.cancelled.is_some_and(|at| at < started);
        ensure!(!cancelled || now.status != MoveStatus::Running, "it runs after its cancellation was answered");
        ensure!(now.moved >= self.moved, "it had moved {} messages and now {}", self.moved, now.moved);
        ensure!(self.max.is_none_or(|max| now.moved <= max), "it has moved {}, at most {:?}", now.moved, self.max);
        if let Some(rate) = self.rate {
            // One at once, and one for what rounding leaves.
            let due = (now_ms - self.started_ms).unsigned_abs() * u64::from(rate) / 1000 + 2;
            ensure!(now.moved <= due, "it has moved {} messages, {due} at its rate of {rate}", now.moved);
        }
        self.moved = now.moved;
        self.ended = (!runs(now.status)).then_some(now.status);
        Ok(())
    }
}

impl Made {
    /// Whether messages may have come from the dead-letter queue.
    pub(super) const fn moves(&self) -> bool {
        self.moves_asked > 0
    }
}
