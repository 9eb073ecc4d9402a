//! The reply writer (redis-doc: `docs/reference/protocol-spec.md`). What RESP2 lacks is written as Redis writes it to RESP2 clients.

use std::io::Write;

/// Protocol version of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Resp {
    /// RESP2.
    #[default]
    V2,
    /// RESP3.
    V3,
}

impl Resp {
    /// 2 or 3.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

/// Replies under construction.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    bytes: Vec<u8>,
    /// The version everything after is written in.
    pub(crate) resp: Resp,
    /// Errors written since [`Reply::start`].
    errors: u64,
}

impl Reply {
    /// Empties it for a new reply.
    pub(crate) fn start(&mut self, resp: Resp) {
        self.bytes.clear();
        self.resp = resp;
        self.errors = 0;
    }

    /// What was written.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes written.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes away what was written.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Errors written.
    pub(crate) const fn errors(&self) -> u64 {
        self.errors
    }

    /// For whole elements made elsewhere.
    pub(crate) const fn raw(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// `+OK`.
    pub(crate) fn ok(&mut self) {
        self.bytes.extend_from_slice(b"+OK\r\n");
    }

    /// A simple string, which must not contain CR or LF.
    pub(crate) fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']));
        self.bytes.push(b'+');
        self.bytes.extend_from_slice(text.as_bytes());
        self.end();
    }

    /// An error with its code: `ERR syntax error`. Line ends in it (from a client's text) become blanks.
    pub(crate) fn error(&mut self, text: impl AsRef<[u8]>) {
        self.errors += 1;
        self.bytes.push(b'-');
        // Redis drops line ends at the end before it replaces the others.
        let text = text.as_ref();
        let kept = text.iter().rposition(|byte| !is_line_end(*byte)).map_or(0, |last| last + 1);
        self.bytes.extend(text.iter().take(kept).map(|byte| if is_line_end(*byte) { b' ' } else { *byte }));
        self.end();
    }

    /// An integer.
    pub(crate) fn int(&mut self, value: i64) {
        if value < 0 {
            let _ = write!(self.bytes, ":{value}\r\n");
        } else {
            self.head(b':', value.unsigned_abs());
        }
    }

    /// A count or size as an integer.
    pub(crate) fn count(&mut self, value: usize) {
        self.int(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// A bulk string.
    pub(crate) fn bulk(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.bytes.reserve(bytes.len() + 24);
        self.head(b'$', bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
        self.end();
    }

    /// The beginning of an array of so many elements.
    pub(crate) fn array(&mut self, elements: usize) {
        self.head(b'*', elements as u64);
    }

    /// The beginning of a map of so many pairs; in RESP2 an array.
    pub(crate) fn map(&mut self, pairs: usize) {
        match self.resp {
            Resp::V2 => self.head(b'*', pairs as u64 * 2),
            Resp::V3 => self.head(b'%', pairs as u64),
        }
    }

    /// The beginning of a set; in RESP2 an array.
    pub(crate) fn set(&mut self, elements: usize) {
        match self.resp {
            Resp::V2 => self.head(b'*', elements as u64),
            Resp::V3 => self.head(b'~', elements as u64),
        }
    }

    /// No value.
    pub(crate) fn null(&mut self) {
        self.bytes.extend_from_slice(match self.resp {
            Resp::V2 => b"$-1\r\n",
            Resp::V3 => b"_\r\n",
        });
    }

    /// A number with a fraction; in RESP2 a bulk string.
    pub(crate) fn double(&mut self, value: f64) {
        let text = value.to_string();
        match self.resp {
            Resp::V2 => self.bulk(text),
            Resp::V3 => {
                let _ = write!(self.bytes, ",{text}\r\n");
            }
        }
    }

    /// Text for people; in RESP2 a bulk string.
    pub(crate) fn verbatim(&mut self, text: &[u8]) {
        match self.resp {
            Resp::V2 => self.bulk(text),
            Resp::V3 => {
                self.head(b'=', text.len() as u64 + 4);
                self.bytes.extend_from_slice(b"txt:");
                self.bytes.extend_from_slice(text);
                self.end();
            }
        }
    }

    fn end(&mut self) {
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn head(&mut self, kind: u8, number: u64) {
        self.bytes.push(kind);
        if number < 10 {
            self.bytes.push(b'0' + number as u8);
        } else {
            let _ = write!(self.bytes, "{number}");
        }
        self.end();
    }
}

const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(resp: Resp, write: impl FnOnce(&mut Reply)) -> String {
        let mut reply = Reply::default();
        reply.start(resp);
        write(&mut reply);
        String::from_utf8(reply.take()).unwrap()
    }

    #[test]
    fn the_same_in_both_versions() {
        for resp in [Resp::V2, Resp::V3] {
            let check = |want: &str, write: fn(&mut Reply)| assert_eq!(written(resp, write), want);
            check("+OK\r\n", Reply::ok);
            check("+PONG\r\n", |r| r.simple("PONG"));
            check("-ERR bad 'a  b'\r\n", |r| r.error("ERR bad 'a\r\nb'\r\n"));
            check(":-12\r\n:0\r\n:9223372036854775807\r\n:-9223372036854775808\r\n", |r| {
                for value in [-12, 0, i64::MAX, i64::MIN] {
                    r.int(value);
                }
            });
            check("$0\r\n\r\n$12\r\nabcdefghijkl\r\n", |r| {
                r.bulk("");
                r.bulk("abcdefghijkl");
            });
            check("*0\r\n*10\r\n", |r| {
                r.array(0);
                r.array(10);
            });
        }
    }

    #[test]
    fn what_differs() {
        let check = |two: &str, three: &str, write: fn(&mut Reply)| {
            assert_eq!(written(Resp::V2, write), two);
            assert_eq!(written(Resp::V3, write), three);
        };
        check("$-1\r\n", "_\r\n", Reply::null);
        check("*14\r\n", "%7\r\n", |r| r.map(7));
        check("*2\r\n", "~2\r\n", |r| r.set(2));
        check("$3\r\n1.5\r\n$1\r\n2\r\n", ",1.5\r\n,2\r\n", |r| {
            r.double(1.5);
            r.double(2.0);
        });
        check("$1\r\nx\r\n", "=5\r\ntxt:x\r\n", |r| r.verbatim(b"x"));
        check("$0\r\n\r\n", "=4\r\ntxt:\r\n", |r| r.verbatim(b""));
    }
}
