//! Message bytes in JSON: text when they are UTF-8, else base64, said by `encoding`.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::error::ApiError;

/// How bytes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    /// The bytes are the text's UTF-8.
    #[default]
    Utf8,
    /// The text is standard base64 of the bytes.
    Base64,
}

/// The bytes of a text.
pub(crate) fn decode(text: String, encoding: Encoding, what: &str) -> Result<Vec<u8>, ApiError> {
    match encoding {
        Encoding::Utf8 => Ok(text.into_bytes()),
        Encoding::Base64 => STANDARD.decode(text).map_err(|_| ApiError::invalid(format!("the {what} is not base64"))),
    }
}

/// The text of some bytes.
pub(crate) fn encode(bytes: &[u8]) -> (Cow<'_, str>, Encoding) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.into(), Encoding::Utf8),
        Err(_) => (STANDARD.encode(bytes).into(), Encoding::Base64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive() {
        for bytes in [&b""[..], b"plain", "ümläut".as_bytes(), &[0xff, 0, 1]] {
            let (text, encoding) = encode(bytes);
            assert_eq!(decode(text.into_owned(), encoding, "body").unwrap(), bytes);
        }
        assert!(decode("!".into(), Encoding::Base64, "body").is_err());
    }
}
