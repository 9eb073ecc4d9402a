//! Messages between JSON, bytes and the terminal.

use std::io::{self, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    args::Format,
    failure::Failure,
    output::{self, Column, number, plain, text},
};

/// Characters of a body that a table shows.
const SHOWN_CHARS: usize = 60;

/// `{body, encoding?}` of some bytes.
pub(crate) fn body(bytes: &[u8]) -> Map<String, Value> {
    let mut message = Map::new();
    match std::str::from_utf8(bytes) {
        Ok(text) => message.insert("body".to_owned(), text.into()),
        Err(_) => {
            message.insert("encoding".to_owned(), "base64".into());
            message.insert("body".to_owned(), STANDARD.encode(bytes).into())
        }
    };
    message
}

/// The bytes of a message's body.
pub(crate) fn bytes(message: &Value) -> Result<Vec<u8>, Failure> {
    let text = message["body"].as_str().unwrap_or_default();
    if message["encoding"] == "base64" {
        return STANDARD.decode(text).map_err(|_| Failure::failed("the server sent a body that is not base64"));
    }
    Ok(text.as_bytes().to_vec())
}

/// `NAME=VALUE` pairs of the command line as headers.
pub(super) fn headers(pairs: &[String]) -> Result<Vec<Value>, Failure> {
    pairs
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(json!({ "name": name, "value": value })),
            _ => Err(Failure::usage(format!("{pair:?}: write NAME=VALUE"))),
        })
        .collect()
}

/// Prints messages; for people `columns` and the beginning of the body.
pub(super) fn print(format: Option<Format>, messages: &[Value], columns: Vec<Column>) -> Result<(), Failure> {
    let mut all = vec![number("NUMBER", |m| plain(&m["number"]))];
    all.extend(columns);
    all.push(text("BODY", shown));
    output::list(format, messages, &all)
}

/// Prints bodies, a line each: what a pipe wants.
pub(super) fn print_bodies(messages: &[Value]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for message in messages {
        out.write_all(&bytes(message)?)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

fn shown(message: &Value) -> String {
    if message["encoding"] == "base64" {
        return bytes(message).map_or_else(|_| "?".to_owned(), |bytes| format!("({} bytes)", bytes.len()));
    }
    let text = message["body"].as_str().unwrap_or_default();
    let mut shown: String = text.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_survive_json() {
        for body_bytes in [&b""[..], b"{\"a\": 1}", &[0xff, 0xfe]] {
            assert_eq!(bytes(&Value::Object(body(body_bytes))).unwrap(), body_bytes);
        }
    }

    #[test]
    fn tables_show_one_short_line() {
        let shown_of = |text: &str| shown(&json!({ "body": text }));
        assert_eq!(shown_of("a\nb"), "a b");
        assert_eq!(shown_of(&"x".repeat(61)).chars().count(), 61);
        assert_eq!(shown(&json!({ "body": "/w==", "encoding": "base64" })), "(1 bytes)");
        assert!(headers(&["=x".to_owned()]).is_err() && headers(&["x".to_owned()]).is_err());
    }
}
