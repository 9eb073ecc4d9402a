//! 128-bit ids as Kafka prints them.

use std::fmt;

/// A 128-bit id (topic ids, directory ids, the cluster id). Zero means "none" in the Kafka protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// All zero: "no id".
    pub const NIL: Self = Self([0; 16]);

    /// Whether this is [`Uuid::NIL`].
    #[must_use]
    pub fn is_nil(self) -> bool {
        self == Self::NIL
    }

    /// A version 4 id from 16 random bytes, whatever they are.
    #[must_use]
    pub const fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }

    /// The form with hyphens, lower case: what message ids and AWS's ids look like.
    #[must_use]
    pub fn hyphenated(self) -> String {
        let mut text = String::with_capacity(36);
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from(HEX[usize::from(digit)]));
            }
        }
        text
    }

    /// Parses the form with hyphens.
    #[must_use]
    pub fn parse_hyphenated(text: &str) -> Option<Self> {
        let mut out = [0_u8; 16];
        let mut digits = text.bytes().filter(|byte| *byte != b'-').map(|byte| char::from(byte).to_digit(16));
        for byte in &mut out {
            *byte = (digits.next()?? * 16 + digits.next()??) as u8;
        }
        let id = Self(out);
        (text.len() == 36 && digits.next().is_none() && text.eq_ignore_ascii_case(&id.hyphenated())).then_some(id)
    }

    /// Parses the 22-character URL-safe base64 form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 22 {
            return None;
        }
        let mut out = [0_u8; 16];
        let (mut acc, mut bits, mut at) = (0_u32, 0, 0);
        for &c in text {
            let v = ALPHABET.iter().position(|a| *a == c)? as u32;
            acc = (acc << 6) | v;
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                *out.get_mut(at)? = (acc >> bits) as u8;
                at += 1;
            }
        }
        Some(Self(out))
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// URL-safe base64 without padding, 22 characters, as Kafka's tools print ids.
impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(22);
        for chunk in self.0.chunks(3) {
            let b = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
            let acc = (u32::from(b[0]) << 16) | (u32::from(b[1]) << 8) | u32::from(b[2]);
            for i in 0..=chunk.len() {
                text.push(ALPHABET[(acc >> (18 - 6 * i) & 63) as usize] as char);
            }
        }
        f.write_str(&text)
    }
}

impl AsRef<[u8]> for Uuid {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_as_kafka_does() {
        assert_eq!(Uuid::NIL.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        let id = Uuid([0xff, 0xee, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
        assert_eq!(id.to_string().len(), 22);
        assert_eq!(Uuid::parse(&id.to_string()), Some(id));
        assert_eq!(Uuid::parse("short"), None);
        assert_eq!(Uuid::parse("!AAAAAAAAAAAAAAAAAAAAA"), None);
    }

    #[test]
    fn hyphens_stand_where_they_belong() {
        let id = Uuid([0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x42, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00]);
        let text = "123e4567-e89b-42d3-a456-426614174000";
        assert_eq!(id.hyphenated(), text);
        assert_eq!(Uuid::parse_hyphenated(text), Some(id));
        assert_eq!(Uuid::parse_hyphenated(&text.to_uppercase()), Some(id));
        for bad in ["", "123e4567e89b42d3a456426614174000", &text[1..], &format!("{text}0"), &text.replace('1', "g")] {
            assert_eq!(Uuid::parse_hyphenated(bad), None, "{bad}");
        }
    }
}
