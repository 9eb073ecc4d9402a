//! The records inside a batch, read in place.

use std::borrow::Cow;

use crate::{
    codec::{self, Codec},
    header::{BatchError, BatchHeader},
    read::{Reader, put_varlong, varlong_len},
};

/// One record, borrowed from the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Milliseconds relative to the batch's base timestamp.
    pub timestamp_delta: i64,
    /// Offset relative to the batch's base offset.
    pub offset_delta: i32,
    /// Null is not the same as empty.
    pub key: Option<&'a [u8]>,
    /// Null is a tombstone in a compacted topic.
    pub value: Option<&'a [u8]>,
    headers: u32,
    header_bytes: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// Its headers in order; a key may repeat.
    #[must_use]
    pub const fn headers(&self) -> Headers<'a> {
        Headers { left: self.headers, reader: Reader(self.header_bytes) }
    }

    /// The whole record as stored, with its length.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its timestamp in a batch with this header; saturates on a hostile delta.
    #[must_use]
    pub const fn timestamp(&self, header: &BatchHeader) -> i64 {
        if header.attributes.log_append_time() {
            header.max_timestamp
        } else {
            header.base_timestamp.saturating_add(self.timestamp_delta)
        }
    }
}

/// A record header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// UTF-8 by convention, never null.
    pub key: &'a [u8],
    /// May be null.
    pub value: Option<&'a [u8]>,
}

/// The headers of a record that was already walked.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    left: u32,
    reader: Reader<'a>,
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        self.left = self.left.checked_sub(1)?;
        read_header(&mut self.reader)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left as usize))
    }
}

fn read_header<'a>(reader: &mut Reader<'a>) -> Option<Header<'a>> {
    let key = reader.nullable_bytes()??;
    Some(Header { key, value: reader.nullable_bytes()? })
}

/// Walks the (decompressed) records of a batch until their bytes end; how many the header announced plays no part. An error ends the walk.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    reader: Reader<'a>,
    index: u32,
}

impl<'a> Records<'a> {
    /// The records in the decompressed record bytes of a batch.
    #[must_use]
    pub const fn new(payload: &'a [u8]) -> Self {
        Self { reader: Reader(payload), index: 0 }
    }

    fn read(&mut self) -> Result<Record<'a>, &'static str> {
        const SHORT: &str = "it ends early";
        let start = self.reader.0;
        let len = self.reader.varint().ok_or("its length is malformed")?;
        let len = usize::try_from(len).map_err(|_| "its length is negative")?;
        let mut body = Reader(self.reader.take(len).ok_or("it is longer than the batch")?);
        body.byte().ok_or(SHORT)?;
        let timestamp_delta = body.varlong().ok_or(SHORT)?;
        let offset_delta = body.varint().ok_or(SHORT)?;
        let key = body.nullable_bytes().ok_or("its key is malformed")?;
        let value = body.nullable_bytes().ok_or("its value is malformed")?;
        let headers = body.varint().ok_or(SHORT)?;
        let headers = u32::try_from(headers).map_err(|_| "its header count is negative")?;
        let header_bytes = body.0;
        for _ in 0..headers {
            read_header(&mut body).ok_or("its headers are malformed")?;
        }
        if !body.is_empty() {
            return Err("it has bytes after its last field");
        }
        let bytes = &start[..start.len() - self.reader.0.len()];
        Ok(Record { timestamp_delta, offset_delta, key, value, headers, header_bytes, bytes })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let index = self.index;
        self.index += 1;
        Some(self.read().map_err(|what| {
            self.reader = Reader(&[]);
            BatchError::Record { index, what }
        }))
    }
}

/// The decompressed record bytes of one whole batch, borrowed when they are not compressed. At most `max` bytes are decompressed.
/// Walk them with [`Records::new`].
pub fn records_of<'a>(header: &BatchHeader, batch: &'a [u8], max: usize) -> Result<Cow<'a, [u8]>, BatchError> {
    let payload = header.payload(batch)?;
    match header.attributes.codec()? {
        Codec::None => Ok(Cow::Borrowed(payload)),
        packed => {
            let mut out = Vec::new();
            codec::decompress(packed, payload, max, &mut out)?;
            Ok(Cow::Owned(out))
        }
    }
}

/// Appends a record; with its fields it is at most 2^31-1 bytes (checked by the caller).
pub(crate) fn put_record<'h>(
    out: &mut Vec<u8>,
    timestamp_delta: i64,
    offset_delta: i32,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: impl ExactSizeIterator<Item = Header<'h>> + Clone,
) {
    let bytes_len = |bytes: Option<&[u8]>| bytes.map_or(1, |b| varlong_len(b.len() as i64) + b.len());
    let mut len = 1 + varlong_len(timestamp_delta) + varlong_len(i64::from(offset_delta));
    len += bytes_len(key) + bytes_len(value) + varlong_len(headers.len() as i64);
    len += headers.clone().map(|h| bytes_len(Some(h.key)) + bytes_len(h.value)).sum::<usize>();

    let put_bytes = |out: &mut Vec<u8>, bytes: Option<&[u8]>| match bytes {
        None => put_varlong(out, -1),
        Some(bytes) => {
            put_varlong(out, bytes.len() as i64);
            out.extend_from_slice(bytes);
        }
    };
    put_varlong(out, len as i64);
    out.push(0);
    put_varlong(out, timestamp_delta);
    put_varlong(out, i64::from(offset_delta));
    put_bytes(out, key);
    put_bytes(out, value);
    put_varlong(out, headers.len() as i64);
    for header in headers {
        put_bytes(out, Some(header.key));
        put_bytes(out, header.value);
    }
}

#[cfg(test)]
mod tests;
