//! Messages as JSON.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use trine_broker::{HEADER_PROTOCOL, Message, NewMessage};
use trine_types::{Timestamp, units::parse_duration};

use crate::{
    error::ApiError,
    expression::Subject,
    payload::{self, Encoding},
    time,
};

/// A message attribute of SQS under its name: type, NUL, value. What the command line sends is an attribute of type String, so that SQS clients see it.
const ATTRIBUTE: &str = "sqs.a.";
/// The type of such an attribute.
const ATTRIBUTE_TYPE: &str = "String";
/// What the admin API says in [`HEADER_PROTOCOL`].
const PROTOCOL: &[u8] = b"cli";

/// A message to send.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewJson {
    body: String,
    #[serde(default)]
    encoding: Encoding,
    #[serde(default)]
    headers: Vec<NewHeader>,
    group: Option<String>,
    dedup_id: Option<String>,
    delay: Option<String>,
    ttl: Option<String>,
    #[serde(default)]
    priority: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewHeader {
    name: String,
    value: String,
}

impl NewJson {
    /// The message the broker takes.
    pub(super) fn decode(self) -> Result<NewMessage, ApiError> {
        let body = payload::decode(self.body, self.encoding, "body")?;
        let mut size = body.len();
        let mut headers = vec![(HEADER_PROTOCOL.to_owned(), Bytes::from_static(PROTOCOL))];
        for header in self.headers {
            size += header.name.len() + ATTRIBUTE_TYPE.len() + header.value.len();
            let value = [ATTRIBUTE_TYPE.as_bytes(), b"\0", header.value.as_bytes()].concat();
            headers.push((format!("{ATTRIBUTE}{}", header.name), value.into()));
        }
        Ok(NewMessage {
            body: body.into(),
            headers,
            group: self.group,
            dedup_id: self.dedup_id,
            delay_ms: self.delay.as_deref().map(millis).transpose()?,
            ttl_ms: self.ttl.as_deref().map(millis).transpose()?,
            priority: self.priority,
            size: u32::try_from(size).unwrap_or(u32::MAX),
        })
    }
}

/// A duration in milliseconds.
pub(super) fn millis(text: &str) -> Result<u64, ApiError> {
    let duration = parse_duration(text).map_err(ApiError::invalid)?;
    Ok(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// A header's name and value as clients gave them.
fn header((name, value): &(String, Bytes)) -> (&str, &[u8]) {
    match name.strip_prefix(ATTRIBUTE) {
        Some(plain) => {
            let split = value.iter().position(|byte| *byte == 0).map_or(0, |at| at + 1);
            (plain, value.get(split..).unwrap_or_default())
        }
        None => (name, value),
    }
}

/// A message as JSON, without what depends on its state.
pub(super) fn encode(message: &Message) -> Map<String, Value> {
    let (body, encoding) = payload::encode(&message.body);
    let headers: Vec<_> = message
        .headers
        .iter()
        .map(|stored| {
            let (name, value) = header(stored);
            let (value, encoding) = payload::encode(value);
            json!({ "name": name, "value": value, "encoding": encoding })
        })
        .collect();
    let json = json!({
        "id": message.message_id.hyphenated(),
        "number": message.number.to_string(),
        "body": body,
        "encoding": encoding,
        "headers": headers,
        "group": message.group,
        "dedup_id": message.dedup_id,
        "sent_at": time::to_rfc3339(message.sent_at.0),
        "origin": message.origin.as_ref().map(|name| name.as_str()),
        "reason": message.death_reason,
    });
    match json {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A message an expression can look at.
pub(super) struct Looked<'a> {
    pub(super) message: &'a Message,
    pub(super) count: u32,
    pub(super) now: Timestamp,
}

impl Subject for Looked<'_> {
    fn body(&self) -> &[u8] {
        &self.message.body
    }

    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.message.headers.iter().map(header).find(|(known, _)| *known == name).map(|(_, value)| value.into())
    }

    fn group(&self) -> Option<&str> {
        self.message.group.as_deref()
    }

    fn count(&self) -> u64 {
        self.count.into()
    }

    fn age(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.now.ms_since(self.message.sent_at)).unwrap_or(0))
    }

    fn reason(&self) -> Option<&str> {
        self.message.death_reason.as_deref()
    }
}
