//! Accepting: sockets go to workers in turn. Beyond the cap a client is told so in Redis's words.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::net::{TcpListener, UnixListener};
use trine_net::{ConnectionLimit, DrainSignal};

use crate::{
    shared::Shared,
    worker::{Control, NewConnection, Socket},
};

/// Rest after an accept that failed for lack of files or memory: trying again at once would only spin.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);
/// What a client beyond the cap gets.
const REFUSAL: &[u8] = b"-ERR max number of clients reached\r\n";

/// A listening socket.
pub(crate) enum Listener {
    Tcp(TcpListener),
    /// With its path.
    Unix(UnixListener, String),
}

impl Listener {
    async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Replies are small and waited for; gathering them is the outbox's business, not Nagle's.
                stream.set_nodelay(true)?;
                Ok(Socket::Tcp(stream.into_std()?, peer))
            }
            Self::Unix(listener, path) => {
                let (stream, _) = listener.accept().await?;
                Ok(Socket::Unix(stream.into_std()?, path.clone()))
            }
        }
    }
}

/// Accepts until the server drains. Failures of single connections, and running out of file descriptors, never end it.
pub(crate) async fn accept(
    shared: Arc<Shared>,
    listener: Listener,
    anonymous: bool,
    limit: ConnectionLimit,
    mut drain: DrainSignal,
    next: Arc<AtomicUsize>,
) {
    let mut exhausted = false;
    loop {
        let accepted = tokio::select! {
            () = drain.draining() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(socket) => {
                exhausted = false;
                let Some(permit) = limit.try_acquire() else {
                    shared.counters.refused.fetch_add(1, Ordering::Relaxed);
                    refuse(&socket);
                    continue;
                };
                let turn = next.fetch_add(1, Ordering::Relaxed);
                if let Some(worker) = shared.workers.get(turn % shared.workers.len().max(1)) {
                    worker.tell(Control::Connection(NewConnection { socket, anonymous, permit }));
                }
            }
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                if !exhausted {
                    tracing::error!(%error, "cannot accept Redis connections; trying again");
                }
                exhausted = true;
                tokio::select! {
                    () = drain.draining() => return,
                    () = tokio::time::sleep(EXHAUSTED_PAUSE) => {}
                }
            }
        }
    }
}

/// Best effort: a fresh socket has room for a line.
fn refuse(socket: &Socket) {
    use io::Write;
    let _ = match socket {
        Socket::Tcp(stream, _) => (&mut &*stream).write(REFUSAL),
        Socket::Unix(stream, _) => (&mut &*stream).write(REFUSAL),
    };
}

/// Errors that accept reports but that belong to a client that has gone already.
fn of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::NotConnected
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::Interrupted
    )
}
