//! SendMessage → MessageId, MD5OfMessageBody[, MD5OfMessageAttributes, MD5OfMessageSystemAttributes, SequenceNumber].
//! Limits: body and attributes together the queue's MaximumMessageSize, ten attributes, delay 0–900 s. FIFO: a group; a deduplication id unless the body's
//! hash serves as one.

use serde::{Deserialize, Serialize};
use trine_aws::{Document, Member};
use trine_broker::{Action, NewMessage, SendRefusal, Sent};
use trine_core::queues::QueueSettings;

use super::required;
use crate::{
    ErrorKind, SqsError,
    context::Context,
    failure,
    message::{self, Attribute, RawAttributes},
    shapes::{MESSAGE_ATTRIBUTES, SYSTEM_ATTRIBUTES},
    wire::Int,
};

/// Longest delay in seconds.
const DELAY_MAX: i64 = 900;

/// A message as a request gives it; entries of a batch have the same members.
#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
    /// Of an entry of a batch.
    pub(crate) id: Option<String>,
    pub(crate) message_body: Option<String>,
    delay_seconds: Option<Int>,
    message_attributes: Option<RawAttributes>,
    message_system_attributes: Option<RawAttributes>,
    pub(crate) message_deduplication_id: Option<String>,
    pub(crate) message_group_id: Option<String>,
}

/// Members that a form spells in its own way.
pub(crate) const MESSAGE: &[Member] = &[MESSAGE_ATTRIBUTES, SYSTEM_ATTRIBUTES, Member::or_nothing("DelaySeconds")];

impl Document for Request {
    const SHAPE: &'static [Member] = MESSAGE;
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Reply {
    /// Of an entry of a batch.
    #[serde(rename = "Id", skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "MessageId")]
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    body_md5: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_md5: Option<String>,
    #[serde(rename = "MD5OfMessageSystemAttributes", skip_serializing_if = "Option::is_none")]
    system_md5: Option<String>,
    #[serde(rename = "SequenceNumber", skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

impl Document for Reply {}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Reply, SqsError> {
    let place = cx.place(request.queue_url.as_deref())?;
    required(request.message_body.as_deref(), "MessageBody")?;
    let queue = cx.at(place, Action::Send)?;
    let settings = queue.settings();
    check_fifo(&request, &settings, SqsError::missing)?;
    let outgoing = Outgoing::new(cx, request, &settings)?;
    if outgoing.size as u64 > settings.max_message_bytes {
        return Err(failure::too_large(settings.max_message_bytes));
    }
    let (message, receipt) = outgoing.split();
    let body_md5 = message::body_md5(&message.body);
    let mut results = cx.queues().send(&queue, vec![message]).await?;
    match results.pop() {
        Some(Ok(sent)) => Ok(receipt.reply(None, body_md5, sent, settings.fifo)),
        Some(Err(SendRefusal::TooLarge { max, .. })) => Err(failure::too_large(max)),
        Some(Err(refusal)) => Err(refusal.into()),
        None => Err(SqsError::new(ErrorKind::InternalFailure, "The broker did not answer.")),
    }
}

/// What a FIFO queue needs beside the body. In a batch a missing group is another error than alone, hence `no_group`.
pub(crate) fn check_fifo(
    request: &Request,
    settings: &QueueSettings,
    no_group: impl Fn(&str) -> SqsError,
) -> Result<(), SqsError> {
    if !settings.fifo {
        return Ok(());
    }
    if request.message_group_id.is_none() {
        return Err(no_group("MessageGroupId"));
    }
    if request.message_deduplication_id.is_none() && !settings.content_dedup {
        return Err(SqsError::invalid(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ));
    }
    Ok(())
}

/// Bytes of a message that was not checked yet, as far as a batch's sum counts them.
pub(crate) fn raw_size(request: &Request) -> usize {
    let attributes = request.message_attributes.iter().flatten();
    let body = request.message_body.as_ref().map_or(0, String::len);
    attributes.fold(body, |sum, (name, value)| {
        let text = value.string_value.as_ref().map_or(0, String::len);
        let blob = value.binary_value.as_ref().map_or(0, |blob| blob.0.len());
        sum + name.len() + value.data_type.as_ref().map_or(0, String::len) + text.max(blob)
    })
}

/// A checked message on its way.
pub(crate) struct Outgoing {
    message: NewMessage,
    /// Bytes that count against the queue's limit.
    pub(crate) size: usize,
    receipt: Sums,
}

/// What the answer says of a message beside what the broker says.
pub(crate) struct Sums {
    attributes: Option<String>,
    system: Option<String>,
}

impl Outgoing {
    /// Checks everything but the size and what only FIFO queues need.
    pub(crate) fn new(cx: &Context<'_>, request: Request, settings: &QueueSettings) -> Result<Self, SqsError> {
        let body = required(request.message_body.as_deref(), "MessageBody")?;
        if !message::legal(body) {
            return Err(SqsError::new(
                ErrorKind::InvalidMessageContents,
                "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.",
            ));
        }
        let delay_ms = delay(request.delay_seconds, settings.fifo)?;
        if let Some(group) = &request.message_group_id {
            message::check_id(group, "MessageGroupId")?;
        }
        let dedup_id = dedup_id(request.message_deduplication_id, body, settings)?;
        let attributes = message::check_attributes(request.message_attributes.unwrap_or_default())?;
        let system = message::check_system(request.message_system_attributes.unwrap_or_default())?;
        let sums = Sums { attributes: message::attributes_md5(&attributes), system: message::attributes_md5(&system) };
        let size = message::size_of(body, &attributes);
        let trace = system.first().map(trace_text).or_else(|| cx.trace_header().map(str::to_owned));
        let message = NewMessage {
            headers: message::headers_of(&attributes, trace.as_deref(), &cx.sender()),
            body: request.message_body.unwrap_or_default().into(),
            group: request.message_group_id,
            dedup_id,
            delay_ms,
            ttl_ms: None,
            priority: 0,
            size: u32::try_from(size).unwrap_or(u32::MAX),
        };
        Ok(Self { message, size, receipt: sums })
    }

    /// What goes to the broker and what stays for the answer.
    pub(crate) fn split(self) -> (NewMessage, Sums) {
        (self.message, self.receipt)
    }
}

impl Sums {
    /// The answer once the message is kept.
    pub(crate) fn reply(self, id: Option<String>, body_md5: String, sent: Sent, fifo: bool) -> Reply {
        Reply {
            id,
            message_id: sent.message_id.hyphenated(),
            body_md5,
            attributes_md5: self.attributes,
            system_md5: self.system,
            sequence_number: fifo.then(|| message::sequence_number(sent.number.0)),
        }
    }
}

fn trace_text(attribute: &Attribute) -> String {
    String::from_utf8_lossy(&attribute.value).into_owned()
}

/// Milliseconds; `None`: the queue's own delay. A FIFO queue knows no delay of single messages, zero apart.
fn delay(seconds: Option<Int>, fifo: bool) -> Result<Option<u64>, SqsError> {
    let Some(seconds) = seconds else { return Ok(None) };
    let Some(n) = u64::try_from(seconds.0).ok().filter(|_| seconds.0 <= DELAY_MAX) else {
        return Err(SqsError::parameter(seconds, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900."));
    };
    match (fifo, n) {
        (true, 0) => Ok(None),
        // The service's own words.
        (true, n) => Err(SqsError::parameter(
            n,
            "DelaySeconds",
            "The request include parameter that is not valid for this queue type.",
        )),
        (false, n) => Ok(Some(n * 1000)),
    }
}

/// The id a FIFO queue tells duplicates by: as given, else the hash of the body.
fn dedup_id(given: Option<String>, body: &str, settings: &QueueSettings) -> Result<Option<String>, SqsError> {
    let Some(id) = given else {
        return Ok((settings.fifo && settings.content_dedup).then(|| message::body_sha256(body.as_bytes())));
    };
    message::check_id(&id, "MessageDeduplicationId")?;
    if !settings.fifo {
        return Err(SqsError::parameter(
            id,
            "MessageDeduplicationId",
            "The request includes a parameter that is not valid for this queue type.",
        ));
    }
    Ok(Some(id))
}
