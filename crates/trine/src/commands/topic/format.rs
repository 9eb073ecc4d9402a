//! Output formats of `consume -f`: `%s` body, `%k` key, `%t` topic, `%p` partition, `%o` offset, `%T` time, `%h` headers, `%S` and `%K` lengths of body and
//! key, `%%` a percent sign; `\n`, `\t`, `\0` and `\\` as in C.

use std::io::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::failure::Failure;

/// A parsed format.
pub(crate) struct Format(Vec<Part>);

enum Part {
    Text(Vec<u8>),
    Body,
    Key,
    Topic,
    Partition,
    Offset,
    Time,
    Headers,
    BodyLength,
    KeyLength,
}

impl Format {
    /// The format of a line per record.
    pub(crate) fn body_lines() -> Self {
        Self(vec![Part::Body, Part::Text(b"\n".to_vec())])
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let mut parts = Vec::new();
        let mut plain = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let special = match c {
                '%' => match chars.next() {
                    Some('s') => Part::Body,
                    Some('k') => Part::Key,
                    Some('t') => Part::Topic,
                    Some('p') => Part::Partition,
                    Some('o') => Part::Offset,
                    Some('T') => Part::Time,
                    Some('h') => Part::Headers,
                    Some('S') => Part::BodyLength,
                    Some('K') => Part::KeyLength,
                    Some('%') => Part::Text(b"%".to_vec()),
                    other => {
                        let other = other.map(String::from).unwrap_or_default();
                        return Err(Failure::usage(format!(
                            "%{other} is no field; there are %s %k %t %p %o %T %h %S %K %%"
                        )));
                    }
                },
                '\\' => Part::Text(match chars.next() {
                    Some('n') => b"\n".to_vec(),
                    Some('t') => b"\t".to_vec(),
                    Some('0') => b"\0".to_vec(),
                    Some('\\') => b"\\".to_vec(),
                    other => format!("\\{}", other.map(String::from).unwrap_or_default()).into_bytes(),
                }),
                other => Part::Text(other.to_string().into_bytes()),
            };
            match special {
                Part::Text(bytes) => plain.extend(bytes),
                field => {
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(field);
                }
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    /// Writes one record, as the admin API describes it.
    pub(crate) fn write(&self, out: &mut impl Write, topic: &str, record: &Value) -> Result<(), Failure> {
        let scalar = |value: &Value| crate::output::plain(value).into_bytes();
        for part in &self.0 {
            let bytes = match part {
                Part::Text(bytes) => bytes.clone(),
                Part::Body => bytes(&record["body"], &record["encoding"])?,
                Part::Key => bytes(&record["key"], &record["key_encoding"])?,
                Part::Topic => topic.as_bytes().to_vec(),
                Part::Partition => scalar(&record["partition"]),
                Part::Offset => scalar(&record["offset"]),
                Part::Time => scalar(&record["timestamp"]),
                Part::Headers => headers(&record["headers"])?,
                Part::BodyLength => length(&record["body"], &record["encoding"])?,
                Part::KeyLength => length(&record["key"], &record["key_encoding"])?,
            };
            out.write_all(&bytes)?;
        }
        Ok(())
    }
}

/// The bytes of a text and its encoding; null has none.
fn bytes(text: &Value, encoding: &Value) -> Result<Vec<u8>, Failure> {
    let text = text.as_str().unwrap_or("");
    if encoding == "base64" {
        return STANDARD.decode(text).map_err(|e| Failure::failed(format!("the server sent bad base64: {e}")));
    }
    Ok(text.as_bytes().to_vec())
}

/// -1 for null, as other tools show it.
fn length(text: &Value, encoding: &Value) -> Result<Vec<u8>, Failure> {
    if text.is_null() {
        return Ok(b"-1".to_vec());
    }
    Ok(bytes(text, encoding)?.len().to_string().into_bytes())
}

/// `a=1,b=2`.
fn headers(headers: &Value) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    for (i, header) in headers.as_array().into_iter().flatten().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend(header["name"].as_str().unwrap_or("").as_bytes());
        out.push(b'=');
        out.extend(bytes(&header["value"], &header["encoding"])?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field() {
        let record = serde_json::json!({
            "partition": 2, "offset": "17", "timestamp": "2026-01-01T00:00:00.000Z", "key": "k", "key_encoding": "utf8",
            "body": "/wA=", "encoding": "base64",
            "headers": [{ "name": "a", "value": "1", "encoding": "utf8" }, { "name": "b", "value": null, "encoding": null }],
        });
        let write = |format: &str| {
            let mut out = Vec::new();
            Format::parse(format).unwrap().write(&mut out, "orders", &record).unwrap();
            out
        };
        assert_eq!(
            write("%t-%p@%o %k %h %K/%S %T %%\\t\\n"),
            b"orders-2@17 k a=1,b= 1/2 2026-01-01T00:00:00.000Z %\t\n"
        );
        assert_eq!(write("%s"), [0xff, 0]);
        assert!(Format::parse("%x").is_err());
        assert!(Format::parse("100%").is_err());
    }

    #[test]
    fn null_is_empty() {
        let record = serde_json::json!({ "key": null, "body": null });
        let mut out = Vec::new();
        Format::parse("[%k|%s|%S]").unwrap().write(&mut out, "t", &record).unwrap();
        assert_eq!(out, b"[||-1]");
    }
}
