//! Time-outs of a connection: for a request's head, and for doing nothing.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

/// Time to send a request's head, from its first byte; a peer that sends its headers byte by byte is cut off.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// A connection without a request is closed after so long: longer than clients keep theirs, so that they rarely send into a closing one.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// What a connection is doing. Shared by the socket, the requests and the task that waits.
#[derive(Debug)]
pub(crate) struct Watch {
    state: Mutex<State>,
    /// No further request is to be read.
    draining: AtomicBool,
}

#[derive(Debug)]
struct State {
    /// Requests read and not answered.
    in_flight: usize,
    /// When the last answer was ready, or the connection began.
    idle_since: Instant,
    /// When the first byte of a head came that is not complete.
    head_since: Option<Instant>,
    /// In HTTP/2 bytes between requests are no sign of a new one: windows and pings come at any time.
    http2: bool,
}

impl Watch {
    pub(crate) fn new() -> Arc<Self> {
        let state = State { in_flight: 0, idle_since: Instant::now(), head_since: None, http2: false };
        Arc::new(Self { state: Mutex::new(state), draining: AtomicBool::new(false) })
    }

    /// A request's head is complete; the guard lives until its answer is ready.
    pub(crate) fn begin(self: &Arc<Self>, http2: bool) -> Busy {
        let mut state = self.state.lock();
        state.in_flight += 1;
        state.head_since = None;
        state.http2 = http2;
        Busy(Arc::clone(self))
    }

    /// When the connection is to be closed if nothing happens; `None` while a request is in flight.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let state = self.state.lock();
        if state.in_flight > 0 {
            return None;
        }
        let idle = state.idle_since + IDLE_TIMEOUT;
        Some(state.head_since.map_or(idle, |since| idle.min(since + HEAD_TIMEOUT)))
    }

    /// The server goes down.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether it does.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    fn read(&self) {
        let mut state = self.state.lock();
        if state.in_flight == 0 && !state.http2 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }
}

/// A request in flight.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Watch>);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.in_flight -= 1;
        state.idle_since = Instant::now();
    }
}

/// A socket that tells the watch of what it reads.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    pub(crate) stream: S,
    pub(crate) watch: Arc<Watch>,
    /// What was read already and is to be read again: it comes first.
    pub(crate) again: Bytes,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.again.is_empty() {
            let len = self.again.len().min(buf.remaining());
            buf.put_slice(&self.again.split_to(len));
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.watch.read();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
