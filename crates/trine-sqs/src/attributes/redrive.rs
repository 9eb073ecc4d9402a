//! RedrivePolicy and RedriveAllowPolicy: JSON inside a text (reference/sqs.md §5, §6.7).

use serde_json::{Map, Value as Json, json};

use crate::{SqsError, error::shorten, name::Place};

/// Greatest maxReceiveCount.
const RECEIVES_MAX: u64 = 1000;
/// Most source queues a RedriveAllowPolicy names.
const SOURCES_MAX: usize = 10;

/// Where messages go that were received too often.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct RedrivePolicy {
    /// The dead-letter queue.
    pub(crate) target_arn: String,
    /// Deliveries before a message goes there.
    pub(crate) max_receives: u32,
    /// The document, as it is shown: as given, the count a number.
    pub(crate) text: String,
}

impl RedrivePolicy {
    /// Reads the document.
    pub(crate) fn parse(text: &str) -> Result<Self, SqsError> {
        let refuse = |reason: &str| SqsError::parameter(shorten(text), "RedrivePolicy", reason);
        let Ok(Json::Object(mut document)) = serde_json::from_str(text) else {
            return Err(refuse("Redrive policy is not a valid JSON map."));
        };
        let mandatory = |name: &str| refuse(&format!("Redrive policy does not contain mandatory attribute: {name}."));
        let target = document.get("deadLetterTargetArn").ok_or_else(|| mandatory("deadLetterTargetArn"))?;
        let count = document.get("maxReceiveCount").ok_or_else(|| mandatory("maxReceiveCount"))?;
        let (shown, number) = match count {
            Json::String(text) => (text.clone(), text.trim().parse().ok()),
            other => (other.to_string(), other.as_u64()),
        };
        let max_receives =
            number.filter(|n| (1..=RECEIVES_MAX).contains(n)).and_then(|n| u32::try_from(n).ok()).ok_or_else(|| {
                refuse(&format!(
                    "Invalid value for maxReceiveCount: {}, valid values are from 1 to {RECEIVES_MAX} both inclusive.",
                    shorten(&shown)
                ))
            })?;
        let target_arn = match target {
            Json::String(arn) if Place::of_arn(arn).is_some() => arn.clone(),
            _ => return Err(refuse("Invalid value for deadLetterTargetArn.")),
        };
        document.insert("maxReceiveCount".to_owned(), json!(max_receives));
        Ok(Self { target_arn, max_receives, text: Json::Object(document).to_string() })
    }

    /// The document of a setting that was not made with one.
    pub(crate) fn of(target_arn: String, max_receives: u32) -> Self {
        let text = json!({ "deadLetterTargetArn": target_arn, "maxReceiveCount": max_receives }).to_string();
        Self { target_arn, max_receives, text }
    }
}

/// Which queues may name this one as their dead-letter queue.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct RedriveAllowPolicy {
    /// The rule.
    pub(crate) permission: RedrivePermission,
    /// The document, as given.
    pub(crate) text: String,
}

/// The rule of a RedriveAllowPolicy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum RedrivePermission {
    AllowAll,
    DenyAll,
    /// Only queues with these ARNs.
    ByQueue(Vec<String>),
}

impl RedriveAllowPolicy {
    /// Reads the document.
    pub(crate) fn parse(text: &str) -> Result<Self, SqsError> {
        let refuse = |reason: &str| SqsError::parameter(shorten(text), "RedriveAllowPolicy", reason);
        let Ok(Json::Object(document)) = serde_json::from_str(text) else {
            return Err(refuse("Redrive allow policy is not a valid JSON map."));
        };
        let sources = sources(&document).ok_or_else(|| refuse("Invalid value for sourceQueueArns."))?;
        let permission = match document.get("redrivePermission").and_then(Json::as_str) {
            Some("allowAll") => RedrivePermission::AllowAll,
            Some("denyAll") => RedrivePermission::DenyAll,
            Some("byQueue") if sources.is_empty() => {
                return Err(refuse("Redrive allow policy does not contain mandatory attribute: sourceQueueArns."));
            }
            Some("byQueue") if sources.len() > SOURCES_MAX => {
                return Err(refuse(&format!("sourceQueueArns can name at most {SOURCES_MAX} queues.")));
            }
            Some("byQueue") => {
                let permission = RedrivePermission::ByQueue(sources);
                return Ok(Self { permission, text: text.to_owned() });
            }
            Some(_) => return Err(refuse("Invalid value for redrivePermission.")),
            None => {
                return Err(refuse("Redrive allow policy does not contain mandatory attribute: redrivePermission."));
            }
        };
        if !sources.is_empty() {
            return Err(refuse("sourceQueueArns can be given only when redrivePermission is byQueue."));
        }
        Ok(Self { permission, text: text.to_owned() })
    }

    /// The document of a setting that was not made with one.
    pub(crate) fn of(permission: RedrivePermission) -> Self {
        let text = match &permission {
            RedrivePermission::AllowAll => json!({ "redrivePermission": "allowAll" }),
            RedrivePermission::DenyAll => json!({ "redrivePermission": "denyAll" }),
            RedrivePermission::ByQueue(arns) => json!({ "redrivePermission": "byQueue", "sourceQueueArns": arns }),
        };
        Self { permission, text: text.to_string() }
    }
}

/// The ARNs in `sourceQueueArns`; absent is none; `None` if one is no ARN.
fn sources(document: &Map<String, Json>) -> Option<Vec<String>> {
    match document.get("sourceQueueArns") {
        None => Some(Vec::new()),
        Some(Json::Array(arns)) => {
            arns.iter().map(|arn| arn.as_str().filter(|arn| Place::of_arn(arn).is_some()).map(str::to_owned)).collect()
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:dlq";

    #[test]
    fn a_count_given_as_text_is_returned_as_a_number() {
        let policy =
            RedrivePolicy::parse(&format!(r#"{{"deadLetterTargetArn":"{ARN}","maxReceiveCount":"3"}}"#)).unwrap();
        assert_eq!((policy.target_arn.as_str(), policy.max_receives), (ARN, 3));
        assert_eq!(policy.text, format!(r#"{{"deadLetterTargetArn":"{ARN}","maxReceiveCount":3}}"#));
        assert_eq!(RedrivePolicy::of(ARN.to_owned(), 3), policy);
    }

    #[test]
    fn refused_redrive_policies() {
        let text = |document: &str| RedrivePolicy::parse(document).unwrap_err().message;
        for count in ["0", "1001", "\"x\"", "-1", "1.5", "null"] {
            let document = format!(r#"{{"deadLetterTargetArn":"{ARN}","maxReceiveCount":{count}}}"#);
            let shown = count.trim_matches('"');
            assert_eq!(
                text(&document),
                format!(
                    "Value {document} for parameter RedrivePolicy is invalid. Reason: Invalid value for maxReceiveCount: {shown}, valid values are from \
                     1 to 1000 both inclusive."
                )
            );
        }
        assert!(text("x").ends_with("Redrive policy is not a valid JSON map."));
        assert!(text("{\"maxReceiveCount\":1}").ends_with("mandatory attribute: deadLetterTargetArn."));
        assert!(
            text(&format!("{{\"deadLetterTargetArn\":\"{ARN}\"}}")).ends_with("mandatory attribute: maxReceiveCount.")
        );
        assert!(
            text("{\"maxReceiveCount\":1,\"deadLetterTargetArn\":\"q\"}")
                .ends_with("Invalid value for deadLetterTargetArn.")
        );
    }

    #[test]
    fn who_may_use_this_queue() {
        let parse = |document: &str| RedriveAllowPolicy::parse(document);
        assert_eq!(parse("{\"redrivePermission\":\"denyAll\"}").unwrap().permission, RedrivePermission::DenyAll);
        let by_queue = format!("{{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"{ARN}\"]}}");
        let policy = parse(&by_queue).unwrap();
        assert_eq!(policy.permission, RedrivePermission::ByQueue(vec![ARN.to_owned()]));
        assert_eq!(policy.text, by_queue);
        assert_eq!(RedriveAllowPolicy::of(policy.permission.clone()), policy);
        let eleven = format!("{{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":{}}}", json!(vec![ARN; 11]));
        for bad in [
            "x",
            "{}",
            "{\"redrivePermission\":\"some\"}",
            "{\"redrivePermission\":\"byQueue\"}",
            "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"q\"]}",
            &format!("{{\"redrivePermission\":\"allowAll\",\"sourceQueueArns\":[\"{ARN}\"]}}"),
            &eleven,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
