//! Plain requests: HTTP/1.1 `POST` with a short body of an announced length, as every SDK sends all the time. They are read and answered right here, which costs a
//! fraction of what a whole HTTP server does. Anything else on a connection (another method or version, chunks, `Expect`, an upgrade, a large body, what is
//! malformed) is left to hyper from there on, with the bytes that were read, so that every subtlety of HTTP has one place.

use std::{
    future::{Future, poll_fn, ready},
    io,
    ops::Range,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use hyper::{Method, Uri};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::{Instant, timeout_at},
};

use super::{
    Headers, Session,
    body::{BODY_BYTES_FREE, BODY_TIMEOUT, BodyError, PART_TIMEOUT, Received},
    handle::{self, Head},
    headers::Line,
    respond::Answer,
};
use crate::sigv4::time::date_header;

/// Headers of a plain request; SDKs send about ten.
const HEADERS_MAX: usize = 32;
/// Bytes of a plain request's head.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// Room for a read, at least.
const READ_BYTES_MIN: usize = 4 << 10;
/// Memory for answers that a connection keeps.
const OUT_BYTES_KEPT: usize = 64 << 10;

/// How it ended.
pub(crate) enum Ended {
    /// The connection is over.
    Closed,
    /// Something came that is not plain; these bytes of it were read.
    Other(Bytes),
}

/// Answers plain requests until something else comes. Time-outs between requests and the end of the process are the caller's business: when the watch says
/// that the server drains, polling this ends it between two requests.
pub(crate) async fn serve<S>(session: &Arc<Session>, stream: &mut S) -> io::Result<Ended>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = BytesMut::new();
    let mut out = Vec::new();
    // As much as the last request was long: then the next is read in one go.
    let mut room = READ_BYTES_MIN;
    loop {
        let request = loop {
            match parse(&buffer) {
                Parsed::Plain(request) => break request,
                Parsed::Other => return Ok(Ended::Other(buffer.freeze())),
                Parsed::Partial => {}
            }
            buffer.reserve(room);
            if read(session, stream, &mut buffer).await? == 0 {
                return Ok(Ended::Closed);
            }
        };
        let busy = session.watch.begin(false);
        room = (request.head + request.body).clamp(READ_BYTES_MIN, BODY_BYTES_FREE);
        let head = buffer.split_to(request.head).freeze();
        let body = body(stream, &mut buffer, request.body).await;
        let broken = matches!(body, Err(BodyError::Broken));
        let head = Head { method: Method::POST, uri: request.uri, headers: Headers::new(head, request.lines) };
        let answered = handle::respond(session, head, ready(body));
        let Some(mut answer) = unless_gone(stream, &mut buffer, answered).await? else { return Ok(Ended::Closed) };
        drop(busy);
        answer.close |= session.watch.is_draining();
        out.clear();
        write(session, stream, &answer, &mut out).await?;
        if answer.close || broken {
            stream.shutdown().await?;
            return Ok(Ended::Closed);
        }
        out.shrink_to(OUT_BYTES_KEPT);
    }
}

async fn write<S: AsyncWrite + Unpin>(
    session: &Session,
    stream: &mut S,
    answer: &Answer,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    session.inner.date.with(session.inner.clock.wall().0.div_euclid(1000), |date| answer.write(date, out));
    stream.write_all(out).await
}

/// Reads what comes next; 0 at the end of the connection, or when the server drains and no request has begun.
async fn read<S: AsyncRead + Unpin>(session: &Session, stream: &mut S, buffer: &mut BytesMut) -> io::Result<usize> {
    let between = buffer.is_empty();
    let mut reading = pin!(stream.read_buf(buffer));
    poll_fn(|cx| match reading.as_mut().poll(cx) {
        Poll::Pending if between && session.watch.is_draining() => Poll::Ready(Ok(0)),
        polled => polled,
    })
    .await
}

/// The body, most of which came with the head.
async fn body<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut BytesMut, len: usize) -> Result<Received, BodyError> {
    if buffer.len() < len {
        let end = Instant::now() + BODY_TIMEOUT;
        buffer.reserve(len - buffer.len());
        while buffer.len() < len {
            let part = timeout_at(end.min(Instant::now() + PART_TIMEOUT), stream.read_buf(buffer));
            match part.await {
                Err(_) => return Err(BodyError::TooSlow),
                Ok(Err(_) | Ok(0)) => return Err(BodyError::Broken),
                Ok(Ok(_)) => {}
            }
        }
    }
    Ok(Received::small(buffer.split_to(len).freeze()))
}

/// An answer, unless the client goes away before: then the call is dropped.
async fn unless_gone<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut BytesMut,
    answer: impl Future<Output = Answer>,
) -> io::Result<Option<Answer>> {
    let mut answer = pin!(answer);
    poll_fn(|cx| {
        if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
            return Poll::Ready(Ok(Some(answer)));
        }
        // A client that has sent more waits for its answers: what else comes stays where it is.
        while buffer.is_empty() {
            match poll_ahead(Pin::new(&mut *stream), cx, buffer) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(None)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Pending
    })
    .await
}

fn poll_ahead<S: AsyncRead>(
    stream: Pin<&mut S>,
    cx: &mut Context<'_>,
    buffer: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    let mut part = [0; 1024];
    let mut part = ReadBuf::new(&mut part);
    match stream.poll_read(cx, &mut part) {
        Poll::Ready(Ok(())) => {
            buffer.extend_from_slice(part.filled());
            Poll::Ready(Ok(part.filled().len()))
        }
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        Poll::Pending => Poll::Pending,
    }
}

/// What is in front of the buffer.
enum Parsed {
    /// The head of a plain request.
    Plain(Plain),
    /// Perhaps the beginning of one.
    Partial,
    /// Something else.
    Other,
}

struct Plain {
    uri: Uri,
    lines: Vec<Line>,
    /// Bytes of the head.
    head: usize,
    /// Bytes of the body.
    body: usize,
}

fn parse(bytes: &[u8]) -> Parsed {
    if bytes.is_empty() {
        return Parsed::Partial;
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let head = match request.parse(bytes) {
        Ok(httparse::Status::Complete(head)) if head <= HEAD_BYTES_MAX => head,
        Ok(httparse::Status::Partial) if bytes.len() <= HEAD_BYTES_MAX && may_be_plain(&request) => {
            return Parsed::Partial;
        }
        _ => return Parsed::Other,
    };
    plain(&request, bytes, head).map_or(Parsed::Other, Parsed::Plain)
}

/// Whether what is known of a head does not speak against it; HTTP/2 is left alone from its first line on.
fn may_be_plain(request: &httparse::Request<'_, '_>) -> bool {
    request.method.is_none_or(|method| method == "POST") && request.version.is_none_or(|version| version == 1)
}

fn plain(request: &httparse::Request<'_, '_>, bytes: &[u8], head: usize) -> Option<Plain> {
    if !may_be_plain(request) {
        return None;
    }
    let uri = match request.path? {
        "/" => Uri::from_static("/"),
        path if path.starts_with('/') => path.parse().ok()?,
        _ => return None,
    };
    let mut body = None;
    let mut lines = Vec::with_capacity(request.headers.len());
    for header in &*request.headers {
        let name = header.name;
        match name.len() {
            14 if name.eq_ignore_ascii_case("content-length") => {
                if body.is_some() {
                    return None;
                }
                body = Some(length(header.value)?);
            }
            14 if name.eq_ignore_ascii_case("http2-settings") => return None,
            17 if name.eq_ignore_ascii_case("transfer-encoding") => return None,
            6 if name.eq_ignore_ascii_case("expect") => return None,
            7 if name.eq_ignore_ascii_case("upgrade") => return None,
            10 if name.eq_ignore_ascii_case("connection") && !header.value.eq_ignore_ascii_case(b"keep-alive") => {
                return None;
            }
            _ => {}
        }
        lines.push(Line { name: place(bytes, name.as_bytes())?, value: place(bytes, header.value)? });
    }
    Some(Plain { uri, lines, head, body: body? })
}

/// A length of digits alone that a plain request may have.
fn length(digits: &[u8]) -> Option<usize> {
    let all_digits = !digits.is_empty() && digits.len() <= 6 && digits.iter().all(u8::is_ascii_digit);
    let length = all_digits.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()?;
    (length <= BODY_BYTES_FREE).then_some(length)
}

/// Where a part lies in the whole.
fn place(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    if part.is_empty() {
        return Some(0..0);
    }
    let from = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (from + part.len() <= whole.len()).then_some(from..from + part.len())
}

/// The `Date` header of the current second.
#[derive(Debug, Default)]
pub(crate) struct DateText(Mutex<(i64, String)>);

impl DateText {
    fn with<T>(&self, second: i64, then: impl FnOnce(&str) -> T) -> T {
        let mut date = self.0.lock();
        if date.0 != second || date.1.is_empty() {
            *date = (second, date_header(second));
        }
        then(&date.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(request: &str) -> &'static str {
        match parse(request.as_bytes()) {
            Parsed::Plain(_) => "plain",
            Parsed::Partial => "partial",
            Parsed::Other => "other",
        }
    }

    #[test]
    fn plain_requests_and_others() {
        let with = |headers: &str| format!("POST / HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
        for (headers, want) in [
            ("Content-Length: 5\r\n", "plain"),
            ("content-length: 0\r\nConnection: Keep-Alive\r\n", "plain"),
            ("", "other"),
            ("Content-Length: 65537\r\n", "other"),
            ("Content-Length: 5\r\nContent-Length: 5\r\n", "other"),
            ("Content-Length: +5\r\n", "other"),
            ("Content-Length: \r\n", "other"),
            ("Content-Length: 99999999999999999999\r\n", "other"),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "other"),
            ("Content-Length: 5\r\nExpect: 100-continue\r\n", "other"),
            ("Content-Length: 5\r\nConnection: close\r\n", "other"),
            ("Content-Length: 5\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n", "other"),
            ("Content-Length: 5\r\nbad header\r\n", "other"),
        ] {
            assert_eq!(kind(&with(headers)), want, "{headers:?}");
        }
        let many: String = (0..HEADERS_MAX).map(|n| format!("x-{n}: 1\r\n")).collect();
        assert_eq!(kind(&with(&format!("Content-Length: 5\r\n{many}"))), "other");
        let long = "x".repeat(HEAD_BYTES_MAX);
        assert_eq!(kind(&with(&format!("Content-Length: 5\r\nx: {long}\r\n"))), "other");
        assert_eq!(kind(&format!("POST / HTTP/1.1\r\nx: {long}")), "other");
    }

    #[test]
    fn the_beginning_decides_as_soon_as_it_can() {
        for (begin, want) in [
            ("", "partial"),
            ("PO", "partial"),
            ("POST / HTTP/1.1\r\nHo", "partial"),
            ("GET / HTTP/1.1\r\nHo", "other"),
            ("POST / HTTP/1.0\r\nHo", "other"),
            ("PRI * HTTP/2.0\r\n\r\n", "other"),
            ("POST http://h/ HTTP/1.1\r\nContent-Length: 1\r\n\r\n", "other"),
            ("POST /1/q?x=1 HTTP/1.1\r\nContent-Length: 1\r\n\r\n", "plain"),
            ("\u{1}", "other"),
        ] {
            assert_eq!(kind(begin), want, "{begin:?}");
        }
    }

    #[test]
    fn headers_are_where_they_were() {
        let text = b"POST /a HTTP/1.1\r\nHost:  h:1 \r\nEmpty:\r\nContent-Length: 3\r\n\r\nabc";
        let Parsed::Plain(plain) = parse(text) else { panic!("not plain") };
        let headers = Headers::new(Bytes::copy_from_slice(&text[..plain.head]), plain.lines);
        assert_eq!((plain.body, plain.uri.path()), (3, "/a"));
        assert_eq!((headers.text("host"), headers.text("empty")), (Some("h:1"), Some("")));
        assert_eq!(&text[plain.head..], b"abc");
    }
}
