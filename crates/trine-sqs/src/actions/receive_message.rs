//! ReceiveMessage → Messages. One to ten; with a wait, as soon as there is one. Which attributes come along is asked for by name; the checksum of the
//! attributes covers those that are returned.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use trine_aws::{Document, JsonObject, Member};
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

    fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let bytes: usize = self.messages.iter().map(|message| SHOWN_BYTES + message.body.len()).sum();
        let mut out = Vec::with_capacity(bytes + SHOWN_BYTES);
        let mut reply = JsonObject::new(&mut out);
        if !self.messages.is_empty() {
            reply.list("Messages", &self.messages, Shown::write_json)?;
        }
        reply.end();
        Ok(out)
    }
}

/// Room for a message in an answer, beside its body: ids, handle, checksum.
const SHOWN_BYTES: usize = 256;

impl Shown {
    /// Must say what serde would: a test compares the two.
    fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let mut object = JsonObject::new(out);
        object.text("MessageId", &self.message_id);
        object.text("ReceiptHandle", &self.receipt_handle);
        object.text("MD5OfBody", &self.body_md5);
        object.text("Body", &self.body);
        if !self.attributes.is_empty() {
            object.value("Attributes", &self.attributes)?;
        }
        if let Some(sum) = &self.attributes_md5 {
            object.text("MD5OfMessageAttributes", sum);
        }
        if !self.message_attributes.is_empty() {
            object.value("MessageAttributes", &self.message_attributes)?;
        }
        object.end();
        Ok(())
    }
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
    let mut messages: Vec<_> =
        deliveries.into_iter().map(|delivery| deliver(cx.names(), &queue, delivery, &wanted)).collect();
    sum_bodies(&mut messages);
    Ok(Reply { messages })
}

/// Fills in the checksums of bodies, as they are shown.
pub(crate) fn sum_bodies(messages: &mut [Shown]) {
    let sums = message::bodies_md5(&messages.iter().map(|shown| shown.body.as_bytes()).collect::<Vec<_>>());
    for (shown, sum) in messages.iter_mut().zip(sums) {
        shown.body_md5 = sum;
    }
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
    let mut shown = show(names, queue, delivery.message, wanted);
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

/// A message without what belongs to a delivery, and without its body's checksum.
pub(crate) fn show(names: Names<'_>, queue: &QueueRef, message: Message, wanted: &Wanted) -> Shown {
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
    put(SystemAttribute::SenderId, &|| Some(stored.sender.unwrap_or_else(|| names.account_of(&namespace)).to_owned()));
    put(SystemAttribute::SentTimestamp, &|| Some(message.sent_at.0.to_string()));
    put(SystemAttribute::SequenceNumber, &|| fifo.then(|| message::sequence_number(message.number.0)));
    put(SystemAttribute::MessageDeduplicationId, &|| message.dedup_id.clone().filter(|_| fifo));
    put(SystemAttribute::MessageGroupId, &|| message.group.clone());
    put(SystemAttribute::AwsTraceHeader, &|| stored.trace.map(str::to_owned));
    put(SystemAttribute::DeadLetterQueueSourceArn, &dead_letter_source);
    let attributes_md5 = message::attributes_md5(returned.iter().copied());
    let message_attributes = returned.into_iter().map(|a| (a.name.clone(), a.to_wire())).collect();
    // A body that came through another edge may be no text; the checksum is of what is shown.
    let body = String::from_utf8(message.body.into())
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Shown {
        message_id: message.message_id.hyphenated(),
        receipt_handle: String::new(),
        body_md5: String::new(),
        body,
        attributes,
        attributes_md5,
        message_attributes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: &str) -> Shown {
        Shown {
            message_id: "0-1".into(),
            receipt_handle: "a\"b".into(),
            body_md5: "0f".into(),
            body: body.into(),
            attributes: BTreeMap::new(),
            attributes_md5: None,
            message_attributes: BTreeMap::new(),
        }
    }

    #[test]
    fn the_json_of_an_answer_is_serdes() {
        let mut full = shown("\u{1}\u{7f} \"q\" \\ / \n ä \u{2028} 🦀");
        full.attributes.insert("SenderId", "\"x\"".into());
        full.attributes.insert("SentTimestamp", "1".into());
        full.attributes_md5 = Some("ff".into());
        full.message_attributes.insert("n\"".into(), Attribute::text("n\"", "String", "v").to_wire());
        for messages in [vec![], vec![shown("")], vec![shown(&"x".repeat(300)), full, shown("tab\there")]] {
            let reply = Reply { messages };
            let ours = String::from_utf8(reply.to_json().unwrap()).unwrap();
            assert_eq!(ours, serde_json::to_string(&reply).unwrap());
        }
    }
}
