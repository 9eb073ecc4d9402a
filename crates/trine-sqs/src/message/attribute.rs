//! Attributes of messages: names, types and values (reference/sqs.md §4.2).

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{number::is_number, text::legal};
use crate::{SqsError, error::shorten, wire::Blob};

/// Most user attributes of a message.
const ATTRIBUTES_MAX: usize = 10;
/// Longest attribute name, in characters.
const NAME_CHARS_MAX: usize = 256;
/// Longest data type, in characters.
const TYPE_CHARS_MAX: usize = 256;
/// The one system attribute that may be sent.
pub(crate) const TRACE_ATTRIBUTE: &str = "AWSTraceHeader";

/// An attribute's value on the wire.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct AttributeValue {
    /// Value of String and Number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    /// Value of Binary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<Blob>,
    /// `String`, `Number` or `Binary`, perhaps with `.label`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_type: Option<String>,
}

/// Attributes as sent.
pub(crate) type RawAttributes = BTreeMap<String, AttributeValue>;

/// A checked attribute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Attribute {
    /// Its name.
    pub(crate) name: String,
    /// Its type with the label.
    pub(crate) data_type: String,
    /// Its value: UTF-8 unless the type is Binary.
    pub(crate) value: Bytes,
}

impl Attribute {
    #[cfg(test)]
    pub(crate) fn text(name: &str, data_type: &str, value: &str) -> Self {
        Self { name: name.into(), data_type: data_type.into(), value: Bytes::copy_from_slice(value.as_bytes()) }
    }

    /// Whether the value is bytes.
    pub(crate) fn is_binary(&self) -> bool {
        base_type(&self.data_type) == "Binary"
    }

    /// Back to the wire.
    pub(crate) fn to_wire(&self) -> AttributeValue {
        let data_type = Some(self.data_type.clone());
        if self.is_binary() {
            AttributeValue { binary_value: Some(Blob(self.value.clone())), data_type, string_value: None }
        } else {
            let text = String::from_utf8_lossy(&self.value).into_owned();
            AttributeValue { string_value: Some(text), data_type, binary_value: None }
        }
    }
}

fn base_type(data_type: &str) -> &str {
    data_type.split('.').next().unwrap_or_default()
}

/// Checks a message's user attributes; they come out sorted by name.
pub(crate) fn check_attributes(raw: RawAttributes) -> Result<Vec<Attribute>, SqsError> {
    if raw.len() > ATTRIBUTES_MAX {
        let found = raw.len();
        return Err(SqsError::invalid(format!(
            "Number of message attributes [{found}] exceeds the allowed maximum [{ATTRIBUTES_MAX}]."
        )));
    }
    raw.into_iter().map(|(name, value)| check(name, value, "user")).collect()
}

/// Checks a message's system attributes: a trace header or nothing.
pub(crate) fn check_system(raw: RawAttributes) -> Result<Vec<Attribute>, SqsError> {
    raw.into_iter()
        .map(|(name, value)| {
            if name != TRACE_ATTRIBUTE {
                let name = shorten(&name);
                return Err(SqsError::invalid(format!(
                    "Message system attribute name '{name}' is invalid. Only {TRACE_ATTRIBUTE} can be sent."
                )));
            }
            let attribute = check(name, value, "system")?;
            if attribute.data_type != "String" {
                return Err(SqsError::invalid(format!(
                    "Message system attribute '{TRACE_ATTRIBUTE}' must be of type 'String'."
                )));
            }
            Ok(attribute)
        })
        .collect()
}

fn check(name: String, raw: AttributeValue, whose: &str) -> Result<Attribute, SqsError> {
    if let Some(what) = name_fault(&name) {
        return Err(SqsError::invalid(format!(
            "Message ({whose}) attribute name '{}' is invalid: {what}.",
            shorten(&name)
        )));
    }
    let refuse = |what: String| SqsError::invalid(format!("Message ({whose}) attribute '{name}' {what}."));
    let data_type = raw.data_type.unwrap_or_default();
    if data_type.is_empty() {
        return Err(refuse("must contain a non-empty attribute type".to_owned()));
    }
    if data_type.chars().count() > TYPE_CHARS_MAX || !legal(&data_type) {
        return Err(refuse(format!("must have a type of at most {TYPE_CHARS_MAX} characters")));
    }
    let base = base_type(&data_type);
    let value = match base {
        "Binary" => raw.binary_value.map(|blob| blob.0).unwrap_or_default(),
        "String" | "Number" => Bytes::from(raw.string_value.unwrap_or_default()),
        _ => {
            return Err(refuse(
                "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String".to_owned(),
            ));
        }
    };
    if value.is_empty() {
        return Err(refuse(format!("must contain a non-empty value of type '{base}'")));
    }
    if base != "Binary" {
        // From a String just now.
        let text = std::str::from_utf8(&value).unwrap_or_default();
        if !legal(text) {
            return Err(refuse("has a value with characters that are not allowed".to_owned()));
        }
        if base == "Number" && !is_number(text) {
            return Err(SqsError::invalid(format!(
                "Can't cast the value of message ({whose}) attribute '{name}' to a number."
            )));
        }
    }
    Ok(Attribute { name, data_type, value })
}

/// What is wrong with a name. Letters of any script pass, as they do at the service although its documentation says otherwise.
fn name_fault(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let reserved = |prefix: &str| lower.starts_with(prefix);
    if name.is_empty() {
        Some("it is empty")
    } else if name.chars().count() > NAME_CHARS_MAX {
        Some("it has more than 256 characters")
    } else if !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.')) {
        Some("it can contain letters, digits, hyphens, underscores and periods only")
    } else if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        Some("a period can neither begin nor end it nor follow another one")
    } else if reserved("aws.") || reserved("amazon.") {
        Some("it must not begin with AWS. or Amazon.")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(data_type: &str, text: &str) -> AttributeValue {
        AttributeValue { string_value: Some(text.into()), data_type: Some(data_type.into()), binary_value: None }
    }

    fn one(name: &str, value: AttributeValue) -> Result<Vec<Attribute>, SqsError> {
        check_attributes(BTreeMap::from([(name.to_owned(), value)]))
    }

    #[test]
    fn good_ones_come_back_as_sent() {
        for (name, data_type, text) in [
            ("a", "String", "x"),
            ("A.b-c_9", "String.label.more", "ä\t"),
            ("ø", "Number", "-1.5"),
            ("n", "Number.int", "007"),
        ] {
            let checked = one(name, value(data_type, text)).unwrap();
            assert_eq!(checked, [Attribute::text(name, data_type, text)]);
            assert_eq!(checked[0].to_wire(), value(data_type, text));
        }
        let blob = AttributeValue {
            binary_value: Some(Blob(Bytes::from_static(b"\0\xff"))),
            data_type: Some("Binary.png".into()),
            string_value: None,
        };
        let checked = one("b", blob.clone()).unwrap();
        assert!(checked[0].is_binary());
        assert_eq!(checked[0].to_wire(), blob);
    }

    #[test]
    fn an_empty_value_is_refused_with_the_services_text() {
        assert_eq!(
            one("ErrorDetails", value("String", "")).unwrap_err().message,
            "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'."
        );
        assert_eq!(
            one("b", AttributeValue { data_type: Some("Binary".into()), ..AttributeValue::default() })
                .unwrap_err()
                .message,
            "Message (user) attribute 'b' must contain a non-empty value of type 'Binary'."
        );
    }

    #[test]
    fn bad_ones() {
        for name in ["", ".a", "a.", "a..b", "aws.x", "AWS.x", "Amazon.x", "a b", "a/b", &"x".repeat(257)] {
            assert!(one(name, value("String", "x")).is_err(), "{name:?}");
        }
        for (data_type, text) in [
            ("", "x"),
            ("string", "x"),
            ("Text", "x"),
            (".String", "x"),
            ("Number", "abc"),
            ("String", "\u{1}"),
            (&*format!("String.{}", "x".repeat(256)), "x"),
        ] {
            let error = one("a", value(data_type, text)).unwrap_err();
            assert_eq!(error.kind, crate::ErrorKind::InvalidParameterValue, "{data_type:?} {text:?}");
        }
        let eleven: RawAttributes = (0..11).map(|i| (format!("a{i}"), value("String", "x"))).collect();
        assert_eq!(
            check_attributes(eleven).unwrap_err().message,
            "Number of message attributes [11] exceeds the allowed maximum [10]."
        );
    }

    #[test]
    fn of_the_system_attributes_only_the_trace_header_can_be_sent() {
        let system = |name: &str, v| check_system(BTreeMap::from([(name.to_owned(), v)]));
        assert_eq!(system("AWSTraceHeader", value("String", "Root=1")).unwrap().len(), 1);
        assert!(system("AWSTraceHeader", value("Number", "1")).is_err());
        assert!(system("SenderId", value("String", "x")).is_err());
    }
}
