//! What runs the broker's tasks: tokio in production, one thread and virtual time in simulation (decision E13).

use std::{future::Future, pin::Pin, time::Duration};

/// A future on the heap.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The seam to the executor.
pub trait Host: Send + Sync + 'static {
    /// A future that completes after `time`.
    fn sleep(&self, time: Duration) -> BoxFuture<()>;
    /// Runs a task in the background.
    fn spawn(&self, task: BoxFuture<()>);
    /// Runs `work` where it may wait for the disk.
    fn block(&self, work: Box<dyn FnOnce() + Send>);
}

/// Production: the tokio runtime the broker was opened in.
#[derive(Clone, Debug)]
pub struct TokioHost(tokio::runtime::Handle);

impl TokioHost {
    /// The runtime of the caller.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn current() -> Self {
        Self(tokio::runtime::Handle::current())
    }
}

impl Host for TokioHost {
    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn spawn(&self, task: BoxFuture<()>) {
        self.0.spawn(task);
    }

    fn block(&self, work: Box<dyn FnOnce() + Send>) {
        self.0.spawn_blocking(work);
    }
}
