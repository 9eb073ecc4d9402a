//! The request parser: arrays of bulks and inline lines, as Redis reads them (redis: `src/networking.c`, `processMultibulkBuffer` and
//! `processInlineBuffer`). Input may stop anywhere; nothing is read twice, nothing is reserved because a length was announced.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use super::inline;

/// Longest line: an inline request, or a length. Beyond it the client is not speaking our protocol.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Most arguments of a request. Redis allows two thousand times as many since 7.0, but every one costs memory eight times its shortest form.
pub(crate) const ARGS_MAX: i64 = 1 << 20;
/// Most arguments of a request before the client has said who it is.
const ARGS_MAX_UNAUTHENTICATED: i64 = 10;
/// Longest argument before the client has said who it is.
const BULK_BYTES_MAX_UNAUTHENTICATED: i64 = 16 << 10;
/// Unfinished input of a client that has not said who it is.
const QUERY_BYTES_MAX_UNAUTHENTICATED: usize = 1 << 20;
/// An argument in a buffer of at least this size is copied if it is short, so that whoever keeps it does not keep the buffer.
const PINS_FROM: usize = 512 << 10;
/// What is short in that sense: a part of the buffer.
const PIN_RATIO: usize = 8;
/// Room for positions that is kept from one request to the next.
const POSITIONS_KEPT: usize = 1024;

/// What a request may be; it changes when the client authenticates.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Whether the client has said who it is.
    pub authenticated: bool,
    /// Longest argument in bytes (`proto-max-bulk-len`).
    pub bulk_bytes_max: usize,
    /// Most bytes of an unfinished request (`client-query-buffer-limit`).
    pub query_bytes_max: usize,
}

/// Why a connection must end: nothing after this can be understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RequestError {
    /// `*` with something else than a number, or with too large a number.
    #[error("invalid multibulk length")]
    ArgumentCount,
    /// `*` and a line without an end.
    #[error("too big mbulk count string")]
    ArgumentCountLine,
    /// Another byte where `$` belongs.
    #[error("expected '$', got '{}'", char::from(*.0))]
    NoBulk(u8),
    /// `$` with something else than a number, a negative or too large a one.
    #[error("invalid bulk length")]
    BulkLength,
    /// `$` and a line without an end.
    #[error("too big bulk count string")]
    BulkLengthLine,
    /// An inline request without an end.
    #[error("too big inline request")]
    InlineLine,
    /// A quote that is not closed, or text right after a closing one.
    #[error("unbalanced quotes in request")]
    Quotes,
    /// Many arguments from somebody unknown.
    #[error("unauthenticated multibulk length")]
    UnauthenticatedCount,
    /// A long argument from somebody unknown.
    #[error("unauthenticated bulk length")]
    UnauthenticatedBulk,
    /// More unfinished input than the query buffer may hold. The client is not told.
    #[error("the query buffer limit is exceeded")]
    QueryBuffer,
}

impl RequestError {
    /// The last reply of the connection, whole; `None`: it ends without one.
    #[must_use]
    pub fn reply(&self) -> Option<Vec<u8>> {
        let mut line = b"-ERR Protocol error: ".to_vec();
        match self {
            Self::QueryBuffer => return None,
            // The byte itself, whatever it is, except where it would end the line.
            Self::NoBulk(byte) => {
                let byte = if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte };
                line.extend_from_slice(b"expected '$', got '");
                line.extend_from_slice(&[byte, b'\'']);
            }
            other => line.extend_from_slice(other.to_string().as_bytes()),
        }
        line.extend_from_slice(b"\r\n");
        Some(line)
    }
}

/// Cuts requests out of a connection's input. Between calls the input may only grow; it may move.
#[derive(Debug, Default)]
pub struct RequestParser {
    /// Where the next element begins.
    position: usize,
    /// No end of line before this.
    searched: usize,
    /// Arguments of the current request still to come; zero between requests.
    missing: usize,
    /// Length of the argument whose line has been read.
    bulk: Option<usize>,
    /// The arguments found.
    found: Vec<Range<usize>>,
}

impl RequestParser {
    /// Takes the next request off `input` and puts its arguments, at least one, into the empty `args`. `false`: more input is needed. The arguments are
    /// slices of the input, without a copy (but short ones out of a large buffer).
    pub fn next(
        &mut self,
        input: &mut BytesMut,
        limits: &RequestLimits,
        args: &mut Vec<Bytes>,
    ) -> Result<bool, RequestError> {
        loop {
            if self.missing == 0 {
                match input.get(self.position) {
                    None => return self.unfinished(input, limits),
                    Some(b'*') => {
                        if !self.count(input, limits)? {
                            return self.unfinished(input, limits);
                        }
                        continue;
                    }
                    Some(_) => {}
                }
                if !self.line(input, args)? {
                    return self.unfinished(input, limits);
                }
                if !args.is_empty() {
                    return Ok(true);
                }
                continue;
            }
            if !self.bulks(input, limits)? {
                return self.unfinished(input, limits);
            }
            self.take(input, args);
            return Ok(true);
        }
    }

    /// Bytes at the end of the input that belong to no finished request are kept, up to a limit.
    fn unfinished(&mut self, input: &mut BytesMut, limits: &RequestLimits) -> Result<bool, RequestError> {
        if self.missing == 0 && self.position > 0 {
            // Empty requests before it.
            self.consume(input);
        }
        let max = if limits.authenticated { limits.query_bytes_max } else { QUERY_BYTES_MAX_UNAUTHENTICATED };
        if input.len() > max { Err(RequestError::QueryBuffer) } else { Ok(false) }
    }

    fn consume(&mut self, input: &mut BytesMut) -> Bytes {
        let taken = input.split_to(self.position);
        self.searched = self.searched.saturating_sub(self.position);
        self.position = 0;
        taken.freeze()
    }

    /// Reads `*n`; whether the line was whole.
    fn count(&mut self, input: &BytesMut, limits: &RequestLimits) -> Result<bool, RequestError> {
        let Some(line) = self.length_line(input, RequestError::ArgumentCountLine)? else { return Ok(false) };
        let count = input.get(line).and_then(decimal).ok_or(RequestError::ArgumentCount)?;
        if count > ARGS_MAX {
            return Err(RequestError::ArgumentCount);
        }
        if count > ARGS_MAX_UNAUTHENTICATED && !limits.authenticated {
            return Err(RequestError::UnauthenticatedCount);
        }
        // Zero and less: nothing is asked, nothing is answered.
        self.missing = usize::try_from(count).unwrap_or(0);
        Ok(true)
    }

    /// Reads arguments; whether all of them are here.
    fn bulks(&mut self, input: &BytesMut, limits: &RequestLimits) -> Result<bool, RequestError> {
        while self.missing > 0 {
            let length = match self.bulk {
                Some(length) => length,
                None => {
                    let first = input.get(self.position).copied();
                    let Some(line) = self.length_line(input, RequestError::BulkLengthLine)? else { return Ok(false) };
                    if let Some(byte) = first.filter(|byte| *byte != b'$') {
                        return Err(RequestError::NoBulk(byte));
                    }
                    let length = input.get(line).and_then(decimal).ok_or(RequestError::BulkLength)?;
                    let length_checked = usize::try_from(length).map_err(|_| RequestError::BulkLength)?;
                    if length_checked > limits.bulk_bytes_max {
                        return Err(RequestError::BulkLength);
                    }
                    if length > BULK_BYTES_MAX_UNAUTHENTICATED && !limits.authenticated {
                        return Err(RequestError::UnauthenticatedBulk);
                    }
                    self.bulk = Some(length_checked);
                    length_checked
                }
            };
            // What the two bytes behind the argument are is not looked at, as in Redis.
            if input.len() - self.position < length + 2 {
                return Ok(false);
            }
            self.found.push(self.position..self.position + length);
            self.position += length + 2;
            self.searched = self.position;
            self.bulk = None;
            self.missing -= 1;
        }
        Ok(true)
    }

    /// The number's place in a line like `*3` or `$5` that begins at the position, which moves behind it. Ends with CR and any byte, as in Redis.
    fn length_line(&mut self, input: &BytesMut, too_long: RequestError) -> Result<Option<Range<usize>>, RequestError> {
        let start = self.position;
        let from = self.searched.max(start);
        let Some(end) = memchr(b'\r', input.get(from..).unwrap_or(&[])).map(|at| from + at) else {
            self.searched = input.len();
            return if input.len() - start > LINE_BYTES_MAX { Err(too_long) } else { Ok(None) };
        };
        if end + 2 > input.len() {
            self.searched = end;
            return Ok(None);
        }
        self.position = end + 2;
        self.searched = self.position;
        Ok(Some(start + 1..end.max(start + 1)))
    }

    /// Reads an inline request; whether the line was whole.
    fn line(&mut self, input: &mut BytesMut, args: &mut Vec<Bytes>) -> Result<bool, RequestError> {
        let start = self.position;
        let from = self.searched.max(start);
        let Some(end) = memchr(b'\n', input.get(from..).unwrap_or(&[])).map(|at| from + at) else {
            self.searched = input.len();
            return if input.len() - start > LINE_BYTES_MAX { Err(RequestError::InlineLine) } else { Ok(false) };
        };
        self.position = end + 1;
        self.searched = self.position;
        let taken = self.consume(input);
        let line = taken.get(start..end).unwrap_or(&[]);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        inline::split(line, args).ok_or(RequestError::Quotes)?;
        Ok(true)
    }

    /// Takes a whole request off the input.
    fn take(&mut self, input: &mut BytesMut, args: &mut Vec<Bytes>) {
        let buffer = input.capacity();
        let request = self.consume(input);
        args.extend(self.found.drain(..).map(|range| {
            if buffer >= PINS_FROM && range.len() < buffer / PIN_RATIO {
                Bytes::copy_from_slice(request.get(range).unwrap_or(&[]))
            } else {
                request.slice(range)
            }
        }));
        if self.found.capacity() > POSITIONS_KEPT {
            self.found = Vec::new();
        }
    }
}

/// A whole number as Redis insists on it: no plus, no leading zeros, no blanks, within 64 bits.
pub(crate) fn decimal(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [] => return None,
        [b'0'] if !negative => return Some(0),
        [b'0', ..] => return None,
        _ => {}
    }
    let mut value: i64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        // Counted downwards, because there is one more negative number.
        value = value.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

#[cfg(test)]
mod tests;
