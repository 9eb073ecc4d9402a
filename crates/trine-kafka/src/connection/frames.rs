//! Reading frames: bounded before anything is reserved, cancel-safe.

use std::{future::poll_fn, io, pin::Pin, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit, time::Instant};

use crate::{
    memory::{Memory, REQUEST_BYTES_FREE},
    wire::frame::{FrameError, LENGTH_BYTES, frame_length},
};

/// Bytes asked of the socket when nothing is known about what comes.
const READ_BYTES: usize = 16 << 10;
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
    /// Bytes of the last request as far as they need no room. The next one is likely to have as many, and a buffer of that size takes it in one read and
    /// is never copied.
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
    pub(super) async fn next(&mut self, stream: &TcpStream, memory: &Memory) -> Result<Step, ReadError> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Step::Frame(frame));
            }
            if self.started.is_some() && !self.told {
                self.told = true;
                return Ok(Step::Begun);
            }
            self.make_room(memory).await;
            if self.buf.is_empty() {
                // An idle connection holds no buffer.
                self.buf = BytesMut::new();
            }
            // One task per connection: the socket's own waker slot is cheaper than a waiter per call.
            poll_fn(|cx| stream.poll_read_ready(cx)).await.map_err(ReadError::Io)?;
            let wanted = self.wanted();
            if self.buf.capacity() - self.buf.len() < wanted.min(READ_BYTES_MIN) {
                self.buf.reserve(wanted);
            }
            match stream.try_read_buf(&mut self.buf) {
                Ok(0) => return Ok(Step::Closed),
                Ok(_) => {
                    self.started.get_or_insert_with(Instant::now);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(ReadError::Io(error)),
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
        self.expected = (LENGTH_BYTES + len).min(REQUEST_BYTES_FREE);
        // What is left in the buffer is the beginning of another request.
        self.started = (!self.buf.is_empty()).then(Instant::now);
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
            None if self.buf.is_empty() => self.expected.max(READ_BYTES),
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

#[cfg(test)]
mod tests;
