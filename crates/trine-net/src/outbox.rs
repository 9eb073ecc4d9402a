//! A bounded queue of frames in front of a socket. Whoever has something to say pushes; one task writes everything that has gathered since its last
//! write with one vectored system call. Bounded by bytes: a queue that holds its limit takes no more until the peer reads, so a queue is never
//! longer than the limit and one frame.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::Notify,
};

/// Most slices in one system call; more gains nothing measurable, and the array lives on the stack.
const SLICES_MAX: usize = 64;

/// The queue is at its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer does not read: {queued} bytes are queued, {max} are allowed")]
pub struct OutboxFull {
    /// Bytes queued now.
    pub queued: usize,
    /// The limit.
    pub max: usize,
}

/// Nobody writes this queue any more: the connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed")]
pub struct OutboxClosed;

/// The pushing side; cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbox {
    shared: Arc<Shared>,
}

/// The writing side.
#[derive(Debug)]
pub struct OutboxReader {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    max: usize,
    queue: Mutex<Queue>,
    /// Something was pushed, or the queue was closed.
    pushed: Notify,
    /// Something was written, or the queue was closed.
    room: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    parts: VecDeque<Bytes>,
    /// Bytes pushed and not yet written to the socket.
    bytes: usize,
    /// No more frames come; what is queued is still written.
    finished: bool,
    /// Nobody writes.
    dead: bool,
}

/// A queue of at most `max_bytes` (and one frame beyond).
#[must_use]
pub fn outbox(max_bytes: usize) -> (Outbox, OutboxReader) {
    let shared =
        Arc::new(Shared { max: max_bytes.max(1), queue: Mutex::default(), pushed: Notify::new(), room: Notify::new() });
    (Outbox { shared: Arc::clone(&shared) }, OutboxReader { shared })
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox {
    /// Queues the parts of one frame together, or nothing.
    pub fn try_push(&self, frame: impl IntoIterator<Item = Bytes>) -> Result<(), OutboxFull> {
        let mut queue = self.shared.queue();
        if queue.bytes >= self.shared.max {
            return Err(OutboxFull { queued: queue.bytes, max: self.shared.max });
        }
        queue.take_in(frame);
        drop(queue);
        self.shared.pushed.notify_one();
        Ok(())
    }

    /// Queues the parts of one frame together, waiting for room. Cancel-safe: cancelled, nothing was queued.
    pub async fn push(&self, frame: impl IntoIterator<Item = Bytes>) -> Result<(), OutboxClosed> {
        loop {
            let room = self.shared.room.notified();
            tokio::pin!(room);
            // Registered before the look, so that room made in between is not missed.
            room.as_mut().enable();
            {
                let mut queue = self.shared.queue();
                if queue.dead || queue.finished {
                    return Err(OutboxClosed);
                }
                if queue.bytes < self.shared.max {
                    queue.take_in(frame);
                    drop(queue);
                    self.shared.pushed.notify_one();
                    return Ok(());
                }
            }
            room.await;
        }
    }

    /// No more frames: the writer ends once everything queued is written.
    pub fn finish(&self) {
        self.shared.queue().finished = true;
        self.shared.pushed.notify_one();
        self.shared.room.notify_waiters();
    }

    /// Bytes pushed and not yet written.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.shared.queue().bytes
    }
}

impl Queue {
    fn take_in(&mut self, frame: impl IntoIterator<Item = Bytes>) {
        if self.dead || self.finished {
            return;
        }
        for part in frame {
            if !part.is_empty() {
                self.bytes += part.len();
                self.parts.push_back(part);
            }
        }
    }
}

impl OutboxReader {
    /// Writes until [`Outbox::finish`] and the queue is empty, or the socket fails. Flushes before it waits.
    pub async fn run<W: AsyncWrite + Unpin>(self, mut writer: W) -> io::Result<()> {
        let mut batch = VecDeque::new();
        loop {
            let finished = {
                let mut queue = self.shared.queue();
                std::mem::swap(&mut queue.parts, &mut batch);
                queue.finished
            };
            if batch.is_empty() {
                writer.flush().await?;
                if finished {
                    return writer.shutdown().await;
                }
                self.shared.pushed.notified().await;
                continue;
            }
            while !batch.is_empty() {
                let written = write_some(&mut writer, &batch).await?;
                advance(&mut batch, written);
                self.shared.queue().bytes -= written;
                self.shared.room.notify_waiters();
            }
        }
    }
}

impl Drop for OutboxReader {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.dead = true;
        queue.parts.clear();
        queue.bytes = 0;
        drop(queue);
        self.shared.room.notify_waiters();
    }
}

async fn write_some<W: AsyncWrite + Unpin>(writer: &mut W, batch: &VecDeque<Bytes>) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let mut used = 0;
    for (slot, part) in slices.iter_mut().zip(batch) {
        *slot = IoSlice::new(part);
        used += 1;
    }
    match writer.write_vectored(slices.get(..used).unwrap_or(&[])).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        written => Ok(written),
    }
}

fn advance(batch: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(front) = batch.front_mut() {
        if written < front.len() {
            front.advance(written);
            return;
        }
        written -= front.len();
        batch.pop_front();
    }
}

#[cfg(test)]
mod tests;
