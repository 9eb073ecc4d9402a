//! What a worker keeps for each of its connections.

use std::{io, sync::Arc, task::Waker, time::Duration};

use tokio::net::{tcp, unix};
use trine_broker::pubsub::{CutOff, Stall};

use crate::{clients::Client, output::Output, session::Session, wire::Resp};

/// One connection.
pub(crate) struct Conn {
    pub(crate) client: Arc<Client>,
    pub(crate) out: Output,
    /// Version of pushes.
    pub(crate) resp: Resp,
    /// Whether it holds any subscription: the class of its outbox.
    pub(crate) subscriber: bool,
    /// Messages for this connection wait in `held`: a reply must not be split by them.
    pub(crate) holding: bool,
    pub(crate) held: Output,
    pub(crate) dirty: Dirty,
    /// The socket takes no more for now.
    pub(crate) blocked: bool,
    /// Its task waits for the outbox to shrink.
    pub(crate) waits_for_room: bool,
    /// A thread has too much to hand out: nothing more is carried out before it has room.
    pub(crate) stall: Option<Stall>,
    pub(crate) end: End,
    pub(crate) soft_since: Option<Duration>,
    /// What CLIENT LIST says of the outbox.
    pub(crate) shown_bytes: usize,
    /// `None` without a socket (in tests).
    pub(crate) socket: Option<WriteHalf>,
    /// Wakes its task.
    pub(crate) waker: Option<Waker>,
    /// Taken out while a command runs.
    pub(crate) session: Option<Box<Session>>,
}

/// Whether a connection is in a list of those to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dirty {
    No,
    /// In the list of pushes.
    Push,
    /// In the list of replies, which goes first.
    Reply,
}

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// Not yet.
    No,
    /// When everything queued is written; nothing more is read.
    Flushed,
    /// At once.
    Now(Option<CutOff>),
}

impl Conn {
    pub(crate) fn new(client: Arc<Client>, session: Session, socket: Option<WriteHalf>) -> Self {
        Self {
            client,
            out: Output::default(),
            resp: Resp::V2,
            subscriber: false,
            holding: false,
            held: Output::default(),
            dirty: Dirty::No,
            blocked: false,
            waits_for_room: false,
            stall: None,
            end: End::No,
            soft_since: None,
            shown_bytes: 0,
            socket,
            waker: None,
            session: Some(Box::new(session)),
        }
    }

    /// Lets its task look again.
    pub(crate) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The writing half of a socket.
#[derive(Debug)]
pub(crate) enum WriteHalf {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
}

/// The reading half of a socket.
#[derive(Debug)]
pub(crate) enum ReadHalf {
    Tcp(tcp::OwnedReadHalf),
    Unix(unix::OwnedReadHalf),
}

impl WriteHalf {
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_write(bytes),
            Self::Unix(socket) => socket.try_write(bytes),
        }
    }

    pub(crate) fn try_write_vectored(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_write_vectored(slices),
            Self::Unix(socket) => socket.try_write_vectored(slices),
        }
    }

    /// Whether the socket takes bytes again; registers the task if not.
    pub(crate) fn poll_writable(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<io::Result<()>> {
        match self {
            Self::Tcp(socket) => socket.as_ref().poll_write_ready(cx),
            Self::Unix(socket) => socket.as_ref().poll_write_ready(cx),
        }
    }
}
