//! Reading frames: bounded before anything is reserved, cancel-safe.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::AsyncReadExt,
    net::{TcpStream, tcp::ReadHalf},
    sync::OwnedSemaphorePermit,
    time::Instant,
};

use crate::{
    memory::{Memory, REQUEST_BYTES_FREE},
    wire::frame::{FrameError, LENGTH_BYTES, frame_length},
};

/// Bytes asked of the socket when nothing is known about what comes.
const READ_BYTES: usize = 16 << 10;
/// Bytes asked of the socket at least, on a connection that has sent little at a time so far.
const BURST_BYTES_MIN: usize = 1 << 10;
/// What is expected to come shrinks by this part of itself with every burst that was smaller.
const BURST_DECAY: usize = 8;
/// A buffer with less room than this grows before it is read into, unless less is missing.
const READ_BYTES_MIN: usize = 4 << 10;
/// Time for a request to arrive, from its first byte.
const ARRIVAL_MAX: Duration = Duration::from_secs(30);
/// A large request gets more: it must arrive at this rate, bytes per second.
const ARRIVAL_RATE_MIN: usize = 128 << 10;

/// Why there is no further frame.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The socket failed.
    Io(io::Error),
    /// The client sent something that is not a request.
    Frame(FrameError),
}

/// What reading led to.
pub(super) enum Step {
    /// A whole request.
    Frame(Frame),
    /// The beginning of a request: from now on there is a [`FrameReader::deadline`].
    Begun,
    /// The client closed its side.
    Closed,
}

/// A whole request without its length.
pub(super) struct Frame {
    pub(super) bytes: Bytes,
    /// The room a large request holds until it is answered.
    pub(super) memory: Option<OwnedSemaphorePermit>,
}

type Waiting = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>;

pub(super) struct FrameReader {
    max: usize,
    buf: BytesMut,
    /// Length of the frame that is arriving, once known.
    len: Option<usize>,
    started: Option<Instant>,
    /// Whether the caller knows that a request is arriving.
    told: bool,
    /// Kept across cancellation, so that the place in the queue is kept.
    waiting: Option<Waiting>,
    memory: Option<OwnedSemaphorePermit>,
    /// Bytes that came since the buffer was empty.
    burst: usize,
    /// Bytes that lately came at once (as far as they need no room), 0 while nothing has. As many are likely to come again: a buffer of that size takes
    /// them in one read, is never copied, and keeps no room that a request waiting for its answer would hold.
    expected: usize,
}

impl FrameReader {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            buf: BytesMut::new(),
            len: None,
            started: None,
            told: false,
            waiting: None,
            memory: None,
            burst: 0,
            expected: 0,
        }
    }

    /// When the request that is arriving must be complete.
    pub(super) fn deadline(&self) -> Option<Instant> {
        // While it waits for room it is not the client's fault.
        let started = self.started.filter(|_| self.waiting.is_none())?;
        let extra = (self.len.unwrap_or(0) / ARRIVAL_RATE_MIN) as u64;
        Some(started + ARRIVAL_MAX + Duration::from_secs(extra))
    }

    /// Reads on until there is something to say. Cancelled, nothing is lost.
    pub(super) async fn next(&mut self, stream: &mut ReadHalf<'_>, memory: &Memory) -> Result<Step, ReadError> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Step::Frame(frame));
            }
            if !self.buf.is_empty() && !self.told {
                // The clock runs for requests that do not come in one piece.
                self.started.get_or_insert_with(Instant::now);
                self.told = true;
                return Ok(Step::Begun);
            }
            self.make_room(memory).await;
            if self.buf.is_empty() {
                // An idle connection holds no buffer.
                self.buf = BytesMut::new();
            }
            // One task per connection: the socket's own waker slot is cheaper than a waiter per call.
            poll_fn(|cx| AsRef::<TcpStream>::as_ref(&*stream).poll_read_ready(cx)).await.map_err(ReadError::Io)?;
            let wanted = self.wanted();
            if self.buf.capacity() - self.buf.len() < wanted.min(READ_BYTES_MIN) {
                self.buf.reserve(wanted);
            }
            match read_once(stream, &mut self.buf).await {
                None => {}
                Some(Ok(0)) => return Ok(Step::Closed),
                Some(Ok(bytes)) => self.burst += bytes,
                Some(Err(error)) => return Err(ReadError::Io(error)),
            }
        }
    }

    /// The next request, if all of it has been read already.
    pub(super) fn buffered(&mut self) -> Result<Option<Frame>, ReadError> {
        if self.waiting.is_some() { Ok(None) } else { self.take() }
    }

    fn take(&mut self) -> Result<Option<Frame>, ReadError> {
        if self.len.is_none() {
            let Some(length) = self.buf.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
            self.len = Some(frame_length(*length, self.max).map_err(ReadError::Frame)?);
        }
        let Some(len) = self.len.filter(|len| self.buf.len() >= LENGTH_BYTES + len) else { return Ok(None) };
        let bytes = self.buf.split_to(LENGTH_BYTES + len).freeze().slice(LENGTH_BYTES..);
        self.len = None;
        if self.buf.is_empty() {
            let decayed = self.expected - self.expected / BURST_DECAY;
            self.expected = self.burst.min(REQUEST_BYTES_FREE).max(decayed);
            self.burst = 0;
        }
        self.started = None;
        self.told = false;
        Ok(Some(Frame { bytes, memory: self.memory.take() }))
    }

    /// A large request waits for room before more than its first bytes are read.
    async fn make_room(&mut self, memory: &Memory) {
        let Some(len) = self.len.filter(|len| *len > REQUEST_BYTES_FREE) else { return };
        if self.memory.is_some() || self.buf.len() < REQUEST_BYTES_FREE {
            return;
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(memory.request(len)));
        self.memory = waiting.await;
        self.waiting = None;
        // The wait was ours: the clock of the arrival begins anew.
        self.started = Some(Instant::now());
        self.told = false;
    }

    /// Bytes to make room for. A length from a peer reserves no memory: what its last request had, or as much again as has arrived, until the request has
    /// room of its own.
    fn wanted(&self) -> usize {
        match self.len {
            None if self.buf.is_empty() => match self.expected {
                0 => READ_BYTES,
                // One byte more, so that a read of what was expected leaves room: that tells that the socket has nothing more.
                expected => expected.max(BURST_BYTES_MIN) + 1,
            },
            None => READ_BYTES,
            Some(len) => {
                let missing = (LENGTH_BYTES + len).saturating_sub(self.buf.len());
                if self.memory.is_some() {
                    return missing;
                }
                let free = REQUEST_BYTES_FREE.saturating_sub(self.buf.len()).max(1);
                missing.min(free).min(self.buf.len().max(READ_BYTES))
            }
        }
    }
}

/// One read into the room of `buf`; `None` when there is nothing to read. A read that leaves room has emptied the socket, and the runtime knows that: the
/// next wait for readiness costs no system call.
async fn read_once(stream: &mut ReadHalf<'_>, buf: &mut BytesMut) -> Option<io::Result<usize>> {
    let mut read = pin!(stream.read_buf(buf));
    poll_fn(|cx| {
        Poll::Ready(match read.as_mut().poll(cx) {
            Poll::Ready(read) => Some(read),
            Poll::Pending => None,
        })
    })
    .await
}

#[cfg(test)]
mod tests;
