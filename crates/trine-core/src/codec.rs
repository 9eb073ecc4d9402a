//! Bytes of records and checkpoint sections: little endian, LEB128 lengths, bounds-checked. A length read from disk never reserves memory.

/// Why bytes could not be decoded: they are damaged or from a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot decode {what}")]
pub struct DecodeError {
    /// What was being read.
    pub what: &'static str,
}

/// Appends values to a buffer.
#[derive(Default, Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An empty buffer.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// One byte.
    pub fn u8(&mut self, v: u8) {
        self.0.push(v);
    }

    /// Two bytes.
    pub fn i16(&mut self, v: i16) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }

    /// Four bytes.
    pub fn i32(&mut self, v: i32) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }

    /// Eight bytes.
    pub fn i64(&mut self, v: i64) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }

    /// Eight bytes.
    pub fn u64(&mut self, v: u64) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }

    /// One to ten bytes, for values that are mostly small.
    pub fn var(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.0.push((v as u8) | 0x80);
            v >>= 7;
        }
        self.0.push(v as u8);
    }

    /// Bytes of a known length.
    pub fn raw(&mut self, v: &[u8]) {
        self.0.extend_from_slice(v);
    }

    /// A length and bytes.
    pub fn bytes(&mut self, v: &[u8]) {
        self.var(v.len() as u64);
        self.0.extend_from_slice(v);
    }

    /// A length and UTF-8.
    pub fn str(&mut self, v: &str) {
        self.bytes(v.as_bytes());
    }

    /// How many bytes were written.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a measure of progress, not a collection")]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// What was written.
    #[must_use]
    pub fn finish(self) -> bytes::Bytes {
        self.0.into()
    }
}

/// Reads values back.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads from `bytes`; errors name `what`.
    #[must_use]
    pub const fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    const fn error(&self) -> DecodeError {
        DecodeError { what: self.what }
    }

    /// Bytes of a known length.
    pub fn raw(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.error())?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.error())?;
        self.rest = rest;
        Ok(*head)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes.
    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_le_bytes(self.array()?))
    }

    /// Four bytes.
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    /// Eight bytes.
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Sixteen bytes.
    pub fn uuid(&mut self) -> Result<trine_types::Uuid, DecodeError> {
        Ok(trine_types::Uuid(self.array()?))
    }

    /// A variable-length number.
    pub fn var(&mut self) -> Result<u64, DecodeError> {
        let mut v = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            if shift == 63 && byte > 1 {
                return Err(self.error());
            }
            v |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(v);
            }
        }
        Err(self.error())
    }

    /// A count of things that take at least one byte each, so that damaged bytes cannot ask for more than there is.
    pub fn count(&mut self) -> Result<usize, DecodeError> {
        let n = self.var()?;
        match usize::try_from(n) {
            Ok(n) if n <= self.rest.len() => Ok(n),
            _ => Err(self.error()),
        }
    }

    /// A number that fits 32 bits.
    pub fn var_u32(&mut self) -> Result<u32, DecodeError> {
        u32::try_from(self.var()?).map_err(|_| self.error())
    }

    /// A length and bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.count()?;
        self.raw(len)
    }

    /// A length and UTF-8.
    pub fn str(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| self.error())
    }

    /// How many bytes were not read yet.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Fails unless everything was read.
    pub const fn end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error()) }
    }

    /// An error about what is being read.
    pub const fn fail<T>(&self) -> Result<T, DecodeError> {
        Err(self.error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_round_trip() {
        let mut w = Writer::new();
        w.u8(7);
        w.i16(-2);
        w.i32(-3);
        w.i64(i64::MIN);
        for v in [0, 127, 128, u64::from(u32::MAX), u64::MAX] {
            w.var(v);
        }
        w.str("näme");
        let bytes = w.finish();
        let mut r = Reader::new(&bytes, "test");
        assert_eq!((r.u8(), r.i16(), r.i32(), r.i64()), (Ok(7), Ok(-2), Ok(-3), Ok(i64::MIN)));
        for v in [0, 127, 128, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(r.var(), Ok(v));
        }
        assert_eq!(r.str(), Ok("näme"));
        assert_eq!(r.end(), Ok(()));
    }

    #[test]
    fn damaged_lengths_are_errors_and_reserve_nothing() {
        let mut w = Writer::new();
        w.var(u64::MAX);
        let bytes = w.finish();
        assert!(Reader::new(&bytes, "t").count().is_err());
        assert!(Reader::new(&bytes, "t").bytes().is_err());
        assert!(Reader::new(&[0xff; 10], "t").var().is_err());
        assert!(Reader::new(&[0x80], "t").var().is_err());
        assert!(Reader::new(&[1, 0xff], "t").str().is_err());
    }
}
