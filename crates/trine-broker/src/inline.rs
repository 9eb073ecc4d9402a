//! One thread and virtual time for the whole broker: simulation and tests (decision E13). Nothing here waits; the driver polls every task in turn, so the
//! same seed gives the same run.

use std::{
    collections::VecDeque,
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use parking_lot::Mutex;
use trine_env::Clock;

use crate::host::{BoxFuture, Host};

/// Runs tasks when it is told to.
#[derive(Clone)]
pub struct InlineHost {
    clock: Arc<dyn Clock>,
    tasks: Arc<Mutex<VecDeque<BoxFuture<()>>>>,
}

impl InlineHost {
    /// A host whose sleeps follow the clock's connection time.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, tasks: Arc::default() }
    }

    /// Polls every task once, in the order in which they were spawned.
    pub fn step(&self) {
        let mut context = Context::from_waker(Waker::noop());
        let round = self.tasks.lock().len();
        for _ in 0..round {
            let Some(mut task) = self.tasks.lock().pop_front() else { return };
            if task.as_mut().poll(&mut context).is_pending() {
                self.tasks.lock().push_back(task);
            }
        }
    }

    /// Polls a future and the tasks until the future is done; `between` moves everything else (the store, the clock) and says whether to go on.
    /// `None` when it said no.
    pub fn block_on<T>(&self, future: impl Future<Output = T>, mut between: impl FnMut() -> bool) -> Option<T> {
        let mut context = Context::from_waker(Waker::noop());
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
                return Some(done);
            }
            self.step();
            if !between() {
                return None;
            }
        }
    }

    /// Drops every task, as a crash does.
    pub fn kill(&self) {
        let dropped = std::mem::take(&mut *self.tasks.lock());
        drop(dropped);
    }
}

impl Host for InlineHost {
    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        Box::pin(Sleep { clock: Arc::clone(&self.clock), until: self.clock.mono().saturating_add(time) })
    }

    fn spawn(&self, task: BoxFuture<()>) {
        self.tasks.lock().push_back(task);
    }

    fn block(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}

/// Done when the clock says so; polled in every step, so it needs no waker.
struct Sleep {
    clock: Arc<dyn Clock>,
    until: Duration,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.clock.mono() >= self.until { Poll::Ready(()) } else { Poll::Pending }
    }
}
