//! Message time as arithmetic: what follows the wall clock's steps and what does not.

use std::collections::VecDeque;

/// Steps of the wall clock smaller than this are the noise of reading two clocks one after the other; nanoseconds.
const STEP_MIN: i64 = 20_000_000;
/// While message time is ahead of the wall it loses one part in this many of the time that passes (decision E16: ≤ 1 %).
const SLEW_DIVISOR: i64 = 100;
/// Steps kept until somebody asks; the oldest goes first.
const STEPS_MAX: usize = 16;

/// A jump of the wall clock, seen against the time since boot, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockStep {
    /// The wall clock was set forward. Message time followed at once, as far as it was not ahead anyway.
    Forward(i64),
    /// The wall clock was set back. Message time goes on and falls into line by at most 1 % of the time that passes.
    Back(i64),
}

/// Message time = time since boot + an offset that rises with the wall clock at once and sinks towards it slowly. Times are nanoseconds.
#[derive(Debug)]
pub(super) struct Anchor {
    /// What is added to the time since boot.
    offset: i64,
    /// wall - boot at the last observation.
    target: i64,
    /// When it was last observed.
    observed: i64,
    steps: VecDeque<ClockStep>,
}

impl Anchor {
    /// Anchors at the later of the wall clock and `last` (the newest time already written, so that stored times do not lie in the future).
    pub(super) fn new(boot: i64, wall: i64, last: i64) -> Self {
        Self {
            offset: wall.max(last).saturating_sub(boot),
            target: wall.saturating_sub(boot),
            observed: boot,
            steps: VecDeque::new(),
        }
    }

    /// Looks at both clocks; returns the offset to use from now on.
    pub(super) fn observe(&mut self, boot: i64, wall: i64) -> i64 {
        let target = wall.saturating_sub(boot);
        let step = target.saturating_sub(self.target);
        if step.saturating_abs() >= STEP_MIN {
            self.note(step);
        }
        let passed = boot.saturating_sub(self.observed).max(0);
        self.target = target;
        self.observed = self.observed.max(boot);
        self.offset =
            if target >= self.offset { target } else { target.max(self.offset.saturating_sub(passed / SLEW_DIVISOR)) };
        self.offset
    }

    pub(super) const fn offset(&self) -> i64 {
        self.offset
    }

    pub(super) fn take_steps(&mut self) -> Vec<ClockStep> {
        self.steps.drain(..).collect()
    }

    fn note(&mut self, step: i64) {
        if self.steps.len() == STEPS_MAX {
            self.steps.pop_front();
        }
        let ms = step.saturating_abs() / 1_000_000;
        self.steps.push_back(if step > 0 { ClockStep::Forward(ms) } else { ClockStep::Back(ms) });
    }
}
