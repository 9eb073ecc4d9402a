//! Answers on their way to whoever asked.

use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Where the answer to a call goes. Dropped without an answer, the caller learns that the outcome is unknown.
pub(crate) struct Reply<T> {
    to: oneshot::Sender<T>,
    /// The caller's share of the bound on waiting operations.
    _room: OwnedSemaphorePermit,
}

impl<T> Reply<T> {
    pub(crate) const fn new(to: oneshot::Sender<T>, room: OwnedSemaphorePermit) -> Self {
        Self { to, _room: room }
    }

    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.to.is_closed()
    }

    /// Answers. A caller that went away is no error.
    pub(crate) fn send(self, answer: T) {
        let _ = self.to.send(answer);
    }
}
