//! ReceiveMessage → Messages. One to ten; with a wait, as soon as there is one. Which attributes come along is asked for by name; the checksum of the
//! attributes covers those that are returned.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use trine_aws::{Document, Member};
use trine_broker::{Action, Delivery, Message, QueueRef, Receive, ReceiveError};

use super::visibility;
use crate::{
    SqsError,
    context::Context,
    message::{self, Attribute, AttributeFilter, AttributeValue, Stored, SystemAttribute, SystemSelection},
    names::Names,
    shapes::{ATTRIBUTES, MESSAGE_ATTRIBUTES, list},
    wire::Int,
};

/// Most messages of one receive.
const MESSAGES_MAX: i64 = 10;
/// Longest wait in seconds.
const WAIT_MAX: i64 = 20;

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
    max_number_of_messages: Option<Int>,
    wait_time_seconds: Option<Int>,
    visibility_timeout: Option<Int>,
    // The old name of the next one.
    attribute_names: Option<Vec<String>>,
    message_system_attribute_names: Option<Vec<String>>,
    message_attribute_names: Option<Vec<String>>,
    receive_request_attempt_id: Option<String>,
}

impl Document for Request {
    const SHAPE: &'static [Member] = &[
        list("AttributeNames", &["AttributeName"]),
        list("MessageSystemAttributeNames", &["MessageSystemAttributeName"]),
        list("MessageAttributeNames", &["MessageAttributeName"]),
        Member::or_nothing("MaxNumberOfMessages"),
        Member::or_nothing("WaitTimeSeconds"),
        Member::or_nothing("VisibilityTimeout"),
        Member::or_nothing("ReceiveRequestAttemptId"),
    ];
}

#[derive(Serialize, Debug, Default)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Reply {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) messages: Vec<Shown>,
}

impl Document for Reply {
    const SHAPE: &'static [Member] = &[Member::list_of("Messages", &["Message"], &[ATTRIBUTES, MESSAGE_ATTRIBUTES])];
}

/// A message as a consumer sees it.
#[derive(Serialize, Debug)]
pub(crate) struct Shown {
    #[serde(rename = "MessageId")]
    message_id: String,
    #[serde(rename = "ReceiptHandle")]
    pub(crate) receipt_handle: String,
    #[serde(rename = "MD5OfBody")]
    body_md5: String,
    #[serde(rename = "Body")]
    body: String,
    #[serde(rename = "Attributes", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<&'static str, String>,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_md5: Option<String>,
    #[serde(rename = "MessageAttributes", skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<String, AttributeValue>,
}

/// What of a message is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) system: SystemSelection,
    pub(crate) user: AttributeFilter,
}

impl Wanted {
    /// Everything.
    pub(crate) fn all() -> Self {
        Self { system: SystemSelection::of(["All"]), user: AttributeFilter::of(vec!["All".to_owned()]) }
    }
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Reply, SqsError> {
    let queue = cx.queue(request.queue_url.as_deref(), Action::Receive)?;
    let settings = queue.settings();
    let wait =
        match request.wait_time_seconds {
            Some(seconds) => Duration::from_secs(within(seconds, 0, WAIT_MAX).ok_or_else(|| {
                SqsError::parameter(seconds, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
            })?),
            None => Duration::from_millis(settings.receive_wait_ms),
        };
    let max = match request.max_number_of_messages {
        Some(n) => within(n, 1, MESSAGES_MAX)
            .ok_or_else(|| SqsError::parameter(n, "MaxNumberOfMessages", "Must be between 1 and 10, if provided."))?,
        None => 1,
    };
    let visibility_ms = request.visibility_timeout.map(visibility).transpose()?;
    // Standard queues take no notice of it.
    let attempt_id = request.receive_request_attempt_id.filter(|_| settings.fifo);
    if let Some(id) = &attempt_id {
        message::check_id(id, "ReceiveRequestAttemptId")?;
    }
    let system = request.attribute_names.into_iter().chain(request.message_system_attribute_names).flatten();
    let wanted = Wanted {
        system: SystemSelection::of(system.collect::<Vec<_>>().iter().map(String::as_str)),
        user: AttributeFilter::of(request.message_attribute_names.unwrap_or_default()),
    };
    let receive =
        Receive { max: u16::try_from(max).unwrap_or(1), wait, visibility_ms, attempt_id, consumer: cx.consumer() };
    let deliveries = take(cx, &queue, receive, settings.fifo).await?;
    Ok(Reply {
        messages: deliveries.into_iter().map(|delivery| deliver(cx.names(), &queue, delivery, &wanted)).collect(),
    })
}

/// Receives; a server that is going down answers waiting receives with nothing.
async fn take(cx: &Context<'_>, queue: &QueueRef, receive: Receive, fifo: bool) -> Result<Vec<Delivery>, SqsError> {
    let waits = !receive.wait.is_zero();
    let taken = if waits {
        let mut drain = cx.call.drain.clone();
        tokio::select! {
            // Dropping a receive that waits takes nothing.
            biased;
            taken = cx.queues().receive(queue, receive) => taken,
            () = drain.draining() => return Ok(Vec::new()),
        }
    } else {
        cx.queues().receive(queue, receive).await
    };
    match taken {
        Ok(deliveries) => Ok(deliveries),
        // Only a standard queue's short poll says so (reference/sqs.md §6.6).
        Err(ReceiveError::OverLimit { .. }) if fifo || waits => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn within(value: Int, min: i64, max: i64) -> Option<u64> {
    (min..=max).contains(&value.0).then(|| u64::try_from(value.0).ok()).flatten()
}

fn deliver(names: Names<'_>, queue: &QueueRef, delivery: Delivery, wanted: &Wanted) -> Shown {
    let mut shown = show(names, queue, &delivery.message, wanted);
    shown.receipt_handle = delivery.receipt.to_text();
    let counts = [
        (SystemAttribute::ApproximateReceiveCount, delivery.receive_count.to_string()),
        (SystemAttribute::ApproximateFirstReceiveTimestamp, delivery.first_received_at.0.to_string()),
    ];
    for (name, value) in counts {
        if wanted.system.has(name) {
            shown.attributes.insert(name.as_str(), value);
        }
    }
    shown
}

/// A message without what belongs to a delivery.
pub(crate) fn show(names: Names<'_>, queue: &QueueRef, message: &Message, wanted: &Wanted) -> Shown {
    let (namespace, fifo) = (queue.namespace(), queue.settings().fifo);
    let stored = Stored::of(&message.headers);
    let returned: Vec<&Attribute> = stored.attributes.iter().filter(|a| wanted.user.matches(&a.name)).collect();
    let dead_letter_source = || {
        let origin = message.origin.as_ref()?;
        Some(names.arn(&namespace, origin))
    };
    let mut attributes = BTreeMap::new();
    let mut put = |name: SystemAttribute, value: &dyn Fn() -> Option<String>| {
        if wanted.system.has(name)
            && let Some(value) = value()
        {
            attributes.insert(name.as_str(), value);
        }
    };
    put(SystemAttribute::SenderId, &|| {
        Some(stored.sender.clone().unwrap_or_else(|| names.account_of(&namespace).to_owned()))
    });
    put(SystemAttribute::SentTimestamp, &|| Some(message.sent_at.0.to_string()));
    put(SystemAttribute::SequenceNumber, &|| fifo.then(|| message::sequence_number(message.number.0)));
    put(SystemAttribute::MessageDeduplicationId, &|| message.dedup_id.clone().filter(|_| fifo));
    put(SystemAttribute::MessageGroupId, &|| message.group.clone());
    put(SystemAttribute::AwsTraceHeader, &|| stored.trace.clone());
    put(SystemAttribute::DeadLetterQueueSourceArn, &dead_letter_source);
    // A body that came through another edge may be no text; the checksum is of what is shown.
    let body = String::from_utf8_lossy(&message.body).into_owned();
    Shown {
        message_id: message.message_id.hyphenated(),
        receipt_handle: String::new(),
        body_md5: message::body_md5(body.as_bytes()),
        body,
        attributes,
        attributes_md5: message::attributes_md5(returned.iter().copied()),
        message_attributes: returned.into_iter().map(|a| (a.name.clone(), a.to_wire())).collect(),
    }
}
