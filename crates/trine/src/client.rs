//! A small HTTP/1.1 client for the admin API: one connection, one request at a time, bodies of known length or in chunks.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::failure::{Failure, Kind};

/// Time to reach the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for an answer. Creating many partitions or a durable write on a slow disk takes a while.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest line of a response's head.
const HEAD_LINE_BYTES_MAX: u64 = 16 << 10;
/// Most lines of a response's head.
const HEAD_LINES_MAX: usize = 100;
/// Largest answer that is read as a whole.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// A connection to the admin API.
pub(crate) struct Client {
    authority: String,
    authorization: Option<String>,
    connection: Option<BufReader<TcpStream>>,
}

/// How the end of a body is known.
enum Framing {
    Length(u64),
    Chunked,
    Close,
}

struct Head {
    status: u16,
    framing: Framing,
    keep: bool,
}

impl Client {
    /// A client of `http://[user:password@]host:port`. Connects with the first request.
    pub(crate) fn new(url: &str) -> Result<Self, Failure> {
        let bad = || Failure::usage(format!("{url:?} is no server address; write http://HOST:PORT"));
        let rest = match url.split_once("://") {
            Some(("http", rest)) => rest,
            Some(_) => return Err(bad()),
            None => url,
        };
        let authority = rest.trim_end_matches('/');
        let (credentials, authority) = match authority.rsplit_once('@') {
            Some((credentials, authority)) => (Some(credentials), authority),
            None => (None, authority),
        };
        if authority.is_empty() || authority.contains(['/', ' ', '?']) || !authority.contains(':') {
            return Err(bad());
        }
        let authorization = match credentials {
            Some(text) => Some(format!("Basic {}", STANDARD.encode(percent_decode(text).ok_or_else(bad)?))),
            None => None,
        };
        Ok(Self { authority: authority.to_owned(), authorization, connection: None })
    }

    /// GET.
    pub(crate) fn get(&mut self, path: &str) -> Result<Value, Failure> {
        self.request("GET", path, None)
    }

    /// A request with a JSON body.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        self.request(method, path, Some(("application/json", body.to_string().as_bytes())))
    }

    /// DELETE.
    pub(crate) fn delete(&mut self, path: &str) -> Result<Value, Failure> {
        self.request("DELETE", path, None)
    }

    /// A request with any body, answered by one JSON document.
    pub(crate) fn request(&mut self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Result<Value, Failure> {
        let head = self.exchange(method, path, body)?;
        self.finish(&head, path)
    }

    /// A POST answered by lines as they come; each must be handed out before the next is read.
    pub(crate) fn lines(
        mut self,
        path: &str,
        body: &Value,
        mut each: impl FnMut(Option<&str>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let head = self.exchange("POST", path, Some(("application/json", body.to_string().as_bytes())))?;
        if !(200..300).contains(&head.status) {
            return self.finish(&head, path).map(|_| ());
        }
        let connection = self.connection.as_mut().ok_or_else(|| Failure::failed("the connection is gone"))?;
        // Whoever follows a topic waits as long as it takes.
        connection.get_ref().set_read_timeout(None)?;
        let mut body = BufReader::new(Body::new(connection, &head.framing));
        let mut line = String::new();
        loop {
            line.clear();
            if body.read_line(&mut line).map_err(|e| self_error(&self.authority, &e))? == 0 {
                return Ok(());
            }
            each(Some(line.trim_end()))?;
            if body.buffer().is_empty() {
                // Nothing more right now: a good moment to flush.
                each(None)?;
            }
        }
    }

    /// A GET answered by server-sent events: `each` gets an event's name and data, and says whether to go on.
    pub(crate) fn events(
        mut self,
        path: &str,
        mut each: impl FnMut(&str, &str) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let head = self.exchange("GET", path, None)?;
        if !(200..300).contains(&head.status) {
            return self.finish(&head, path).map(|_| ());
        }
        let connection = self.connection.as_mut().ok_or_else(|| Failure::failed("the connection is gone"))?;
        // Whoever listens waits as long as it takes.
        connection.get_ref().set_read_timeout(None)?;
        let mut body = BufReader::new(Body::new(connection, &head.framing));
        let (mut event, mut data, mut line) = (String::new(), String::new(), String::new());
        loop {
            line.clear();
            if body.read_line(&mut line).map_err(|e| self_error(&self.authority, &e))? == 0 {
                return Err(Failure::failed(format!("{} ended the stream", self.authority)));
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                let name = if event.is_empty() { "message" } else { &event };
                if !data.is_empty() && !each(name, &data)? {
                    return Ok(());
                }
                event.clear();
                data.clear();
            } else if let Some(value) = line.strip_prefix("event:") {
                value.trim().clone_into(&mut event);
            } else if let Some(value) = line.strip_prefix("data:") {
                if !data.is_empty() {
                    data.push('\n');
                }
                data.push_str(value.strip_prefix(' ').unwrap_or(value));
            }
        }
    }

    fn exchange(&mut self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Result<Head, Failure> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\n", self.authority);
        if let Some(authorization) = &self.authorization {
            head.push_str(&format!("Authorization: {authorization}\r\n"));
        }
        if let Some((kind, bytes)) = body {
            head.push_str(&format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", bytes.len()));
        }
        head.push_str("\r\n");
        let fresh = self.connection.is_none();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => BufReader::new(connect(&self.authority)?),
        };
        let sent = connection
            .get_mut()
            .write_all(head.as_bytes())
            .and_then(|()| connection.get_mut().write_all(body.map_or(&[], |(_, bytes)| bytes)));
        // A server that refuses a body may answer before it has read it: look at the answer first.
        let head = match (read_head(&mut connection), sent) {
            (Ok(head), _) => head,
            // A connection kept from before may have been closed meanwhile; a GET can simply be asked again.
            (Err(_), _) if !fresh && method == "GET" => return self.exchange(method, path, body),
            (Err(_), Err(e)) | (Err(e), Ok(())) => return Err(self_error(&self.authority, &e)),
        };
        self.connection = Some(connection);
        Ok(head)
    }

    fn finish(&mut self, head: &Head, path: &str) -> Result<Value, Failure> {
        let mut connection = self.connection.take().ok_or_else(|| Failure::failed("the connection is gone"))?;
        let mut bytes = Vec::new();
        Body::new(&mut connection, &head.framing)
            .take(ANSWER_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(|e| self_error(&self.authority, &e))?;
        if head.keep {
            self.connection = Some(connection);
        }
        let value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).trim().to_owned()));
        if (200..300).contains(&head.status) {
            return Ok(value);
        }
        let kind = match (head.status, value["code"].as_str()) {
            (401 | 403, _) => Kind::Denied,
            (404, Some("no_such_path")) => Kind::Failed,
            (404, _) => Kind::NotFound,
            (408 | 504, _) => Kind::Timeout,
            _ => Kind::Failed,
        };
        let text = value["message"].as_str().or(value.as_str()).filter(|text| !text.is_empty()).map(str::to_owned);
        Err(Failure::new(kind, text.unwrap_or_else(|| format!("{path}: the server answered {}", head.status))))
    }
}

/// Escapes a name for a path.
pub(crate) fn segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |b: Option<u8>| char::from(b?).to_digit(16);
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    Some(out)
}

fn connect(authority: &str) -> Result<TcpStream, Failure> {
    let mut last = None;
    for addr in authority.to_socket_addrs().map_err(|e| self_error(authority, &e))? {
        match TcpStream::connect_timeout(&addr, CONNECT_TIMEOUT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
                stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
                return Ok(stream);
            }
            Err(e) => last = Some(e),
        }
    }
    let error = last.unwrap_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable));
    Err(Failure::failed(format!(
        "no server answers at {authority} ({error}); start one with `trine serve`, or name another with --server"
    )))
}

fn self_error(authority: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            Failure::new(Kind::Timeout, format!("{authority} did not answer in time"))
        }
        _ => Failure::failed(format!("talking to {authority}: {error}")),
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the answer is not HTTP/1.1: {what}"))
}

fn head_line(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = Vec::new();
    connection.take(HEAD_LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(if line.is_empty() {
            io::ErrorKind::UnexpectedEof.into()
        } else {
            malformed("a line is too long")
        });
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|_| malformed("the head is not text"))
}

fn read_head(connection: &mut BufReader<TcpStream>) -> io::Result<Head> {
    let line = head_line(connection)?;
    let status = line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| malformed("there is no status"))?;
    let mut head = Head { status, framing: Framing::Close, keep: true };
    for _ in 0..HEAD_LINES_MAX {
        let line = head_line(connection)?;
        if line.is_empty() {
            head.keep &= !matches!(head.framing, Framing::Close);
            return Ok(head);
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => {
                head.framing = Framing::Length(value.parse().map_err(|_| malformed("the length is no number"))?);
            }
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => head.framing = Framing::Chunked,
            "connection" if value.eq_ignore_ascii_case("close") => head.keep = false,
            _ => {}
        }
    }
    Err(malformed("the head has too many lines"))
}

/// The bytes of one body.
struct Body<'a> {
    connection: &'a mut BufReader<TcpStream>,
    /// Bytes left of the body or of the present chunk.
    left: u64,
    chunked: bool,
    /// Nothing more comes.
    done: bool,
    /// A chunk was read and the line break after it was not.
    between: bool,
}

impl<'a> Body<'a> {
    const fn new(connection: &'a mut BufReader<TcpStream>, framing: &Framing) -> Self {
        let (left, chunked) = match framing {
            Framing::Length(bytes) => (*bytes, false),
            Framing::Chunked => (0, true),
            Framing::Close => (u64::MAX, false),
        };
        Self { connection, left, chunked, done: false, between: false }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        if self.between {
            head_line(self.connection)?;
        }
        let line = head_line(self.connection)?;
        let size = line.split(';').next().unwrap_or("").trim();
        self.left = u64::from_str_radix(size, 16).map_err(|_| malformed("a chunk has no size"))?;
        self.between = true;
        if self.left == 0 {
            // Trailers, then an empty line.
            while !head_line(self.connection)?.is_empty() {}
            self.done = true;
        }
        Ok(())
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.chunked && self.left == 0 && !self.done {
            self.next_chunk()?;
        }
        if self.done || self.left == 0 || buf.is_empty() {
            return Ok(0);
        }
        let max = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let n = self.connection.read(&mut buf[..max])?;
        if n == 0 && self.left != u64::MAX {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the server closed the connection in the middle of an answer",
            ));
        }
        if self.left != u64::MAX {
            self.left -= n as u64;
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
