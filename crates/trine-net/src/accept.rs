//! The accept loop: one task per listening socket, one task per connection.

use std::{io, net::SocketAddr, time::Duration};

use tokio::net::{TcpListener, TcpStream};

use crate::{ConnectionLimit, DrainSignal, Permit};

/// Rest after an accept that failed for lack of files or memory: trying again at once would only spin.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// An accepted connection, handed to an edge. Everything is released when it (or its parts) drops.
#[derive(Debug)]
pub struct Conn {
    /// The socket, with TCP_NODELAY.
    pub stream: TcpStream,
    /// The client's address.
    pub peer: SocketAddr,
    /// The address the client used on our side.
    pub local: SocketAddr,
    /// Tells when the server goes down: finish what was read, answer long polls, close.
    pub drain: DrainSignal,
    /// Counts against the cap until dropped. [`accept_loop`] keeps it for the handler's time.
    permit: Permit,
}

/// Accepts until the server drains. Each connection runs `serve` in a task of its own, which is dropped when the phase becomes closing. A connection
/// beyond the cap is closed at once. Failures of single connections, and running out of file descriptors, never end the loop.
pub async fn accept_loop<H, F>(listener: TcpListener, limit: ConnectionLimit, mut drain: DrainSignal, serve: H)
where
    H: Fn(Conn) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let name = listener.local_addr().map_or_else(|_| "?".to_owned(), |a| a.to_string());
    let mut exhausted = false;
    loop {
        let accepted = tokio::select! {
            () = drain.draining() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                exhausted = false;
                let Some(permit) = limit.try_acquire() else {
                    tracing::debug!(listener = %name, %peer, "connection refused: the cap is reached");
                    continue;
                };
                let Some(conn) = prepare(stream, peer, drain.clone(), permit) else { continue };
                let mut closing = drain.clone();
                let served = serve(conn);
                tokio::spawn(async move {
                    tokio::select! {
                        biased;
                        () = served => {}
                        () = closing.closing() => {}
                    }
                });
            }
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                if !exhausted {
                    tracing::error!(listener = %name, %error, "cannot accept connections; trying again");
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

fn prepare(stream: TcpStream, peer: SocketAddr, drain: DrainSignal, permit: Permit) -> Option<Conn> {
    // Replies are small and waited for; coalescing is the outbox's business, not Nagle's.
    stream.set_nodelay(true).ok()?;
    let local = stream.local_addr().ok()?;
    Some(Conn { stream, peer, local, drain, permit })
}

impl Conn {
    /// The parts: the socket, and the permit that must live as long as the connection does.
    #[must_use]
    pub fn into_parts(self) -> (TcpStream, Permit) {
        (self.stream, self.permit)
    }
}

/// Errors that accept reports but that belong to a client that has gone already.
fn of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::{Binding, Drain, HostPort, Phase};

    async fn echo(conn: Conn) {
        let mut drain = conn.drain.clone();
        let (mut stream, _permit) = conn.into_parts();
        let mut buf = [0; 64];
        loop {
            tokio::select! {
                () = drain.draining() => { let _ = stream.write_all(b"bye").await; return; }
                n = stream.read(&mut buf) => match n {
                    Ok(n) if n > 0 => { let _ = stream.write_all(&buf[..n]).await; }
                    _ => return,
                }
            }
        }
    }

    fn start<H, F>(max: usize, serve: H) -> (SocketAddr, Drain, ConnectionLimit)
    where
        H: Fn(Conn) -> F + Send + 'static + Clone,
        F: Future<Output = ()> + Send + 'static,
    {
        let binding = Binding::bind(&HostPort::new("127.0.0.1", 0)).unwrap();
        let addr = binding.addrs()[0];
        let (drain, limit) = (Drain::default(), ConnectionLimit::new(max));
        for listener in binding.listen().unwrap() {
            tokio::spawn(accept_loop(listener, limit.clone(), drain.signal(), serve.clone()));
        }
        (addr, drain, limit)
    }

    #[tokio::test]
    async fn connections_beyond_the_cap_are_closed_at_once() {
        let (addr, _drain, limit) = start(1, echo);
        let mut first = TcpStream::connect(addr).await.unwrap();
        first.write_all(b"x").await.unwrap();
        let mut buf = [0; 3];
        first.read_exact(&mut buf[..1]).await.unwrap();
        let mut second = TcpStream::connect(addr).await.unwrap();
        assert_eq!(second.read(&mut buf).await.unwrap_or(0), 0, "closed without a byte");
        assert_eq!(limit.counts().refused, 1);
        drop(first);
        limit.idle().await;
        let mut third = TcpStream::connect(addr).await.unwrap();
        third.write_all(b"y").await.unwrap();
        third.read_exact(&mut buf[..1]).await.unwrap();
        assert_eq!(&buf[..1], b"y");
    }

    #[tokio::test]
    async fn a_drain_ends_the_loop_and_tells_every_connection() {
        let (addr, drain, limit) = start(10, echo);
        let mut client = TcpStream::connect(addr).await.unwrap();
        client.write_all(b"x").await.unwrap();
        client.read_exact(&mut [0; 1]).await.unwrap();
        drain.advance(Phase::Draining);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"bye");
        limit.idle().await;
        assert!(TcpStream::connect(addr).await.is_err(), "the listener is gone");
    }

    #[tokio::test]
    async fn a_stubborn_connection_is_dropped_when_closing() {
        let (addr, drain, limit) = start(10, |conn| async move {
            let _held = conn;
            std::future::pending::<()>().await;
        });
        let mut client = TcpStream::connect(addr).await.unwrap();
        while limit.counts().open == 0 {
            tokio::task::yield_now().await;
        }
        drain.advance(Phase::Draining);
        drain.advance(Phase::Closing);
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
        limit.idle().await;
    }
}
