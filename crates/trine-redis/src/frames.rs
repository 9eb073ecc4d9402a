//! Push frames: built once per message, whoever gets them. RESP2 and RESP3 differ in the first byte.

use bytes::Bytes;

use crate::{output::Output, wire::Resp};

/// A frame with a payload of at least this size is shared, not copied, by its receivers.
const SHARE_FROM: usize = 2 << 10;
/// A payload of at least this size is not even copied into the shared frame.
const REFER_FROM: usize = 16 << 10;

/// First byte of a push.
pub(crate) const fn first_byte(resp: Resp) -> u8 {
    match resp {
        Resp::V2 => b'*',
        Resp::V3 => b'>',
    }
}

/// One message's frame under construction, used again and again.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    /// The whole frame, or all before a payload that is referred to. Starts with RESP2's first byte.
    head: Vec<u8>,
    form: Form,
    /// Shared frames by version, made when first needed.
    shared: [Option<Bytes>; 2],
    payload: Bytes,
}

#[derive(Clone, Copy, Debug, Default)]
enum Form {
    #[default]
    Copied,
    Shared,
    Referred,
}

impl Frame {
    /// `message`, `smessage` (no pattern) or `pmessage`.
    pub(crate) fn message(&mut self, kind: &str, pattern: Option<&[u8]>, channel: &[u8], payload: &Bytes) {
        self.head.clear();
        self.shared = [None, None];
        self.head.extend_from_slice(if pattern.is_some() { b"*4\r\n" } else { b"*3\r\n" });
        bulk(&mut self.head, kind.as_bytes());
        if let Some(pattern) = pattern {
            bulk(&mut self.head, pattern);
        }
        bulk(&mut self.head, channel);
        length(&mut self.head, b'$', payload.len() as u64);
        self.form = match payload.len() {
            n if n >= REFER_FROM => {
                self.payload = payload.clone();
                Form::Referred
            }
            n => {
                self.head.extend_from_slice(payload);
                self.head.extend_from_slice(b"\r\n");
                if n >= SHARE_FROM { Form::Shared } else { Form::Copied }
            }
        };
    }

    /// Appends the frame to a connection's outbox; returns its length.
    pub(crate) fn append(&mut self, out: &mut Output, resp: Resp) -> usize {
        let before = out.len();
        match self.form {
            Form::Copied => out.copy_as(first_byte(resp), &self.head),
            Form::Shared => {
                let head = &self.head;
                let frame = self.shared[resp as usize].get_or_insert_with(|| {
                    let mut frame = Vec::with_capacity(head.len());
                    frame.push(first_byte(resp));
                    frame.extend_from_slice(head.get(1..).unwrap_or(&[]));
                    frame.into()
                });
                out.share(frame.clone());
            }
            Form::Referred => {
                out.copy_as(first_byte(resp), &self.head);
                out.share(self.payload.clone());
                out.copy(b"\r\n");
            }
        }
        out.len() - before
    }

    /// Lets go of payloads.
    pub(crate) fn release(&mut self) {
        self.shared = [None, None];
        self.payload = Bytes::new();
    }
}

/// `subscribe`, `unsubscribe` and their kin: kind, name (or null) and count.
pub(crate) fn confirmation(out: &mut Vec<u8>, resp: Resp, kind: &str, name: Option<&[u8]>, count: usize) {
    out.push(first_byte(resp));
    out.extend_from_slice(b"3\r\n");
    bulk(out, kind.as_bytes());
    match name {
        Some(name) => bulk(out, name),
        None => out.extend_from_slice(match resp {
            Resp::V2 => b"$-1\r\n",
            Resp::V3 => b"_\r\n",
        }),
    }
    length(out, b':', count as u64);
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    length(out, b'$', bytes.len() as u64);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// A type byte, a number and the end of the line.
fn length(out: &mut Vec<u8>, kind: u8, mut n: u64) {
    let mut digits = [0; 23];
    let mut at = digits.len() - 2;
    digits[at..].copy_from_slice(b"\r\n");
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    at -= 1;
    digits[at] = kind;
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(pattern: Option<&[u8]>, payload: &Bytes, resp: Resp) -> Vec<u8> {
        let mut frame = Frame::default();
        let kind = if pattern.is_some() { "pmessage" } else { "message" };
        frame.message(kind, pattern, b"ch", payload);
        let mut out = Output::default();
        let len = frame.append(&mut out, resp);
        assert_eq!(len, out.len());
        out.take_all()
    }

    #[test]
    fn messages() {
        let hello = Bytes::from_static(b"hello");
        assert_eq!(frame(None, &hello, Resp::V2), b"*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$5\r\nhello\r\n");
        assert_eq!(
            frame(Some(b"c*"), &hello, Resp::V3),
            b">4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\nch\r\n$5\r\nhello\r\n"
        );
        assert_eq!(frame(None, &Bytes::new(), Resp::V3), b">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$0\r\n\r\n");
    }

    #[test]
    fn copied_shared_and_referred_frames_are_the_same_bytes() {
        for len in [SHARE_FROM - 1, SHARE_FROM, REFER_FROM - 1, REFER_FROM] {
            let payload = Bytes::from(vec![b'x'; len]);
            for resp in [Resp::V2, Resp::V3] {
                let mut want = vec![first_byte(resp)];
                want.extend(format!("3\r\n$7\r\nmessage\r\n$2\r\nch\r\n${len}\r\n").into_bytes());
                want.extend(&payload);
                want.extend(b"\r\n");
                assert_eq!(frame(None, &payload, resp), want);
            }
        }
    }

    #[test]
    fn confirmations() {
        let text = |resp, name: Option<&[u8]>, n| {
            let mut out = Vec::new();
            confirmation(&mut out, resp, "unsubscribe", name, n);
            out
        };
        assert_eq!(text(Resp::V2, Some(b"a"), 12), b"*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:12\r\n");
        assert_eq!(text(Resp::V3, None, 0), b">3\r\n$11\r\nunsubscribe\r\n_\r\n:0\r\n");
        assert_eq!(text(Resp::V2, None, 0), b"*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
        let mut out = Vec::new();
        length(&mut out, b':', u64::MAX);
        assert_eq!(out, b":18446744073709551615\r\n");
    }
}
