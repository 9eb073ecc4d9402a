//! Requests that were dispatched, in the order in which they are answered.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::OwnedSemaphorePermit;

use super::Answer;
use crate::error::Close;

/// An answer, later.
pub(crate) type AnswerFuture = Pin<Box<dyn Future<Output = Result<Answer, Close>> + Send>>;

/// A dispatched request.
pub(crate) enum Dispatched {
    /// Answered already.
    Done(Answer),
    /// Moves by itself: needs to be looked at only when it is the oldest.
    Passive(AnswerFuture),
    /// Moves only when it is polled.
    Active(AnswerFuture),
}

struct Slot {
    state: State,
    fetch: bool,
    /// Room of the request, free when it is answered.
    _memory: Option<OwnedSemaphorePermit>,
}

enum State {
    Done(Result<Answer, Close>),
    Passive(AnswerFuture),
    Active(AnswerFuture),
}

#[derive(Default)]
pub(super) struct InFlight {
    slots: VecDeque<Slot>,
    active: usize,
    fetches: usize,
}

impl InFlight {
    pub(super) fn push(&mut self, request: Dispatched, fetch: bool, memory: Option<OwnedSemaphorePermit>) {
        let state = match request {
            Dispatched::Done(answer) => State::Done(Ok(answer)),
            Dispatched::Passive(future) => State::Passive(future),
            Dispatched::Active(future) => {
                self.active += 1;
                State::Active(future)
            }
        };
        self.fetches += usize::from(fetch);
        self.slots.push_back(Slot { state, fetch, _memory: memory });
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) const fn has_fetch(&self) -> bool {
        self.fetches > 0
    }

    /// The answer of the oldest request, when it is there. Never completes when there is none.
    pub(super) async fn next(&mut self) -> Result<Answer, Close> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// The answer of the oldest request, if it is there now; looking costs no wake-up.
    pub(super) async fn next_ready(&mut self) -> Option<Result<Answer, Close>> {
        poll_fn(|cx| {
            Poll::Ready(match self.poll(cx) {
                Poll::Ready(answer) => Some(answer),
                Poll::Pending => None,
            })
        })
        .await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer, Close>> {
        if self.active > 0 {
            for slot in &mut self.slots {
                if let State::Active(future) = &mut slot.state
                    && let Poll::Ready(answer) = future.as_mut().poll(cx)
                {
                    slot.state = State::Done(answer);
                    self.active -= 1;
                }
            }
        }
        let Some(oldest) = self.slots.front_mut() else { return Poll::Pending };
        if let State::Passive(future) = &mut oldest.state {
            match future.as_mut().poll(cx) {
                Poll::Ready(answer) => oldest.state = State::Done(answer),
                Poll::Pending => return Poll::Pending,
            }
        }
        if !matches!(oldest.state, State::Done(_)) {
            return Poll::Pending;
        }
        match self.slots.pop_front() {
            Some(Slot { state: State::Done(answer), fetch, .. }) => {
                self.fetches -= usize::from(fetch);
                Poll::Ready(answer)
            }
            _ => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn waiting() -> (oneshot::Sender<()>, AnswerFuture) {
        let (done, wait) = oneshot::channel::<()>();
        let future =
            Box::pin(async move { wait.await.map(|()| Answer::NOTHING).map_err(|_| Close("gone".to_owned())) });
        (done, future)
    }

    #[tokio::test]
    async fn answers_come_in_the_order_of_their_requests() {
        let mut in_flight = InFlight::default();
        let (first, future) = waiting();
        in_flight.push(Dispatched::Active(future), true, None);
        let (second, future) = waiting();
        in_flight.push(Dispatched::Passive(future), false, None);
        in_flight.push(Dispatched::Done(Answer::NOTHING), false, None);
        assert!(in_flight.has_fetch());
        second.send(()).unwrap();
        let early = tokio::time::timeout(std::time::Duration::from_millis(20), in_flight.next()).await;
        assert!(early.is_err(), "the first is not answered yet");
        first.send(()).unwrap();
        for left in [2, 1, 0] {
            in_flight.next().await.unwrap();
            assert_eq!(in_flight.len(), left);
        }
        assert!(!in_flight.has_fetch());
    }

    #[tokio::test]
    async fn what_must_be_polled_is_polled_behind_others() {
        let mut in_flight = InFlight::default();
        let (_parked, future) = waiting();
        in_flight.push(Dispatched::Active(future), false, None);
        let (ran, seen) = oneshot::channel();
        let future = Box::pin(async move {
            let _ = ran.send(());
            Ok(Answer::NOTHING)
        });
        in_flight.push(Dispatched::Active(future), false, None);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(20), in_flight.next()).await;
        seen.await.unwrap();
    }
}
