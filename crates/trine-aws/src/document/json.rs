//! Writing JSON by hand, for the answers that carry bodies: what serde would write, several times as fast for long texts.

use serde::Serialize;

/// Bytes of a text that are looked at before a decision.
const PIECE: usize = 64;

/// Writes an object, member by member. Names must need no escapes.
#[derive(Debug)]
pub struct JsonObject<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> JsonObject<'a> {
    /// Begins an object.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(if std::mem::take(&mut self.first) { b"\"" } else { b",\"" });
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A member that is text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        put_text(self.out, text);
    }

    /// A member of any kind, written by serde.
    pub fn value(&mut self, name: &str, value: &impl Serialize) -> serde_json::Result<()> {
        self.name(name);
        serde_json::to_writer(&mut *self.out, value)
    }

    /// A member that is a list.
    pub fn list<T>(
        &mut self,
        name: &str,
        elements: &[T],
        write: impl Fn(&T, &mut Vec<u8>) -> serde_json::Result<()>,
    ) -> serde_json::Result<()> {
        self.name(name);
        self.out.push(b'[');
        for (at, element) in elements.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            write(element, self.out)?;
        }
        self.out.push(b']');
        Ok(())
    }

    /// Ends the object.
    pub fn end(self) {
        self.out.push(b'}');
    }
}

/// A text with its quotes. Texts of messages rarely have anything to escape, so they are copied in pieces.
fn put_text(out: &mut Vec<u8>, text: &str) {
    const fn escaped(byte: u8) -> bool {
        (byte < 0x20) | (byte == b'"') | (byte == b'\\')
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    for piece in text.as_bytes().chunks(PIECE) {
        // Without an exit in the middle the compiler looks at many bytes at once.
        if !piece.iter().fold(false, |any, byte| any | escaped(*byte)) {
            out.extend_from_slice(piece);
            continue;
        }
        for byte in piece {
            match byte {
                b'"' => out.extend_from_slice(b"\\\""),
                b'\\' => out.extend_from_slice(b"\\\\"),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\t' => out.extend_from_slice(b"\\t"),
                0x08 => out.extend_from_slice(b"\\b"),
                0x0c => out.extend_from_slice(b"\\f"),
                control if *control < 0x20 => {
                    let digit = |n: u8| char::from_digit(u32::from(n), 16).map_or(b'0', |digit| digit as u8);
                    out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(control >> 4), digit(control & 15)]);
                }
                other => out.push(*other),
            }
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_written_as_serde_writes_them(text in "(\\PC|[\\x00-\\x7f]){0,200}") {
            let mut out = Vec::new();
            put_text(&mut out, &text);
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn objects() {
        let mut out = Vec::new();
        JsonObject::new(&mut out).end();
        let mut object = JsonObject::new(&mut out);
        object.text("A", "x");
        object.value("B", &[1, 2]).unwrap();
        object
            .list("C", &["y", "z"], |text, out| {
                put_text(out, text);
                Ok(())
            })
            .unwrap();
        object.end();
        assert_eq!(String::from_utf8(out).unwrap(), r#"{}{"A":"x","B":[1,2],"C":["y","z"]}"#);
    }
}
