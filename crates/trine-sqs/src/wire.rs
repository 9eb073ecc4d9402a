//! Types whose wire form is not Rust's own: blobs, and numbers that some clients write as text.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes, base64 on the wire in both protocols.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Blob(pub(crate) Bytes);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Blob;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64 text")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Blob, E> {
                // Some tools fold long base64 into lines.
                let folded = text.bytes().any(|b| b.is_ascii_whitespace());
                let decoded = if folded {
                    let kept: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
                    STANDARD.decode(kept)
                } else {
                    STANDARD.decode(text)
                };
                decoded.map(|bytes| Blob(bytes.into())).map_err(|_| E::custom("a blob is not base64"))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A whole number; its decimal text is accepted too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Int(pub(crate) i64);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl de::Visitor<'_> for Number {
            type Value = Int;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Int, E> {
                Ok(Int(value))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Int, E> {
                // Far out of every parameter's range either way; the range check names the parameter.
                Ok(Int(i64::try_from(value).unwrap_or(i64::MAX)))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Int, E> {
                // Some serializers write 10 as 10.0.
                if value.fract() == 0.0 && value.abs() < 1e15 {
                    return Ok(Int(value as i64));
                }
                Err(E::invalid_value(de::Unexpected::Float(value), &self))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Int, E> {
                text.trim().parse().map(Int).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs() {
        let blob: Blob = serde_json::from_str("\"AP8=\"").unwrap();
        assert_eq!(blob.0, Bytes::from_static(b"\0\xff"));
        assert_eq!(serde_json::from_str::<Blob>("\"AP\\n8=\"").unwrap(), blob);
        assert_eq!(serde_json::to_string(&blob).unwrap(), "\"AP8=\"");
        assert!(serde_json::from_str::<Blob>("\"%\"").is_err());
        assert!(serde_json::from_str::<Blob>("1").is_err());
    }

    #[test]
    fn numbers_and_their_text() {
        for (json, want) in [("1", 1), ("\"20\"", 20), ("-1", -1), ("10.0", 10), ("18446744073709551615", i64::MAX)] {
            assert_eq!(serde_json::from_str::<Int>(json).unwrap(), Int(want), "{json}");
        }
        for bad in ["\"x\"", "1.5", "null", "[]", "true"] {
            assert!(serde_json::from_str::<Int>(bad).is_err(), "{bad}");
        }
    }
}
