//! The protocol's primitive types (reference §1).

use bytes::{BufMut, Bytes, BytesMut};
use trine_types::Uuid;

use super::{Text, WireError};

/// A cursor over a request. Strings and byte fields it returns share the request's memory.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
    end: usize,
    /// Whether strings, byte fields and arrays are compact and structs end with tagged fields.
    pub(crate) flexible: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a Bytes, flexible: bool) -> Self {
        Self { bytes, at: 0, end: bytes.len(), flexible }
    }

    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    const fn remaining(&self) -> usize {
        self.end - self.at
    }

    pub(crate) const fn malformed(&self, what: &'static str) -> WireError {
        WireError::Malformed { what, at: self.at }
    }

    fn fixed<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], WireError> {
        let chunk = self.bytes.get(self.at..self.end).and_then(|rest| rest.first_chunk::<N>());
        let Some(&chunk) = chunk else { return Err(self.malformed(what)) };
        self.at += N;
        Ok(chunk)
    }

    pub(crate) fn i8(&mut self) -> Result<i8, WireError> {
        self.fixed("an 8-bit integer").map(i8::from_be_bytes)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, WireError> {
        self.fixed("a 16-bit integer").map(i16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, WireError> {
        self.fixed("a 32-bit integer").map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, WireError> {
        self.fixed("a 64-bit integer").map(i64::from_be_bytes)
    }

    pub(crate) fn uuid(&mut self) -> Result<Uuid, WireError> {
        self.fixed("an id").map(Uuid)
    }

    pub(crate) fn uvarint(&mut self) -> Result<u32, WireError> {
        let start = self.malformed("a variable-length integer");
        let mut value = 0_u32;
        for i in 0..5 {
            let [byte] = self.fixed("a variable-length integer")?;
            let bits = u32::from(byte & 0x7f);
            // The fifth byte has room for four bits only.
            if i == 4 && bits > 0x0f {
                return Err(start);
            }
            value |= bits << (7 * i);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(start)
    }

    fn take(&mut self, len: usize, what: &'static str) -> Result<Bytes, WireError> {
        if len > self.remaining() {
            return Err(self.malformed(what));
        }
        let slice = self.bytes.slice(self.at..self.at + len);
        self.at += len;
        Ok(slice)
    }

    /// The length of a compact field; `None` is null.
    fn compact_len(&mut self) -> Result<Option<usize>, WireError> {
        Ok((self.uvarint()? as usize).checked_sub(1))
    }

    /// A signed length; `None` is null.
    fn legacy_len(len: i32, error: WireError) -> Result<Option<usize>, WireError> {
        match len {
            -1 => Ok(None),
            len => usize::try_from(len).map(Some).map_err(|_| error),
        }
    }

    fn text(&mut self, len: usize) -> Result<Text, WireError> {
        let error = self.malformed("a string");
        Text::try_from(self.take(len, "a string")?).map_err(|_| error)
    }

    /// A string with the two-byte length that the client id has in every version.
    pub(crate) fn legacy_nullable_string(&mut self) -> Result<Option<Text>, WireError> {
        let error = self.malformed("a string length");
        let len = i32::from(self.i16()?);
        Self::legacy_len(len, error)?.map(|len| self.text(len)).transpose()
    }

    pub(crate) fn nullable_string(&mut self) -> Result<Option<Text>, WireError> {
        if self.flexible {
            self.compact_len()?.map(|len| self.text(len)).transpose()
        } else {
            self.legacy_nullable_string()
        }
    }

    pub(crate) fn string(&mut self) -> Result<Text, WireError> {
        let error = self.malformed("a string that must not be null");
        self.nullable_string()?.ok_or(error)
    }

    pub(crate) fn nullable_bytes(&mut self) -> Result<Option<Bytes>, WireError> {
        let error = self.malformed("a byte field length");
        let len = if self.flexible { self.compact_len()? } else { Self::legacy_len(self.i32()?, error)? };
        len.map(|len| self.take(len, "a byte field")).transpose()
    }

    /// The elements of an array that must not be null, each read by `element` and at least one byte long. The vector grows as elements are read.
    pub(crate) fn array<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        let error = self.malformed("an array length");
        let len = if self.flexible {
            self.compact_len()?
        } else {
            Self::legacy_len(self.i32()?, self.malformed("an array length"))?
        };
        let Some(len) = len else { return Err(error) };
        // Every element has at least one byte, so a larger count is a lie.
        if len > self.remaining() {
            return Err(error);
        }
        let mut out = Vec::new();
        for _ in 0..len {
            out.push(element(self)?);
        }
        Ok(out)
    }

    /// The tagged fields at the end of a struct, which this server has no use for.
    pub(crate) fn skip_tags(&mut self) -> Result<(), WireError> {
        if !self.flexible {
            return Ok(());
        }
        let mut previous = None;
        for _ in 0..self.uvarint()? {
            let error = self.malformed("a tagged field");
            let tag = self.uvarint()?;
            if previous.is_some_and(|previous| tag <= previous) {
                return Err(error);
            }
            previous = Some(tag);
            let len = self.uvarint()? as usize;
            if len > self.remaining() {
                return Err(error);
            }
            self.at += len;
        }
        Ok(())
    }
}

/// Writing primitive types.
pub(crate) trait Put {
    fn put_uvarint(&mut self, value: u32);
    fn put_array_len(&mut self, len: usize, flexible: bool);
    fn put_nullable_string(&mut self, text: Option<&str>, flexible: bool);
    fn put_string(&mut self, text: &str, flexible: bool) {
        self.put_nullable_string(Some(text), flexible);
    }
    fn put_no_tags(&mut self, flexible: bool);
}

impl Put for BytesMut {
    fn put_uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.put_u8((value as u8) | 0x80);
            value >>= 7;
        }
        self.put_u8(value as u8);
    }

    fn put_array_len(&mut self, len: usize, flexible: bool) {
        if flexible {
            self.put_uvarint(len as u32 + 1);
        } else {
            self.put_u32(len as u32);
        }
    }

    fn put_nullable_string(&mut self, text: Option<&str>, flexible: bool) {
        match (text, flexible) {
            (None, true) => self.put_u8(0),
            (None, false) => self.put_i16(-1),
            (Some(text), flexible) => {
                // A text longer than the field can say is cut: only messages of our own can be that long.
                let text = text.get(..text.floor_char_boundary(i16::MAX as usize)).unwrap_or_default();
                if flexible {
                    self.put_uvarint(text.len() as u32 + 1);
                } else {
                    self.put_u16(text.len() as u16);
                }
                self.put_slice(text.as_bytes());
            }
        }
    }

    fn put_no_tags(&mut self, flexible: bool) {
        if flexible {
            self.put_u8(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(bytes: &Bytes) -> Reader<'_> {
        Reader::new(bytes, true)
    }

    #[test]
    fn uvarints_come_back_and_end() {
        for value in [0, 1, 127, 128, 16_383, 16_384, i32::MAX as u32, u32::MAX] {
            let mut out = BytesMut::new();
            out.put_uvarint(value);
            assert_eq!(reader(&out.freeze()).uvarint(), Ok(value));
        }
        for bad in [&[0x80_u8; 6][..], &[0xff, 0xff, 0xff, 0xff, 0x10], &[0x80], &[]] {
            assert!(reader(&Bytes::copy_from_slice(bad)).uvarint().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lengths_beyond_the_request_are_refused() {
        let huge = Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff, 1]);
        let legacy = || Reader::new(&huge, false);
        assert!(legacy().nullable_bytes().is_err());
        assert!(legacy().nullable_string().is_err());
        assert!(legacy().array(Reader::i8).is_err());
        let compact = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0x07, 1]);
        assert!(reader(&compact).nullable_bytes().is_err());
        assert!(reader(&compact).nullable_string().is_err());
        assert!(reader(&compact).array(Reader::i8).is_err());
        assert!(reader(&compact).skip_tags().is_err());
        let negative = Bytes::from_static(&[0xff, 0xff, 0xff, 0xfe]);
        assert!(Reader::new(&negative, false).nullable_bytes().is_err());
        assert!(Reader::new(&negative.slice(2..), false).nullable_string().is_err());
        assert!(Reader::new(&negative, false).array(Reader::i8).is_err());
    }

    #[test]
    fn nulls() {
        let compact = Bytes::from_static(&[0]);
        assert_eq!(reader(&compact).nullable_string(), Ok(None));
        assert_eq!(reader(&compact).nullable_bytes(), Ok(None));
        assert!(reader(&compact).string().is_err());
        assert!(reader(&compact).array(Reader::i8).is_err());
        let legacy = Bytes::from_static(&[0xff; 4]);
        assert_eq!(Reader::new(&legacy, false).nullable_string(), Ok(None));
        assert_eq!(Reader::new(&legacy, false).nullable_bytes(), Ok(None));
        assert!(Reader::new(&legacy, false).array(Reader::i8).is_err());
    }

    #[test]
    fn tags_are_skipped_in_order() {
        let tags = Bytes::from_static(&[2, 1, 1, 9, 5, 0, 0x2a]);
        let mut reader = reader(&tags);
        reader.skip_tags().unwrap();
        assert_eq!(reader.i8(), Ok(0x2a));
        let disorder = Bytes::from_static(&[2, 5, 0, 5, 0]);
        assert!(Reader::new(&disorder, true).skip_tags().is_err());
    }

    #[test]
    fn strings_must_be_utf8() {
        let bad = Bytes::from_static(&[3, 0xc3, 0x28]);
        assert!(reader(&bad).string().is_err());
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let mut out = BytesMut::new();
        out.put_string(&"ä".repeat(20_000), false);
        let bytes = out.freeze();
        let text = Reader::new(&bytes, false).string().unwrap();
        assert_eq!(text.len(), 32_766);
    }
}
