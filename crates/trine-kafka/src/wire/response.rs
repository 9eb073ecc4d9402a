//! Building a response: one buffer for everything but record bytes, which are spliced in without a copy.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_wire_core::{ApiVersion, KafkaEncode};

use super::{RequestHeader, WireError, frame::LENGTH_BYTES};

/// A response being written. The length field is in front already; [`ResponseBuf::finish`] fills it in.
#[derive(Debug)]
pub struct ResponseBuf {
    buf: BytesMut,
    /// Bytes to insert, and before which position of `buf`.
    spliced: Vec<(usize, Bytes)>,
    spliced_bytes: usize,
}

/// A whole frame as slices, in order; ready for one vectored write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    parts: Vec<Bytes>,
    len: usize,
}

impl Encoded {
    /// The slices.
    #[must_use]
    pub fn into_parts(self) -> Vec<Bytes> {
        self.parts
    }

    /// Bytes of the frame, its length field included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Never: a frame has at least its length.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The frame in one piece, copied.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.parts.concat()
    }
}

impl ResponseBuf {
    /// A response to this request, its header written.
    #[must_use]
    pub fn new(header: &RequestHeader) -> Self {
        Self::with_capacity(header, 64)
    }

    /// As [`ResponseBuf::new`], with room for a body of so many bytes (records not counted).
    #[must_use]
    pub fn with_capacity(header: &RequestHeader, body: usize) -> Self {
        let mut buf = BytesMut::with_capacity(LENGTH_BYTES + 5 + body);
        buf.put_u32(0);
        buf.put_i32(header.correlation_id);
        if header.response_header_is_flexible() {
            buf.put_u8(0);
        }
        Self { buf, spliced: Vec::new(), spliced_bytes: 0 }
    }

    /// The body so far, to append to.
    pub const fn body(&mut self) -> &mut BytesMut {
        &mut self.buf
    }

    /// Inserts bytes here without copying them.
    pub fn splice(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.spliced_bytes += bytes.len();
            self.spliced.push((self.buf.len(), bytes));
        }
    }

    /// Appends a control-plane message.
    pub fn message<M: KafkaEncode>(&mut self, header: &RequestHeader, message: &M) -> Result<(), WireError> {
        message
            .encode_into(&mut self.buf, ApiVersion::new(header.version))
            .map(drop)
            .map_err(|error| WireError::Encode { api: header.api.name, reason: error.to_string() })
    }

    /// The frame.
    #[must_use]
    pub fn finish(mut self) -> Encoded {
        let len = self.buf.len() + self.spliced_bytes;
        let body = (len - LENGTH_BYTES) as u32;
        if let Some(field) = self.buf.first_chunk_mut::<LENGTH_BYTES>() {
            *field = body.to_be_bytes();
        }
        let buf = self.buf.freeze();
        if self.spliced.is_empty() {
            return Encoded { parts: vec![buf], len };
        }
        let mut parts = Vec::with_capacity(1 + 2 * self.spliced.len());
        let mut from = 0;
        for (at, bytes) in self.spliced {
            if at > from {
                parts.push(buf.slice(from..at));
                from = at;
            }
            parts.push(bytes);
        }
        if from < buf.len() {
            parts.push(buf.slice(from..));
        }
        Encoded { parts, len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Api, ApiKey, Text};

    #[test]
    fn spliced_bytes_are_counted_and_not_copied() {
        let header = RequestHeader {
            api: Api::of(ApiKey::Fetch),
            version: 11,
            correlation_id: 0x0102_0304,
            client_id: Text::default(),
        };
        let records = Bytes::from(vec![9; 100]);
        let mut response = ResponseBuf::new(&header);
        response.body().put_u8(1);
        response.splice(records.clone());
        response.splice(Bytes::new());
        response.splice(records.slice(..3));
        response.body().put_u8(2);
        let frame = response.finish();
        assert_eq!(frame.len(), 4 + 4 + 1 + 100 + 3 + 1);
        let whole = frame.to_vec();
        assert_eq!(whole.len(), frame.len());
        assert_eq!(whole[..9], [0, 0, 0, 109, 1, 2, 3, 4, 1]);
        assert_eq!(whole.last(), Some(&2));
        let parts = frame.into_parts();
        assert_eq!(parts.len(), 4);
        assert_eq!(parts[1].as_ptr(), records.as_ptr());
    }
}
