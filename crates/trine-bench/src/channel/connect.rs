//! Connections of publishers and subscribers.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::protocol::{Speaks, Words};

/// Longest line a server greets with (NATS sends what it is as JSON).
const GREETING_BYTES_MAX: usize = 64 << 10;

/// Connects, and says what has to be said first.
pub(super) async fn connect(address: SocketAddr, speaks: Speaks) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    if speaks == Speaks::Nats {
        let mut greeting = Vec::new();
        while !greeting.ends_with(b"\n") {
            greeting.push(stream.read_u8().await?);
            if greeting.len() > GREETING_BYTES_MAX {
                return Err(io::Error::other("the server greets without end"));
            }
        }
        stream.write_all(b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n").await?;
    }
    Ok(stream)
}

/// Connects a subscriber of one channel and waits for the confirmation.
pub(super) async fn subscriber(address: SocketAddr, speaks: Speaks, channel: &str) -> io::Result<TcpStream> {
    let mut stream = connect(address, speaks).await?;
    let (request, expected) = Words::subscribe(speaks, channel);
    stream.write_all(&request).await?;
    expect(&mut stream, &expected).await?;
    Ok(stream)
}

/// Reads exactly these bytes.
pub(super) async fn expect(stream: &mut TcpStream, expected: &[u8]) -> io::Result<()> {
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer).await?;
    if answer == expected {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(io::Error::other(format!("the server answered {:?}, not {:?}", text(&answer), text(expected))))
}
