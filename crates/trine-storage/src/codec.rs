//! Reading and writing of little-endian fields. Every getter checks its bounds: what comes from disk never panics.

/// A cursor over bytes read from disk.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    buf: &'a [u8],
    at: usize,
}

macro_rules! getters {
    ($($name:ident: $type:ty),*) => {$(
        pub(crate) fn $name(&mut self) -> Option<$type> {
            self.bytes(size_of::<$type>()).and_then(|b| Some(<$type>::from_le_bytes(b.try_into().ok()?)))
        }
    )*};
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(buf: &'a [u8]) -> Self {
        Self { buf, at: 0 }
    }

    getters!(u8: u8, u16: u16, u32: u32, u64: u64, i32: i32, i64: i64);

    pub(crate) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(len)?;
        let bytes = self.buf.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    /// LEB128, at most ten bytes.
    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Where the cursor is.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Bytes not read yet.
    pub(crate) const fn left(&self) -> usize {
        self.buf.len() - self.at
    }
}

/// Appends a LEB128 integer.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A big-endian `u64` inside a record batch (which is Kafka's format, unlike ours).
pub(crate) fn be_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// A big-endian `u32` inside a record batch.
pub(crate) fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn varints_round_trip(value: u64) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.varint(), Some(value));
            prop_assert_eq!(reader.left(), 0);
        }

        #[test]
        fn short_input_is_none(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while reader.varint().is_some() {}
            prop_assert!(Reader::new(&bytes).bytes(bytes.len() + 1).is_none());
            prop_assert!(Reader::new(&bytes).bytes(usize::MAX).is_none());
        }
    }

    #[test]
    fn a_varint_beyond_64_bits_is_refused() {
        assert_eq!(Reader::new(&[0xff; 10]).varint(), None);
        assert_eq!(Reader::new(&[0x80; 11]).varint(), None);
    }
}
