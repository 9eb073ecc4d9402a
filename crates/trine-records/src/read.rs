//! Reading the primitive types inside records. Every step gives `None` at the end of the bytes.

/// A cursor over borrowed bytes.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) const fn byte(&mut self) -> Option<u8> {
        let Some((first, rest)) = self.0.split_first() else { return None };
        self.0 = rest;
        Some(*first)
    }

    pub(crate) const fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let Some((head, rest)) = self.0.split_at_checked(n) else { return None };
        self.0 = rest;
        Some(head)
    }

    /// Zig-zag varint of at most five bytes.
    pub(crate) fn varint(&mut self) -> Option<i32> {
        // Nearly every varint of a record has one byte.
        if let Some((&first, rest)) = self.0.split_first()
            && first < 0x80
        {
            self.0 = rest;
            return Some((i32::from(first) >> 1) ^ -i32::from(first & 1));
        }
        let raw = self.unsigned(5)?;
        let raw = u32::try_from(raw).ok()?;
        Some(((raw >> 1) as i32) ^ -((raw & 1) as i32))
    }

    /// Zig-zag varint of at most ten bytes.
    pub(crate) fn varlong(&mut self) -> Option<i64> {
        let raw = self.unsigned(10)?;
        Some(((raw >> 1) as i64) ^ -((raw & 1) as i64))
    }

    fn unsigned(&mut self, bytes_max: u32) -> Option<u64> {
        let mut value = 0_u64;
        for i in 0..bytes_max {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit only.
            if i == 9 && bits > 1 {
                return None;
            }
            value |= bits << (7 * i);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// Length-prefixed bytes; `Some(None)` is null (-1).
    pub(crate) fn nullable_bytes(&mut self) -> Option<Option<&'a [u8]>> {
        match self.varint()? {
            -1 => Some(None),
            len => Some(Some(self.take(usize::try_from(len).ok()?)?)),
        }
    }
}

/// Appends a zig-zag varint (32-bit values encode the same way).
pub(crate) fn put_varlong(out: &mut Vec<u8>, value: i64) {
    let mut raw = ((value << 1) ^ (value >> 63)) as u64;
    while raw >= 0x80 {
        out.push((raw as u8) | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

/// Bytes that [`put_varlong`] appends.
pub(crate) const fn varlong_len(value: i64) -> usize {
    let raw = ((value << 1) ^ (value >> 63)) as u64;
    let bits = 64 - (raw | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn varints_come_back(value: i64) {
            let mut out = Vec::new();
            put_varlong(&mut out, value);
            prop_assert_eq!(out.len(), varlong_len(value));
            let mut reader = Reader(&out);
            prop_assert_eq!(reader.varlong(), Some(value));
            prop_assert!(reader.is_empty());
            let mut reader = Reader(&out);
            prop_assert_eq!(reader.varint(), i32::try_from(value).ok());
        }
    }

    #[test]
    fn varints_that_never_end_are_refused() {
        assert_eq!(Reader(&[0x80; 20]).varint(), None);
        assert_eq!(Reader(&[0xff; 20]).varlong(), None);
        assert_eq!(Reader(&[0xff, 0xff, 0xff, 0xff, 0x1f]).varint(), None);
        assert_eq!(Reader(&[0x80]).varlong(), None);
        assert_eq!(Reader(&[]).varint(), None);
    }

    #[test]
    fn lengths_beyond_the_bytes_are_refused() {
        assert_eq!(Reader(&[1]).nullable_bytes(), Some(None));
        assert_eq!(Reader(&[3]).nullable_bytes(), None);
        assert_eq!(Reader(&[0xfe, 0xff, 0xff, 0xff, 0x0f, 1]).nullable_bytes(), None);
    }
}
