//! What all connections together may hold: requests wait for room before they are read beyond their first bytes; fetches get smaller while slow
//! readers pin too much.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of each request that need no room: a batch of 64 KiB with what surrounds it.
pub(crate) const REQUEST_BYTES_FREE: usize = 68 << 10;
/// Room is counted in units of so many bytes, so that it fits the semaphore.
const UNIT_BYTES: usize = 1024;
/// A fetch may return so much whatever others hold, so that nobody starves.
const RESPONSE_BYTES_FLOOR: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Memory {
    requests: Arc<Semaphore>,
    request_units: usize,
    responses: Arc<AtomicUsize>,
    response_max: usize,
}

/// Fetched bytes until they are written.
#[derive(Debug)]
pub(crate) struct Held {
    bytes: usize,
    total: Arc<AtomicUsize>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Memory {
    pub(crate) fn new(request_max: usize, response_max: usize) -> Self {
        let request_units = (request_max / UNIT_BYTES).clamp(1, Semaphore::MAX_PERMITS >> 1).min(u32::MAX as usize);
        Self {
            requests: Arc::new(Semaphore::new(request_units)),
            request_units,
            responses: Arc::default(),
            response_max,
        }
    }

    /// Waits for room for a request of so many bytes. One that is larger than all the room there is gets all of it.
    pub(crate) fn request(&self, bytes: usize) -> impl Future<Output = Option<OwnedSemaphorePermit>> + Send + use<> {
        let units = bytes.div_ceil(UNIT_BYTES).min(self.request_units) as u32;
        let room = Arc::clone(&self.requests);
        async move { room.acquire_many_owned(units).await.ok() }
    }

    /// How much one fetch may return now.
    pub(crate) fn fetch_allowance(&self) -> usize {
        self.response_max.saturating_sub(self.response_bytes()).max(RESPONSE_BYTES_FLOOR)
    }

    /// Counts fetched bytes until the guard is dropped.
    pub(crate) fn hold(&self, bytes: usize) -> Held {
        self.responses.fetch_add(bytes, Ordering::Relaxed);
        Held { bytes, total: Arc::clone(&self.responses) }
    }

    pub(crate) fn request_bytes(&self) -> usize {
        (self.request_units - self.requests.available_permits()) * UNIT_BYTES
    }

    pub(crate) fn response_bytes(&self) -> usize {
        self.responses.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_wait_for_room() {
        let memory = Memory::new(10 << 10, 0);
        let first = memory.request(8 << 10).await.unwrap();
        assert_eq!(memory.request_bytes(), 8 << 10);
        let mut second = Box::pin(memory.request(4 << 10));
        assert!(futures_pending(&mut second).await);
        drop(first);
        let second = second.await.unwrap();
        assert_eq!(memory.request_bytes(), 4 << 10);
        drop(second);
        let _all = memory.request(1 << 30).await.unwrap();
        assert_eq!(memory.request_bytes(), 10 << 10);
    }

    async fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
        std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx).is_pending())).await
    }

    #[test]
    fn slow_readers_make_fetches_small_but_never_empty() {
        let memory = Memory::new(1, 1 << 20);
        assert_eq!(memory.fetch_allowance(), 1 << 20);
        let held = memory.hold(1 << 30);
        assert_eq!(memory.fetch_allowance(), RESPONSE_BYTES_FLOOR);
        drop(held);
        assert_eq!(memory.fetch_allowance(), 1 << 20);
    }
}
