//! One signal for a whole server's way down: running → draining (finish what you have, take nothing new) → closing (end now).

use std::sync::Arc;

use tokio::sync::watch;

/// How far the server is on its way down. Only moves forward.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// Serving.
    Running,
    /// No new connections; long polls are answered, requests already read are finished, then connections close.
    Draining,
    /// The drain time-out is over: connection tasks are dropped where they are.
    Closing,
}

/// The side that decides; cheap to clone.
#[derive(Clone, Debug)]
pub struct Drain {
    sender: Arc<watch::Sender<Phase>>,
}

/// The side that is told.
#[derive(Clone, Debug)]
pub struct DrainSignal {
    receiver: watch::Receiver<Phase>,
}

impl Default for Drain {
    fn default() -> Self {
        Self { sender: Arc::new(watch::Sender::new(Phase::Running)) }
    }
}

impl Drain {
    /// A signal for one listener or task.
    #[must_use]
    pub fn signal(&self) -> DrainSignal {
        DrainSignal { receiver: self.sender.subscribe() }
    }

    /// Moves forward to `phase`; going back is ignored.
    pub fn advance(&self, phase: Phase) {
        self.sender.send_if_modified(|now| {
            let moves = phase > *now;
            if moves {
                *now = phase;
            }
            moves
        });
    }

    /// The phase now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.sender.borrow()
    }
}

impl DrainSignal {
    /// The phase now; no wait, no lock that is ever held for long.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.receiver.borrow()
    }

    /// Whether new work should be refused.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.phase() >= Phase::Draining
    }

    /// Waits until the server drains. Cancel-safe.
    pub async fn draining(&mut self) {
        self.reached(Phase::Draining).await;
    }

    /// Waits until connections are dropped. Cancel-safe.
    pub async fn closing(&mut self) {
        self.reached(Phase::Closing).await;
    }

    async fn reached(&mut self, phase: Phase) {
        if self.receiver.wait_for(|now| *now >= phase).await.is_err() {
            // The deciding side is gone without a word: nobody will ever ask us to stop.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn phases_only_move_forward() {
        let drain = Drain::default();
        let mut signal = drain.signal();
        assert!(!signal.is_draining());
        drain.advance(Phase::Draining);
        signal.draining().await;
        drain.advance(Phase::Closing);
        drain.advance(Phase::Draining);
        assert_eq!(drain.phase(), Phase::Closing);
        signal.draining().await;
        signal.closing().await;
    }
}
