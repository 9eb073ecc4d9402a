//! Move tasks: what waits in a queue when one starts goes elsewhere, oldest first, at most so many a second of message time. Which messages went and which
//! arrived follows from their own records; the task's record says only what was asked for.

use trine_types::{Timestamp, Uuid};

use super::depart::MOVING_MAX;
use super::ledger::Place;
use super::queue::Queue;
use super::walk::Visit;
use super::{MessageNumber, MoveRecord, MoveRefusal, MoveStatus, MoveStep, MoveTask, QueueRecord, StartMove};

/// Most messages that one step of a task moves.
pub const MOVE_STEP_MAX: u64 = 100;
/// Most messages that a task can name.
pub const MOVE_ONLY_MAX: usize = 10_000;
/// Tasks that a queue remembers, the running one included.
pub const MOVE_TASKS_KEPT: usize = 10;
/// Longest time a task runs, ms: 36 hours (SQS's limit).
pub const MOVE_TASK_MS_MAX: i64 = 129_600_000;

/// A task that was late catches up with at most so much of its rate, microseconds.
const CATCH_UP_US: i64 = 1_000_000;

const fn us(at: Timestamp) -> i64 {
    at.0.saturating_mul(1000)
}

/// The first millisecond that is not before a microsecond.
const fn ms_after(us: i64) -> Timestamp {
    Timestamp(us.div_euclid(1000) + (us.rem_euclid(1000) > 0) as i64)
}

impl Queue {
    /// Move tasks, newest first.
    #[must_use]
    pub fn move_tasks(&self) -> Vec<MoveTask> {
        self.tasks.iter().cloned().collect()
    }

    fn active(&self) -> Option<&MoveTask> {
        self.tasks.front().filter(|task| matches!(task.status, MoveStatus::Running | MoveStatus::Cancelling))
    }

    fn active_mut(&mut self) -> Option<&mut MoveTask> {
        self.tasks.front_mut().filter(|task| matches!(task.status, MoveStatus::Running | MoveStatus::Cancelling))
    }

    /// Starts a task, one at a time. Nothing logged changes.
    pub fn decide_start_move(&mut self, now: Timestamp, start: StartMove) -> Result<QueueRecord, MoveRefusal> {
        if self.active().is_some() {
            return Err(MoveRefusal::Running);
        }
        if start.rate == Some(0) {
            return Err(MoveRefusal::ZeroRate);
        }
        if start.only.len() > MOVE_ONLY_MAX {
            return Err(MoveRefusal::TooMany { max: MOVE_ONLY_MAX, got: start.only.len() });
        }
        let mut only = start.only;
        only.sort_unstable();
        only.dedup();
        let ready = self.stats(now).ready;
        let named = if only.is_empty() { u64::MAX } else { only.len() as u64 };
        Ok(QueueRecord::Move(MoveRecord::Started(Box::new(MoveTask {
            id: start.id,
            destination: start.destination,
            rate: start.rate,
            max: start.max,
            only,
            started_at: now,
            to_move: ready.min(named).min(start.max.unwrap_or(u64::MAX)),
            ends: (0..self.lanes()).map(|lane| self.ledger.tail(lane)).collect(),
            issued: 0,
            moved: 0,
            next_at_us: us(now),
            status: MoveStatus::Running,
            ended_at: None,
            failure: None,
        }))))
    }

    /// Asks the running task to stop: what is on its way still arrives.
    pub fn decide_cancel_move(&self, id: Uuid) -> Result<QueueRecord, MoveRefusal> {
        let task = self.active().filter(|task| task.id == id && task.status == MoveStatus::Running);
        let task = task.ok_or(MoveRefusal::NotRunning)?;
        Ok(QueueRecord::Move(if task.issued == task.moved {
            MoveRecord::Ended { status: MoveStatus::Cancelled, failure: None }
        } else {
            MoveRecord::Cancel
        }))
    }

    /// The running task cannot go on; `None` when none runs.
    #[must_use]
    pub fn decide_fail_move(&self, failure: &str) -> Option<QueueRecord> {
        self.active()
            .map(|_| QueueRecord::Move(MoveRecord::Ended { status: MoveStatus::Failed, failure: Some(failure.into()) }))
    }

    /// What the running task has to do now. Nothing logged changes.
    pub fn decide_move_step(&mut self, now: Timestamp) -> MoveStep {
        self.refresh_all(now);
        let Some(task) = self.active() else { return MoveStep::default() };
        let outstanding = task.issued.saturating_sub(task.moved);
        let end = |status, failure: Option<&str>| MoveStep {
            numbers: Vec::new(),
            record: Some(QueueRecord::Move(MoveRecord::Ended { status, failure: failure.map(Into::into) })),
        };
        if task.status == MoveStatus::Cancelling {
            return if outstanding == 0 { end(MoveStatus::Cancelled, None) } else { MoveStep::default() };
        }
        if now.ms_since(task.started_at) > MOVE_TASK_MS_MAX {
            return end(MoveStatus::Failed, Some("the task ran for more than 36 hours"));
        }
        let left = task.max.unwrap_or(u64::MAX).saturating_sub(task.issued);
        let room = MOVING_MAX.saturating_sub(self.ledger.counts().moving);
        let wanted = allowance(task, now).min(MOVE_STEP_MAX).min(left);
        let numbers = self.next_to_move(task, now, wanted.min(room) as usize);
        if !numbers.is_empty() {
            return MoveStep { numbers, record: None };
        }
        // Nothing to do because it is too early or too much is on its way is not the end.
        if outstanding == 0 && (left == 0 || wanted > 0 && room > 0) {
            return end(MoveStatus::Completed, None);
        }
        MoveStep::default()
    }

    /// Available messages that the task is about, oldest first.
    fn next_to_move(&self, task: &MoveTask, now: Timestamp, max: usize) -> Vec<MessageNumber> {
        let mut numbers = Vec::new();
        if max == 0 {
            return numbers;
        }
        if !task.only.is_empty() {
            let there = task.only.iter().filter(|number| self.is_ready(**number, now) && was_there(task, **number));
            return there.take(max).copied().collect();
        }
        if task.ends.iter().zip(0..).all(|(end, lane)| self.ledger.head(lane) >= *end) {
            return numbers;
        }
        self.walk(now, |number| {
            if !was_there(task, number) {
                return Visit::PassBy;
            }
            numbers.push(number);
            if numbers.len() == max { Visit::Stop } else { Visit::Drop }
        });
        numbers
    }

    /// When the running task can go on, if that is only a matter of time.
    pub(super) fn next_move(&self, now: Timestamp) -> Option<Timestamp> {
        let task = self.active().filter(|task| task.status == MoveStatus::Running)?;
        (task.next_at_us > us(now)).then(|| ms_after(task.next_at_us))
    }

    pub(super) fn apply_move(&mut self, record: &MoveRecord, at: Timestamp) {
        match record {
            MoveRecord::Started(task) => {
                self.tasks.push_front(MoveTask::clone(task));
                self.tasks.truncate(MOVE_TASKS_KEPT);
            }
            MoveRecord::Cancel => {
                self.active_mut().into_iter().for_each(|task| task.status = MoveStatus::Cancelling);
            }
            MoveRecord::Ended { status, failure } => {
                if let Some(task) = self.active_mut() {
                    task.status = *status;
                    task.failure.clone_from(failure);
                    task.ended_at = Some(at);
                    // Nobody asks any more.
                    task.only = Vec::new();
                }
            }
        }
    }

    /// Messages of the newest task were sent on their way at `at`.
    pub(super) fn task_issued(&mut self, n: u64, at: Timestamp) {
        let Some(task) = self.tasks.front_mut() else { return };
        task.issued += n;
        if let Some(rate) = task.rate.filter(|rate| *rate > 0) {
            let took = i64::try_from(n.saturating_mul(1_000_000) / u64::from(rate)).unwrap_or(i64::MAX);
            task.next_at_us = task.next_at_us.max(us(at).saturating_sub(CATCH_UP_US)).saturating_add(took);
        }
    }

    /// Messages of the newest task arrived.
    pub(super) fn task_moved(&mut self, n: u64) {
        self.tasks.front_mut().into_iter().for_each(|task| task.moved = (task.moved + n).min(task.issued));
    }

    /// A message of the newest task was refused and is back.
    pub(super) fn task_back(&mut self) {
        self.tasks.front_mut().into_iter().for_each(|task| task.issued = task.issued.saturating_sub(1));
    }

    /// Whether a message can be received now, for tasks and tests.
    #[must_use]
    pub fn is_available(&mut self, now: Timestamp, number: MessageNumber) -> bool {
        self.refresh_all(now);
        self.ledger.place(number).is_some_and(Place::is_available) && self.is_ready(number, now)
    }
}

fn was_there(task: &MoveTask, number: MessageNumber) -> bool {
    task.ends.get(usize::from(number.lane())).is_some_and(|end| number.offset() < *end)
}

/// How many messages may go now.
fn allowance(task: &MoveTask, now: Timestamp) -> u64 {
    let Some(rate) = task.rate.filter(|rate| *rate > 0) else { return u64::MAX };
    let next = task.next_at_us.max(us(now).saturating_sub(CATCH_UP_US));
    let Ok(behind) = u64::try_from(us(now).saturating_sub(next)) else { return 0 };
    behind.saturating_mul(u64::from(rate)) / 1_000_000 + 1
}
