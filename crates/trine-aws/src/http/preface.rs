//! Which HTTP a client speaks: HTTP/2 without negotiation begins with a fixed preface (RFC 9113 §3.4). It is looked at, not read: a reader that has read the
//! first bytes and gives them back makes the connection's read buffer twice as large, for as long as it lives.

use std::time::Duration;

use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use super::watch::{HEAD_TIMEOUT, IDLE_TIMEOUT};

/// What an HTTP/2 client sends first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Rest between two looks at a preface that is not complete; most come in one piece.
const PAUSE: Duration = Duration::from_millis(5);

/// Whether the client speaks HTTP/2; `None` when it says nothing in time, or is gone.
pub(super) async fn is_http2(stream: &TcpStream) -> Option<bool> {
    timeout(IDLE_TIMEOUT, stream.readable()).await.ok()?.ok()?;
    timeout(HEAD_TIMEOUT, look(stream)).await.ok()?
}

async fn look(stream: &TcpStream) -> Option<bool> {
    let mut first = [0; PREFACE.len()];
    loop {
        let n = stream.peek(&mut first).await.ok().filter(|n| *n > 0)?;
        if first.get(..n) != PREFACE.get(..n) {
            return Some(false);
        }
        if n == PREFACE.len() {
            return Some(true);
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, net::TcpListener};

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn the_first_bytes_tell_in_whatever_pieces_they_come() {
        for (pieces, http2) in [
            (&["POST / HTTP/1.1\r\n"][..], false),
            (&["P", "UT /"], false),
            (&["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n...."], true),
            (&["PRI * HTTP/2.0\r\n", "\r\nSM\r\n\r\n"], true),
            (&["PRI * HTTP/2.0\r\n", "Host: x\r\n"], false),
        ] {
            let (mut client, server) = pair().await;
            let (found, ()) = tokio::join!(is_http2(&server), async {
                for piece in pieces {
                    client.write_all(piece.as_bytes()).await.unwrap();
                    tokio::task::yield_now().await;
                }
            });
            assert_eq!(found, Some(http2), "{pieces:?}");
            let mut all = [0; 64];
            let n = server.try_read(&mut all).unwrap();
            assert!(pieces.concat().as_bytes().starts_with(&all[..n]), "nothing was taken");
        }
    }

    #[tokio::test]
    async fn who_says_nothing_or_goes_is_no_client() {
        let (client, server) = pair().await;
        drop(client);
        assert_eq!(is_http2(&server).await, None);
        let (_silent, server) = pair().await;
        tokio::time::pause();
        assert_eq!(is_http2(&server).await, None);
        let (mut slow, server) = pair().await;
        slow.write_all(b"PRI").await.unwrap();
        assert_eq!(is_http2(&server).await, None);
    }
}
