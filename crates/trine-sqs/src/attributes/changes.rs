//! Attributes as a request gives them → checked values.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    AttributeName, Kind,
    redrive::{RedriveAllowPolicy, RedrivePolicy},
};
use crate::{ErrorKind, SqsError, error::shorten, message};

/// Longest policy document in bytes.
const DOCUMENT_BYTES_MAX: usize = 20_480;
/// Longest other text in bytes: a key's ARN is far shorter.
const TEXT_BYTES_MAX: usize = 2048;

/// A checked value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    Number(u64),
    Flag(bool),
    Text(String),
    Redrive(RedrivePolicy),
    RedriveAllow(RedriveAllowPolicy),
    Removed,
}

/// Checked attributes, each at most once.
pub(crate) type Changes = BTreeMap<AttributeName, Value>;

/// Checks names and values given for a queue; what needs to look at other queues is left to [`super::apply`]. `create` allows what is fixed afterwards.
pub(crate) fn parse_changes(raw: &BTreeMap<String, String>, fifo: bool, create: bool) -> Result<Changes, SqsError> {
    let mut changes = Changes::new();
    for (name, text) in raw {
        let Some(attribute) = AttributeName::parse(name) else {
            return Err(SqsError::unknown_attribute(&shorten(name)));
        };
        if let Some(value) = parse(attribute, text, fifo, create)? {
            changes.insert(attribute, value);
        }
    }
    check_encryption(&changes)?;
    Ok(changes)
}

/// A value, or nothing if it says what is so anyway.
fn parse(attribute: AttributeName, text: &str, fifo: bool, create: bool) -> Result<Option<Value>, SqsError> {
    let spec = attribute.spec();
    let wrong = || SqsError::attribute_value(spec.text);
    if spec.fifo_only && !fifo {
        return Err(match attribute {
            AttributeName::DeduplicationScope | AttributeName::FifoThroughputLimit => SqsError::new(
                ErrorKind::InvalidAttributeName,
                format!("You can specify the {} only when FifoQueue is set to true.", spec.text),
            ),
            _ => SqsError::unknown_attribute(spec.text),
        });
    }
    let value = match spec.kind {
        Kind::ReadOnly => return Err(SqsError::unknown_attribute(spec.text)),
        Kind::Number { min, max } => {
            let number = text.trim().parse().ok().filter(|n| (min..=max).contains(n)).ok_or_else(wrong)?;
            Value::Number(number)
        }
        Kind::Flag => Value::Flag(match text {
            "true" | "True" => true,
            "false" | "False" => false,
            _ => return Err(wrong()),
        }),
        Kind::Choice(choices) => match choices.iter().find(|choice| **choice == text) {
            Some(choice) => Value::Text((*choice).to_owned()),
            None => return Err(wrong()),
        },
        Kind::Text | Kind::Document if text.is_empty() => Value::Removed,
        Kind::Text => {
            if text.len() > TEXT_BYTES_MAX || !message::legal(text) {
                return Err(wrong());
            }
            Value::Text(text.to_owned())
        }
        Kind::Document if text.len() > DOCUMENT_BYTES_MAX => return Err(wrong()),
        Kind::Document => match attribute {
            AttributeName::RedrivePolicy => Value::Redrive(RedrivePolicy::parse(text)?),
            AttributeName::RedriveAllowPolicy => Value::RedriveAllow(RedriveAllowPolicy::parse(text)?),
            _ => match serde_json::from_str::<Json>(text) {
                Ok(Json::Object(_)) if message::legal(text) => Value::Text(text.to_owned()),
                _ => return Err(wrong()),
            },
        },
    };
    if attribute == AttributeName::FifoQueue && !create {
        return match value {
            Value::Flag(true) => Ok(None),
            _ => Err(SqsError::new(
                ErrorKind::InvalidAttributeValue,
                "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
            )),
        };
    }
    Ok(Some(value))
}

/// Messages are encrypted one way or the other, as far as the attributes say.
fn check_encryption(changes: &Changes) -> Result<(), SqsError> {
    let kms = matches!(changes.get(&AttributeName::KmsMasterKeyId), Some(Value::Text(_)));
    let managed = changes.get(&AttributeName::SqsManagedSseEnabled) == Some(&Value::Flag(true));
    if kms && managed {
        return Err(SqsError::new(
            ErrorKind::InvalidAttributeName,
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str, fifo: bool, create: bool) -> Result<Changes, SqsError> {
        parse_changes(&BTreeMap::from([(name.to_owned(), value.to_owned())]), fifo, create)
    }

    #[test]
    fn every_number_takes_its_range_and_nothing_else() {
        for spec in AttributeName::TABLE {
            let Kind::Number { min, max } = spec.kind else { continue };
            for good in [min, max] {
                assert_eq!(one(spec.text, &good.to_string(), false, true).unwrap()[&spec.name], Value::Number(good));
            }
            let mut bad = vec![(max + 1).to_string(), "-1".into(), "x".into(), String::new(), "1.5".into()];
            bad.extend(min.checked_sub(1).map(|n| n.to_string()));
            for bad in bad {
                let error = one(spec.text, &bad, false, true).unwrap_err();
                assert_eq!(error.kind, ErrorKind::InvalidAttributeValue);
                assert_eq!(error.message, format!("Invalid value for the parameter {}.", spec.text));
            }
        }
    }

    #[test]
    fn names_nobody_knows_or_may_set() {
        for name in ["Nonsense", "QueueArn", "CreatedTimestamp", "ApproximateNumberOfMessages", "All"] {
            let error = one(name, "1", false, false).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidAttributeName);
            assert_eq!(error.message, format!("Unknown Attribute {name}."));
        }
    }

    #[test]
    fn attributes_of_fifo_queues_on_a_standard_queue() {
        for (name, value, text) in [
            ("FifoQueue", "true", "Unknown Attribute FifoQueue."),
            ("FifoQueue", "false", "Unknown Attribute FifoQueue."),
            ("ContentBasedDeduplication", "false", "Unknown Attribute ContentBasedDeduplication."),
            (
                "DeduplicationScope",
                "queue",
                "You can specify the DeduplicationScope only when FifoQueue is set to true.",
            ),
            (
                "FifoThroughputLimit",
                "perQueue",
                "You can specify the FifoThroughputLimit only when FifoQueue is set to true.",
            ),
        ] {
            let error = one(name, value, false, false).unwrap_err();
            assert_eq!((error.kind, &*error.message), (ErrorKind::InvalidAttributeName, text));
        }
    }

    #[test]
    fn the_type_of_a_queue_is_fixed() {
        assert!(one("FifoQueue", "true", true, false).unwrap().is_empty());
        assert_eq!(
            one("FifoQueue", "False", true, false).unwrap_err().message,
            "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
        );
        assert_eq!(one("FifoQueue", "True", true, true).unwrap()[&AttributeName::FifoQueue], Value::Flag(true));
    }

    #[test]
    fn flags_choices_and_documents() {
        assert_eq!(
            one("SqsManagedSseEnabled", "False", false, false).unwrap()[&AttributeName::SqsManagedSseEnabled],
            Value::Flag(false)
        );
        assert!(one("SqsManagedSseEnabled", "yes", false, false).is_err());
        assert!(one("DeduplicationScope", "group", true, false).is_err());
        assert!(one("DeduplicationScope", "messageGroup", true, false).is_ok());
        for name in ["Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"] {
            let changes = one(name, "", false, false).unwrap();
            assert_eq!(changes.values().collect::<Vec<_>>(), [&Value::Removed]);
        }
        assert!(one("Policy", "{\"Version\":\"2012-10-17\"}", false, false).is_ok());
        for bad in ["x", "[]", "1", "{\"a\":"] {
            assert_eq!(
                one("Policy", bad, false, false).unwrap_err().message,
                "Invalid value for the parameter Policy."
            );
        }
    }

    #[test]
    fn one_kind_of_encryption() {
        let both = BTreeMap::from([
            ("KmsMasterKeyId".to_owned(), "key".to_owned()),
            ("SqsManagedSseEnabled".to_owned(), "true".to_owned()),
        ]);
        assert_eq!(
            parse_changes(&both, false, false).unwrap_err().message,
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
        );
    }
}
