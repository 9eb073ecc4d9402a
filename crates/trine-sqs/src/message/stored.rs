//! How a message's attributes are kept: as headers of the record (decision E9).

use bytes::{BufMut, Bytes, BytesMut};

use super::Attribute;

/// Which edge a message came through.
const PROTO_HEADER: &str = "trine.proto";
/// The value of [`PROTO_HEADER`] for this edge.
const PROTO: &[u8] = b"sqs";
/// A user attribute: this and its name; the value is the data type, a zero byte, the raw value.
const ATTRIBUTE_PREFIX: &str = "sqs.a.";
/// The trace header.
const TRACE_HEADER: &str = "sqs.trace";
/// Who sent the message.
pub(crate) const SENDER_HEADER: &str = "sqs.sender";
/// Headers that belong to edges and the broker; what other edges call headers are attributes here.
const RESERVED_PREFIXES: [&str; 3] = ["trine.", "sqs.", "amqp."];

/// Headers of a message to send.
pub(crate) fn headers_of(attributes: &[Attribute], trace: Option<&str>, sender: &str) -> Vec<(String, Bytes)> {
    let mut headers = Vec::with_capacity(attributes.len() + 3);
    headers.push((PROTO_HEADER.to_owned(), Bytes::from_static(PROTO)));
    headers.push((SENDER_HEADER.to_owned(), Bytes::copy_from_slice(sender.as_bytes())));
    if let Some(trace) = trace {
        headers.push((TRACE_HEADER.to_owned(), Bytes::copy_from_slice(trace.as_bytes())));
    }
    for attribute in attributes {
        let mut value = BytesMut::with_capacity(attribute.data_type.len() + 1 + attribute.value.len());
        value.put_slice(attribute.data_type.as_bytes());
        value.put_u8(0);
        value.put_slice(&attribute.value);
        headers.push((format!("{ATTRIBUTE_PREFIX}{}", attribute.name), value.freeze()));
    }
    headers
}

/// What the headers of a message say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Stored<'a> {
    /// User attributes.
    pub(crate) attributes: Vec<Attribute>,
    /// The trace header.
    pub(crate) trace: Option<&'a str>,
    /// Who sent it.
    pub(crate) sender: Option<&'a str>,
}

impl<'a> Stored<'a> {
    /// Reads headers. Those of a message that another edge took appear as attributes: of type String if they are text that this protocol can carry,
    /// else of type Binary.
    pub(crate) fn of(headers: &'a [(String, Bytes)]) -> Self {
        let mut stored = Self::default();
        for (name, value) in headers {
            if let Some(name) = name.strip_prefix(ATTRIBUTE_PREFIX) {
                stored.attributes.extend(attribute(name, value));
            } else if name == TRACE_HEADER {
                stored.trace = text(value);
            } else if name == SENDER_HEADER {
                stored.sender = text(value);
            } else if !value.is_empty() && !RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
                let data_type = if text(value).is_some_and(super::legal) { "String" } else { "Binary" };
                stored.attributes.push(Attribute {
                    name: name.clone(),
                    data_type: data_type.to_owned(),
                    value: value.clone(),
                });
            }
        }
        stored
    }
}

fn attribute(name: &str, value: &Bytes) -> Option<Attribute> {
    let zero = value.iter().position(|b| *b == 0)?;
    let data_type = std::str::from_utf8(value.get(..zero)?).ok()?.to_owned();
    Some(Attribute { name: name.to_owned(), data_type, value: value.slice(zero + 1..) })
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let attributes = vec![
            Attribute::text("a", "String.x", "v\0w"),
            Attribute { name: "b".into(), data_type: "Binary".into(), value: Bytes::from_static(b"\0\xff") },
        ];
        let headers = headers_of(&attributes, Some("Root=1"), "AKIA");
        assert_eq!(Stored::of(&headers), Stored { attributes, trace: Some("Root=1"), sender: Some("AKIA") });
        assert_eq!(headers[0], ("trine.proto".to_owned(), Bytes::from_static(b"sqs")));
    }

    #[test]
    fn headers_of_other_edges_are_attributes() {
        let headers = [
            ("color".to_owned(), Bytes::from_static(b"red")),
            ("raw".to_owned(), Bytes::from_static(b"\xff")),
            ("amqp.props".to_owned(), Bytes::from_static(b"x")),
            ("trine.death".to_owned(), Bytes::from_static(b"x")),
            ("empty".to_owned(), Bytes::new()),
            ("sqs.a.torn".to_owned(), Bytes::from_static(b"no zero byte")),
        ];
        let shown: Vec<_> = Stored::of(&headers).attributes.into_iter().map(|a| (a.name, a.data_type)).collect();
        assert_eq!(shown, [("color".to_owned(), "String".to_owned()), ("raw".to_owned(), "Binary".to_owned())]);
    }
}
