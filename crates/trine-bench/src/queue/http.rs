//! Just enough of an HTTP/1.1 client to load a server that speaks the SQS protocol (JSON 1.0): one request at a time on a kept connection.

use std::io::{self, Write as _};
use std::net::SocketAddr;

use memchr::memmem;
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
    /// The body of a chunked answer; others stay where they are.
    body: Vec<u8>,
}

/// What requests of an action begin with, up to the number of bytes of the body.
pub struct Head {
    action: &'static str,
    bytes: Vec<u8>,
}

impl Head {
    /// The head of an action's requests to a server.
    #[must_use]
    pub fn new(address: SocketAddr, action: &'static str) -> Self {
        let bytes = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{action}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0\r\n\
             Content-Length: "
        );
        Self { action, bytes: bytes.into_bytes() }
    }

    fn put(&self, body: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.bytes);
        // Writing to memory cannot fail.
        let _ = write!(out, "{}\r\n\r\n", body.len());
        out.extend_from_slice(body);
    }
}

/// A whole request: what a load sends again and again is built once, since generator and server share the machine.
pub struct Request {
    action: &'static str,
    bytes: Vec<u8>,
}

impl Request {
    /// A request of an action to a server.
    #[must_use]
    pub fn new(address: SocketAddr, action: &'static str, body: &str) -> Self {
        let mut bytes = Vec::new();
        Head::new(address, action).put(body.as_bytes(), &mut bytes);
        Self { action, bytes }
    }
}

/// Where an answer's body is.
struct Answer {
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
    pub async fn call(&mut self, action: &'static str, body: &str) -> io::Result<&str> {
        self.write(action, body).await?;
        self.answer(action).await
    }

    /// The same with a request that was built before.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub async fn call_built(&mut self, request: &Request) -> io::Result<&str> {
        self.stream().await?.write_all(&request.bytes).await?;
        self.answer(request.action).await
    }

    /// The same with a body of its own behind a head that was built before.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub async fn call_with(&mut self, head: &Head, body: &[u8]) -> io::Result<&str> {
        let mut out = std::mem::take(&mut self.out);
        head.put(body, &mut out);
        let written = self.stream().await?.write_all(&out).await;
        self.out = out;
        written?;
        self.answer(head.action).await
    }

    /// Writes a request without waiting for its answer.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn write(&mut self, action: &'static str, body: &str) -> io::Result<()> {
        let request = Request::new(self.address, action, body);
        self.stream().await?.write_all(&request.bytes).await
    }

    async fn stream(&mut self) -> io::Result<&mut TcpStream> {
        if self.stream.is_none() {
            self.stream = Some(connect(self.address).await?);
        }
        self.stream.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
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
        }
        if head.close {
            self.stream = None;
        }
        let body = match head.chunked {
            true => self.body.as_slice(),
            false => self.buffer.get(head.len..head.len + head.length.unwrap_or(0)).unwrap_or_default(),
        };
        let body = std::str::from_utf8(body).map_err(io::Error::other)?;
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

/// What an answer's head says, once it is all there.
fn head(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let Some(len) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let mut lines = bytes.get(..len).unwrap_or_default().split(|byte| *byte == b'\n');
    let line = lines.next().unwrap_or_default();
    let status = line.split(|byte| *byte == b' ').nth(1).and_then(number);
    let status = status.and_then(|status| u16::try_from(status).ok());
    let status =
        status.ok_or_else(|| io::Error::other(format!("no HTTP answer: {:?}", String::from_utf8_lossy(line))))?;
    let close = line.starts_with(b"HTTP/1.0");
    let mut answer = Answer { status, len: len + 4, length: None, chunked: false, close };
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        // Names of the three headers that matter differ in length.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => answer.length = number(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                answer.chunked = value.eq_ignore_ascii_case(b"chunked");
            }
            10 if name.eq_ignore_ascii_case(b"connection") => answer.close |= value.eq_ignore_ascii_case(b"close"),
            _ => {}
        }
    }
    Ok(Some(answer))
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The bytes of a chunk's size line and of its data.
fn chunk(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let Some(line) = memmem::find(bytes, b"\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(bytes.get(..line).unwrap_or_default()).map_err(io::Error::other)?;
    let size = text.split(';').next().unwrap_or_default().trim();
    let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
    Ok(Some((line + 2, size)))
}

/// The values of a text member, wherever they stand in an answer. Receipt handles, ids and URLs have no escapes that matter here.
pub fn members<'a>(body: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let key = memmem::Finder::new(format!("\"{name}\"").as_bytes()).into_owned();
    let mut rest = body;
    std::iter::from_fn(move || {
        let at = key.find(rest.as_bytes())?;
        let after = rest.get(at + key.needle().len()..)?.trim_start().strip_prefix(':')?.trim_start();
        let after = after.strip_prefix('"')?;
        let end = memchr::memchr(b'"', after.as_bytes())?;
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
