//! Just enough of an HTTP/1.1 client to load a server that speaks the SQS protocol (JSON 1.0): one request at a time on a kept connection.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Largest answer: ten messages of 256 KiB with room to spare.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Room for one read.
const READ_BYTES: usize = 16 << 10;

/// A connection. A server that closes after an answer is connected to again.
pub struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    out: Vec<u8>,
    buffer: Vec<u8>,
    body: Vec<u8>,
}

/// Where an answer's body is.
struct Head {
    status: u16,
    len: usize,
    length: Option<usize>,
    chunked: bool,
    close: bool,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When the server does not listen.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = Some(connect(address).await?);
        Ok(Self { address, stream, out: Vec::new(), buffer: Vec::new(), body: Vec::new() })
    }

    /// Calls an action and returns the body of a successful answer.
    ///
    /// # Errors
    /// When the connection breaks, or the server answers with anything but 200.
    pub async fn call(&mut self, action: &str, body: &str) -> io::Result<&str> {
        self.write(action, body).await?;
        self.answer(action).await
    }

    /// Writes a request without waiting for its answer.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn write(&mut self, action: &str, body: &str) -> io::Result<()> {
        self.out.clear();
        self.out.extend_from_slice(
            format!(
                "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{action}\r\n\
                 Authorization: AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0\r\n\
                 Content-Length: {}\r\n\r\n",
                self.address,
                body.len()
            )
            .as_bytes(),
        );
        self.out.extend_from_slice(body.as_bytes());
        if self.stream.is_none() {
            self.stream = Some(connect(self.address).await?);
        }
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(&self.out).await
    }

    /// Waits for the answer to the request that was written.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub async fn answer(&mut self, action: &str) -> io::Result<&str> {
        self.buffer.clear();
        let head = loop {
            if let Some(head) = head(&self.buffer)? {
                break head;
            }
            self.more().await?;
        };
        self.body.clear();
        if head.chunked {
            let mut at = head.len;
            loop {
                let Some((line, data)) = chunk(self.buffer.get(at..).unwrap_or_default())? else {
                    self.more().await?;
                    continue;
                };
                while self.buffer.len() < at + line + data + 2 {
                    self.more().await?;
                }
                self.body.extend_from_slice(self.buffer.get(at + line..at + line + data).unwrap_or_default());
                at += line + data + 2;
                if data == 0 {
                    break;
                }
            }
        } else {
            let end = head.len + head.length.unwrap_or(0);
            while self.buffer.len() < end {
                self.more().await?;
            }
            self.body.extend_from_slice(self.buffer.get(head.len..end).unwrap_or_default());
        }
        if head.close {
            self.stream = None;
        }
        let body = std::str::from_utf8(&self.body).map_err(io::Error::other)?;
        if head.status == 200 {
            return Ok(body);
        }
        Err(io::Error::other(format!("{action} was answered {}: {body}", head.status)))
    }

    async fn more(&mut self) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        self.buffer.reserve(READ_BYTES);
        if stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed a connection under load"));
        }
        if self.buffer.len() > ANSWER_BYTES_MAX {
            return Err(io::Error::other("an answer is too long"));
        }
        Ok(())
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let Some(len) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(bytes.get(..len).unwrap_or_default()).map_err(io::Error::other)?;
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no HTTP answer: {line:?}")))?;
    let mut head = Head { status, len: len + 4, length: None, chunked: false, close: line.starts_with("HTTP/1.0") };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            head.length = value.parse().ok();
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            head.chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close") {
            head.close = true;
        }
    }
    Ok(Some(head))
}

/// The bytes of a chunk's size line and of its data.
fn chunk(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let Some(line) = bytes.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(bytes.get(..line).unwrap_or_default()).map_err(io::Error::other)?;
    let size = text.split(';').next().unwrap_or_default().trim();
    let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
    Ok(Some((line + 2, size)))
}

/// The values of a text member, wherever they stand in an answer. Receipt handles, ids and URLs have no escapes that matter here.
pub fn members<'a>(body: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let key = format!("\"{name}\"");
    let mut rest = body;
    std::iter::from_fn(move || {
        let at = rest.find(&key)?;
        let after = rest.get(at + key.len()..)?.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
        let end = after.find('"')?;
        rest = after.get(end..)?;
        after.get(..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        let answer = b"HTTP/1.1 400 Bad\r\nContent-Length: 5\r\nconnection: close\r\n\r\nhello";
        let head = head(answer).unwrap().unwrap();
        assert_eq!((head.status, head.len, head.length, head.close), (400, answer.len() - 5, Some(5), true));
        assert!(super::head(b"HTTP/1.1 200 OK\r\nA: b\r\n").unwrap().is_none());
        assert!(super::head(b"nonsense\r\n\r\n").is_err());
        assert_eq!(chunk(b"1a;x=y\r\n...").unwrap(), Some((8, 26)));
        assert!(chunk(b"zz\r\n").is_err());
        let body = r#"{"Messages":[{"ReceiptHandle":"a1","Body":"x"},{"Body":"y","ReceiptHandle" : "b2"}]}"#;
        assert_eq!(members(body, "ReceiptHandle").collect::<Vec<_>>(), ["a1", "b2"]);
    }
}
