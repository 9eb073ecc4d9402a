//! Attributes ⇄ the broker's settings. What only this protocol knows is kept in `settings.attributes`, which the broker does not read.

use std::sync::Arc;

use serde_json::Value as Json;
use trine_core::queues::{DeadLetter, DedupScope, QueueSettings, RedriveAllow};
use trine_types::QueueName;

use super::{
    AttributeName, Changes,
    changes::Value,
    redrive::{RedriveAllowPolicy, RedrivePermission, RedrivePolicy},
};
use crate::{ErrorKind, SqsError, error::shorten};

/// Most messages in flight in a queue (reference/sqs.md §6.6).
const IN_FLIGHT_MAX: u64 = 120_000;
/// Before the names of this protocol's own attributes in `settings.attributes`.
const OWN_PREFIX: &str = "sqs.";
const MS_PER_S: u64 = 1000;
/// The scope of deduplication ids that includes the group.
const PER_GROUP: &str = "messageGroup";

/// Other queues of the same namespace, as far as a policy needs to know them.
pub(crate) trait Others {
    /// The name of the queue an ARN names, if it can be in this namespace.
    fn name_of(&self, arn: &str) -> Option<QueueName>;
    /// A queue's settings.
    fn settings(&self, name: &QueueName) -> Option<Arc<QueueSettings>>;
    /// A queue's ARN.
    fn arn_of(&self, name: &QueueName) -> String;
}

/// Settings of a queue that was created without attributes.
pub(crate) fn new_settings(fifo: bool) -> QueueSettings {
    QueueSettings { fifo, in_flight_max: IN_FLIGHT_MAX, ..QueueSettings::default() }
}

/// Writes checked attributes into settings, all or none: on an error the settings are to be thrown away. `own` is the queue's name; `create` is for one
/// that is being made.
pub(crate) fn apply(
    changes: &Changes,
    settings: &mut QueueSettings,
    own: &QueueName,
    others: &dyn Others,
    create: bool,
) -> Result<(), SqsError> {
    for (name, value) in changes {
        match (name, value) {
            (AttributeName::DelaySeconds, Value::Number(n)) => settings.delay_ms = n * MS_PER_S,
            (AttributeName::MaximumMessageSize, Value::Number(n)) => settings.max_message_bytes = *n,
            (AttributeName::MessageRetentionPeriod, Value::Number(n)) => settings.retention_ms = n * MS_PER_S,
            (AttributeName::ReceiveMessageWaitTimeSeconds, Value::Number(n)) => settings.receive_wait_ms = n * MS_PER_S,
            (AttributeName::VisibilityTimeout, Value::Number(n)) => settings.visibility_ms = n * MS_PER_S,
            (AttributeName::FifoQueue, Value::Flag(fifo)) => settings.fifo = *fifo,
            (AttributeName::ContentBasedDeduplication, Value::Flag(on)) => settings.content_dedup = *on,
            (AttributeName::DeduplicationScope, Value::Text(scope)) => {
                if create {
                    settings.dedup_scope = if scope == PER_GROUP { DedupScope::Group } else { DedupScope::Queue };
                } else {
                    // Shown, and without effect: the service goes by what the queue was made with.
                    put(settings, *name, (scope != scope_of(settings)).then(|| scope.clone()));
                }
            }
            (AttributeName::RedrivePolicy, Value::Redrive(policy)) => {
                settings.dead_letter = Some(dead_letter(policy, settings.fifo, own, others)?);
                put(settings, *name, Some(policy.text.clone()));
            }
            (AttributeName::RedrivePolicy, _) => {
                settings.dead_letter = None;
                put(settings, *name, None);
            }
            (AttributeName::RedriveAllowPolicy, Value::RedriveAllow(policy)) => {
                settings.redrive_allow = match &policy.permission {
                    RedrivePermission::AllowAll => RedriveAllow::All,
                    RedrivePermission::DenyAll => RedriveAllow::None,
                    RedrivePermission::ByQueue(arns) => {
                        RedriveAllow::From(arns.iter().filter_map(|arn| others.name_of(arn)).collect())
                    }
                };
                put(settings, *name, Some(policy.text.clone()));
            }
            (AttributeName::RedriveAllowPolicy, _) => {
                settings.redrive_allow = RedriveAllow::All;
                put(settings, *name, None);
            }
            (_, Value::Removed) => put(settings, *name, None),
            (_, Value::Text(text)) => put(settings, *name, Some(text.clone())),
            (_, Value::Number(n)) => put(settings, *name, Some(n.to_string())),
            (_, Value::Flag(flag)) => put(settings, *name, Some(flag.to_string())),
            // Policies have names of their own, above.
            (_, Value::Redrive(_) | Value::RedriveAllow(_)) => {}
        }
    }
    check_whole(changes, settings)
}

/// Rules about several attributes at once.
fn check_whole(changes: &Changes, settings: &mut QueueSettings) -> Result<(), SqsError> {
    // A key turns the service's own encryption off; taking the key away does not turn it on again.
    if matches!(changes.get(&AttributeName::KmsMasterKeyId), Some(Value::Text(_))) {
        put(settings, AttributeName::SqsManagedSseEnabled, Some("false".to_owned()));
    } else if changes.get(&AttributeName::SqsManagedSseEnabled) == Some(&Value::Flag(true)) {
        put(settings, AttributeName::KmsMasterKeyId, None);
    }
    let per_group = own(settings, AttributeName::FifoThroughputLimit) == Some("perMessageGroupId");
    if per_group && shown_scope(settings) != PER_GROUP {
        let given = if changes.contains_key(&AttributeName::FifoThroughputLimit) {
            AttributeName::FifoThroughputLimit
        } else {
            AttributeName::DeduplicationScope
        };
        return Err(SqsError::new(
            ErrorKind::InvalidAttributeValue,
            format!(
                "Invalid value for the parameter {}. Reason: FifoThroughputLimit can be perMessageGroupId only when DeduplicationScope is messageGroup.",
                given.as_str()
            ),
        ));
    }
    Ok(())
}

fn dead_letter(
    policy: &RedrivePolicy,
    fifo: bool,
    own: &QueueName,
    others: &dyn Others,
) -> Result<DeadLetter, SqsError> {
    let refuse = |reason: &str| SqsError::parameter(shorten(&policy.text), "RedrivePolicy", reason);
    let target = others
        .name_of(&policy.target_arn)
        .ok_or_else(|| refuse("Dead letter queue must belong to the same account as the source queue."))?;
    let settings = others.settings(&target).ok_or_else(SqsError::no_queue)?;
    // A queue may name itself, as with the service; nothing is moved then.
    if settings.fifo != fifo {
        return Err(refuse("Dead letter queue must be the same type of queue as the source queue."));
    }
    let allowed = match &settings.redrive_allow {
        RedriveAllow::All => true,
        RedriveAllow::None => false,
        RedriveAllow::From(sources) => sources.contains(own),
    };
    if !allowed {
        return Err(refuse("The RedriveAllowPolicy of the dead letter queue does not allow this source queue."));
    }
    Ok(DeadLetter { target, max_receives: policy.max_receives })
}

/// The scope deduplication ids have, as the protocol calls it.
const fn scope_of(settings: &QueueSettings) -> &'static str {
    match settings.dedup_scope {
        DedupScope::Queue => "queue",
        DedupScope::Group => PER_GROUP,
    }
}

/// The scope that is shown: what was set last, whether or not it has an effect.
fn shown_scope(settings: &QueueSettings) -> &str {
    own(settings, AttributeName::DeduplicationScope).unwrap_or_else(|| scope_of(settings))
}

fn own_key(name: AttributeName) -> String {
    format!("{OWN_PREFIX}{}", name.as_str())
}

fn own(settings: &QueueSettings, name: AttributeName) -> Option<&str> {
    settings.attributes.get(&own_key(name)).map(String::as_str)
}

fn put(settings: &mut QueueSettings, name: AttributeName, value: Option<String>) {
    match value {
        Some(value) => settings.attributes.insert(own_key(name), value),
        None => settings.attributes.remove(&own_key(name)),
    };
}

/// The queue's access policy.
pub(crate) fn policy(settings: &QueueSettings) -> Option<&str> {
    own(settings, AttributeName::Policy)
}

/// Replaces the queue's access policy.
pub(crate) fn set_policy(settings: &mut QueueSettings, policy: Option<String>) {
    put(settings, AttributeName::Policy, policy);
}

/// What an attribute of settings shows; `None` for one that does not apply, is not set, or is not a setting.
pub(crate) fn show(settings: &QueueSettings, name: AttributeName, others: &dyn Others) -> Option<String> {
    if name.spec().fifo_only && !settings.fifo {
        return None;
    }
    let seconds = |ms: u64| Some((ms / MS_PER_S).to_string());
    let kept = || own(settings, name).map(str::to_owned);
    match name {
        AttributeName::DelaySeconds => seconds(settings.delay_ms),
        AttributeName::MaximumMessageSize => Some(settings.max_message_bytes.to_string()),
        AttributeName::MessageRetentionPeriod => seconds(settings.retention_ms),
        AttributeName::ReceiveMessageWaitTimeSeconds => seconds(settings.receive_wait_ms),
        AttributeName::VisibilityTimeout => seconds(settings.visibility_ms),
        AttributeName::FifoQueue => Some(settings.fifo.to_string()),
        AttributeName::ContentBasedDeduplication => Some(settings.content_dedup.to_string()),
        AttributeName::DeduplicationScope => Some(shown_scope(settings).to_owned()),
        AttributeName::RedrivePolicy => redrive_policy(settings, others),
        AttributeName::RedriveAllowPolicy => redrive_allow_policy(settings, others),
        AttributeName::KmsDataKeyReusePeriodSeconds => {
            let keyed = own(settings, AttributeName::KmsMasterKeyId).is_some();
            let kept = kept().filter(|kept| keyed || kept != KEY_REUSE_DEFAULT);
            kept.or_else(|| keyed.then(|| KEY_REUSE_DEFAULT.to_owned()))
        }
        AttributeName::SqsManagedSseEnabled | AttributeName::FifoThroughputLimit => {
            Some(kept().unwrap_or_else(|| name.spec().default.to_owned()))
        }
        AttributeName::Policy | AttributeName::KmsMasterKeyId => kept(),
        AttributeName::ApproximateNumberOfMessages
        | AttributeName::ApproximateNumberOfMessagesNotVisible
        | AttributeName::ApproximateNumberOfMessagesDelayed
        | AttributeName::CreatedTimestamp
        | AttributeName::LastModifiedTimestamp
        | AttributeName::QueueArn => None,
    }
}

/// Seconds a data key is used, shown when a key is set and this is not.
const KEY_REUSE_DEFAULT: &str = "300";

/// The document as it was given, unless the setting has been changed since by other means.
fn redrive_policy(settings: &QueueSettings, others: &dyn Others) -> Option<String> {
    let setting = settings.dead_letter.as_ref()?;
    let given = own(settings, AttributeName::RedrivePolicy).and_then(|text| RedrivePolicy::parse(text).ok());
    let current = given.filter(|policy| {
        policy.max_receives == setting.max_receives
            && others.name_of(&policy.target_arn).as_ref() == Some(&setting.target)
    });
    let policy = current.unwrap_or_else(|| RedrivePolicy::of(others.arn_of(&setting.target), setting.max_receives));
    Some(policy.text)
}

fn redrive_allow_policy(settings: &QueueSettings, others: &dyn Others) -> Option<String> {
    let given = own(settings, AttributeName::RedriveAllowPolicy).and_then(|text| RedriveAllowPolicy::parse(text).ok());
    let names = |arns: &[String]| arns.iter().filter_map(|arn| others.name_of(arn)).collect::<Vec<_>>();
    let agrees = |policy: &RedriveAllowPolicy| match (&policy.permission, &settings.redrive_allow) {
        (RedrivePermission::AllowAll, RedriveAllow::All) | (RedrivePermission::DenyAll, RedriveAllow::None) => true,
        (RedrivePermission::ByQueue(arns), RedriveAllow::From(sources)) => names(arns) == *sources,
        _ => false,
    };
    if let Some(policy) = given.filter(agrees) {
        return Some(policy.text);
    }
    let permission = match &settings.redrive_allow {
        // What every queue has from the start is shown only if somebody said so.
        RedriveAllow::All => return None,
        RedriveAllow::None => RedrivePermission::DenyAll,
        RedriveAllow::From(sources) => {
            RedrivePermission::ByQueue(sources.iter().map(|name| others.arn_of(name)).collect())
        }
    };
    Some(RedriveAllowPolicy::of(permission).text)
}

/// CreateQueue on a queue that exists: the first attribute given whose value is not the queue's. Only what is given is compared, documents by content.
pub(crate) fn differs(changes: &Changes, settings: &QueueSettings, others: &dyn Others) -> Option<AttributeName> {
    changes.iter().find(|(name, value)| !same(**name, value, settings, others)).map(|(name, _)| *name)
}

fn same(name: AttributeName, value: &Value, settings: &QueueSettings, others: &dyn Others) -> bool {
    let shown = show(settings, name, others);
    match value {
        Value::Number(n) => shown == Some(n.to_string()),
        Value::Flag(flag) => shown == Some(flag.to_string()),
        Value::Removed => shown.is_none(),
        Value::Text(text) if name == AttributeName::Policy => same_document(Some(text), shown.as_deref()),
        Value::Text(text) => shown.as_ref() == Some(text),
        Value::Redrive(policy) => same_document(Some(&policy.text), shown.as_deref()),
        Value::RedriveAllow(policy) => {
            // Saying that everybody may is the same as saying nothing.
            (policy.permission == RedrivePermission::AllowAll && settings.redrive_allow == RedriveAllow::All)
                || same_document(Some(&policy.text), shown.as_deref())
        }
    }
}

fn same_document(a: Option<&str>, b: Option<&str>) -> bool {
    let read = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Json>(text).ok());
    read(a) == read(b)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{attributes::parse_changes, name};

    /// A namespace with one standard queue, one FIFO queue and one that nobody may use.
    struct Few;

    impl Others for Few {
        fn name_of(&self, arn: &str) -> Option<QueueName> {
            let place = name::Place::of_arn(arn)?;
            (place.account == Some("000000000000")).then(|| QueueName::parse(place.name).ok()).flatten()
        }
        fn settings(&self, name: &QueueName) -> Option<Arc<QueueSettings>> {
            let mut settings = new_settings(name.as_str().ends_with(".fifo"));
            match name.as_str() {
                "dlq" | "dlq.fifo" | "q" => {}
                "closed" => settings.redrive_allow = RedriveAllow::None,
                "some" => settings.redrive_allow = RedriveAllow::From(vec![QueueName::parse("q").unwrap()]),
                _ => return None,
            }
            Some(Arc::new(settings))
        }
        fn arn_of(&self, name: &QueueName) -> String {
            name::arn("us-east-1", "000000000000", name.as_str())
        }
    }

    fn changes(pairs: &[(&str, &str)], fifo: bool) -> Changes {
        let raw: BTreeMap<_, _> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        parse_changes(&raw, fifo, true).unwrap()
    }

    fn set(settings: &mut QueueSettings, pairs: &[(&str, &str)]) -> Result<(), SqsError> {
        let own = QueueName::parse("q").unwrap();
        apply(&changes(pairs, settings.fifo), settings, &own, &Few, false)
    }

    fn made(pairs: &[(&str, &str)]) -> QueueSettings {
        let (own, mut settings) = (QueueName::parse("q").unwrap(), new_settings(true));
        apply(&changes(pairs, true), &mut settings, &own, &Few, true).unwrap();
        settings
    }

    fn shown(settings: &QueueSettings) -> BTreeMap<&'static str, String> {
        AttributeName::TABLE.iter().filter_map(|s| Some((s.text, show(settings, s.name, &Few)?))).collect()
    }

    fn redrive(target: &str) -> String {
        format!(
            "{{\"maxReceiveCount\": \"3\", \"deadLetterTargetArn\": \"arn:aws:sqs:eu-west-1:000000000000:{target}\"}}"
        )
    }

    #[test]
    fn a_new_queue_shows_the_tables_defaults() {
        for fifo in [false, true] {
            let shown = shown(&new_settings(fifo));
            let table: BTreeMap<_, _> = AttributeName::TABLE
                .iter()
                .filter(|s| s.kind != super::super::Kind::ReadOnly && !s.default.is_empty() && (fifo || !s.fifo_only))
                .map(|s| (s.text, s.default.to_owned()))
                .collect();
            assert_eq!(shown, table);
        }
    }

    #[test]
    fn what_is_set_is_shown() {
        let mut settings = new_settings(true);
        let pairs = [
            ("DelaySeconds", "5"),
            ("MaximumMessageSize", "2048"),
            ("MessageRetentionPeriod", "60"),
            ("ReceiveMessageWaitTimeSeconds", "20"),
            ("VisibilityTimeout", "0"),
            ("Policy", "{\"a\": 1}"),
            ("ContentBasedDeduplication", "true"),
            ("DeduplicationScope", "messageGroup"),
            ("FifoThroughputLimit", "perMessageGroupId"),
            ("KmsMasterKeyId", "key"),
        ];
        set(&mut settings, &pairs).unwrap();
        let shown = shown(&settings);
        for (name, value) in pairs {
            assert_eq!(shown[name], value, "{name}");
        }
        assert_eq!(shown["SqsManagedSseEnabled"], "false");
        assert_eq!(shown["KmsDataKeyReusePeriodSeconds"], "300");
        set(&mut settings, &[("Policy", ""), ("KmsMasterKeyId", "")]).unwrap();
        assert!(show(&settings, AttributeName::Policy, &Few).is_none());
        assert_eq!(show(&settings, AttributeName::SqsManagedSseEnabled, &Few).as_deref(), Some("false"));
    }

    #[test]
    fn a_redrive_policy_is_returned_as_given_until_the_setting_changes() {
        let mut settings = new_settings(false);
        set(&mut settings, &[("RedrivePolicy", &redrive("dlq"))]).unwrap();
        let text = show(&settings, AttributeName::RedrivePolicy, &Few).unwrap();
        let document: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(document["maxReceiveCount"], 3);
        assert_eq!(document["deadLetterTargetArn"], "arn:aws:sqs:eu-west-1:000000000000:dlq");
        settings.dead_letter.as_mut().unwrap().max_receives = 7;
        let text = show(&settings, AttributeName::RedrivePolicy, &Few).unwrap();
        assert_eq!(text, r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dlq","maxReceiveCount":7}"#);
        set(&mut settings, &[("RedrivePolicy", "")]).unwrap();
        assert_eq!((settings.dead_letter.is_none(), show(&settings, AttributeName::RedrivePolicy, &Few)), (true, None));
    }

    #[test]
    fn dead_letter_queues_that_will_not_do() {
        let refused = |target: &str| set(&mut new_settings(false), &[("RedrivePolicy", &redrive(target))]).unwrap_err();
        assert_eq!(refused("nope").kind, ErrorKind::QueueDoesNotExist);
        assert!(refused("dlq.fifo").message.contains("same type"));
        assert!(refused("closed").message.contains("RedriveAllowPolicy"));
        let foreign = redrive("dlq").replace("000000000000", "999999999999");
        let error = set(&mut new_settings(false), &[("RedrivePolicy", &foreign)]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidParameterValue);
        set(&mut new_settings(false), &[("RedrivePolicy", &redrive("some"))]).unwrap();
    }

    #[test]
    fn the_scope_a_queue_was_made_with_counts_and_the_one_set_last_is_shown() {
        for (first, then, scope) in
            [("queue", "messageGroup", DedupScope::Queue), ("messageGroup", "queue", DedupScope::Group)]
        {
            let mut settings = made(&[("DeduplicationScope", first)]);
            for next in [then, first] {
                set(&mut settings, &[("DeduplicationScope", next)]).unwrap();
                assert_eq!(settings.dedup_scope, scope);
                assert_eq!(show(&settings, AttributeName::DeduplicationScope, &Few).as_deref(), Some(next));
            }
        }
    }

    #[test]
    fn throughput_per_group_needs_deduplication_per_group() {
        let mut settings = new_settings(true);
        assert!(set(&mut settings.clone(), &[("FifoThroughputLimit", "perMessageGroupId")]).is_err());
        set(&mut settings, &[("DeduplicationScope", "messageGroup")]).unwrap();
        set(&mut settings, &[("FifoThroughputLimit", "perMessageGroupId")]).unwrap();
        assert!(set(&mut settings, &[("DeduplicationScope", "queue")]).is_err());
    }

    #[test]
    fn creating_again_compares_what_is_given_with_what_is_so() {
        let mut settings = new_settings(false);
        set(
            &mut settings,
            &[("DelaySeconds", "5"), ("RedrivePolicy", &redrive("dlq")), ("Policy", "{\"a\": 1, \"b\": 2}")],
        )
        .unwrap();
        let differs = |pairs: &[(&str, &str)]| differs(&changes(pairs, false), &settings, &Few);
        assert_eq!(differs(&[]), None);
        assert_eq!(differs(&[("DelaySeconds", "5"), ("VisibilityTimeout", "30")]), None);
        assert_eq!(differs(&[("DelaySeconds", "6")]), Some(AttributeName::DelaySeconds));
        assert_eq!(differs(&[("Policy", "{ \"b\":2,\"a\":1 }")]), None);
        assert_eq!(differs(&[("Policy", "{\"a\":1}")]), Some(AttributeName::Policy));
        assert_eq!(differs(&[("RedrivePolicy", &redrive("dlq").replace("\"3\"", "3"))]), None);
        assert_eq!(
            differs(&[("RedrivePolicy", &redrive("dlq").replace("\"3\"", "4"))]),
            Some(AttributeName::RedrivePolicy)
        );
        assert_eq!(differs(&[("RedriveAllowPolicy", "{\"redrivePermission\":\"allowAll\"}")]), None);
        assert_eq!(differs(&[("KmsMasterKeyId", "")]), None);
        assert_eq!(differs(&[("SqsManagedSseEnabled", "false")]), Some(AttributeName::SqsManagedSseEnabled));
    }
}
