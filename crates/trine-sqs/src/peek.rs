//! `/_aws/sqs/messages`: looks into a queue without side effects, as another emulator has it, so that its users' tests go on working.
//!
//! `GET /_aws/sqs/messages?QueueUrl=…` or `/_aws/sqs/messages/<region>/<account>/<name>`; `ShowInvisible` and `ShowDelayed` add messages in flight and
//! delayed ones. The answer is a ReceiveMessage result: in XML, which the port turns into JSON for who wants that, or for an SDK whose endpoint this path is
//! in the protocol that it speaks.

use std::collections::HashSet;

use bytes::Bytes;
use serde::Deserialize;
use trine_aws::{Form, Helper, HelperAnswer, Output, Protocol, ServiceError};
use trine_broker::{Peek, Peeked, PeekedState, QueueRef};
use trine_core::queues::MessageNumber;

use crate::{
    SqsError,
    actions::receive_message::{Reply, Shown, Wanted, show, sum_bodies},
    message::SystemAttribute,
    name::{self, Place},
    names::Names,
    service::Inner,
};

const PATH: &str = "/_aws/sqs/messages";
/// Most messages shown.
const SHOWN_MAX: usize = 1000;
/// What stands where a receipt handle would be; nothing accepts it.
const NO_HANDLE: &str = "SQS/BACKDOOR/ACCESS";
/// The result this answer looks like.
const ACTION: &str = "ReceiveMessage";
const JSON: &str = "application/x-amz-json-1.0";
/// What the port turns into JSON for who accepts only that.
const XML: &str = "text/xml";
/// First receive of a message that was never received.
const NEVER: &str = "0";

/// Which messages beside those that can be received.
#[derive(Clone, Copy, Debug)]
struct Flags {
    invisible: bool,
    delayed: bool,
}

/// Answers a request to a helper path; `None`: there is no such path.
pub(crate) async fn answer(service: &Inner, request: Helper) -> Option<HelperAnswer> {
    let rest = request.path.strip_prefix(PATH)?;
    if !(rest.is_empty() || rest.starts_with('/')) || !matches!(request.method.as_str(), "GET" | "POST") {
        return None;
    }
    let result = match look(service, &request, rest).await {
        Ok(reply) => render(&request, &reply),
        Err(error) => Err(error),
    };
    Some(result.unwrap_or_else(|error| refuse(&request, &error)))
}

/// What an SDK asks for in the JSON protocol.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Asked {
    queue_url: String,
}

async fn look(service: &Inner, request: &Helper, rest: &str) -> Result<Reply, ServiceError> {
    let action = match &request.target {
        Some(target) => target.rsplit('.').next(),
        None => request.params.get("Action"),
    };
    if action.is_some_and(|action| action != ACTION) {
        let text = "This endpoint only accepts ReceiveMessage calls";
        return Err(ServiceError::framework("InvalidRequest", "InvalidRequest", 400, text));
    }
    let asked: Asked = match &request.target {
        Some(_) => serde_json::from_slice(&request.body).map_err(|error| ServiceError::malformed(error.to_string()))?,
        None => Asked { queue_url: request.params.get("QueueUrl").unwrap_or_default().to_owned() },
    };
    let place = match rest.trim_matches('/') {
        "" => of_asked(&asked.queue_url)?,
        path => Place::of_path(path),
    };
    let place = place.ok_or_else(|| SqsError::no_queue().into_service())?;
    messages(service, request, place).await.map_err(SqsError::into_service)
}

/// The place a URL or a bare name says; a URL without an account says none.
fn of_asked(url: &str) -> Result<Option<Place<'_>>, ServiceError> {
    match Place::of_url(url) {
        Some(Place { account: None, .. }) if url.contains("://") => {
            let text = "The address is not valid for this endpoint.";
            Err(ServiceError::framework("InvalidAddress", "InvalidAddress", 404, text))
        }
        place => Ok(place),
    }
}

async fn messages(service: &Inner, request: &Helper, place: Place<'_>) -> Result<Reply, SqsError> {
    let namespace = request.accounts.namespace_of(place.account.unwrap_or_default());
    let name = name::parse_existing(place.name)?;
    let queue = service.broker.queues().get(&namespace, &name).ok_or_else(SqsError::no_queue)?;
    let flags =
        Flags { invisible: flag(&request.params, "ShowInvisible"), delayed: flag(&request.params, "ShowDelayed") };
    let names = Names { accounts: &request.accounts, region: &request.region };
    let mut messages = Vec::new();
    let mut from: Option<MessageNumber> = None;
    // FIFO groups of which a message is in flight: what comes after it cannot be received, so it is as invisible.
    let mut locked = HashSet::new();
    let fifo = queue.settings().fifo;
    loop {
        let peek = Peek { state: None, from, limit: SHOWN_MAX };
        let page = service.broker.queues().peek(&queue, peek).await?;
        let wanted = page.messages.into_iter().filter(|peeked| {
            let group = peeked.message.group.as_ref().filter(|_| fifo);
            if let (Some(group), PeekedState::InFlight { .. }) = (group, &peeked.state) {
                locked.insert(group.clone());
            }
            is_wanted(&peeked.state, flags) && (flags.invisible || !group.is_some_and(|group| locked.contains(group)))
        });
        messages.extend(wanted.map(|peeked| shown(names, &queue, peeked, flags)).take(SHOWN_MAX - messages.len()));
        match page.next {
            Some(next) if messages.len() < SHOWN_MAX => from = Some(next),
            _ => {
                sum_bodies(&mut messages);
                return Ok(Reply { messages });
            }
        }
    }
}

fn flag(params: &Form, name: &str) -> bool {
    params.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
}

const fn is_wanted(state: &PeekedState, flags: Flags) -> bool {
    match state {
        PeekedState::Ready => true,
        PeekedState::InFlight { .. } => flags.invisible,
        PeekedState::Delayed { .. } => flags.delayed,
        PeekedState::Moving => false,
    }
}

fn shown(names: Names<'_>, queue: &QueueRef, peeked: Peeked, flags: Flags) -> Shown {
    let mut shown = show(names, queue, peeked.message, &Wanted::all());
    NO_HANDLE.clone_into(&mut shown.receipt_handle);
    let mut put = |name: &'static str, value: String| shown.attributes.insert(name, value);
    put(SystemAttribute::ApproximateReceiveCount.as_str(), peeked.receive_count.to_string());
    let first = peeked.first_received_at.map_or_else(|| NEVER.to_owned(), |first| first.0.to_string());
    put(SystemAttribute::ApproximateFirstReceiveTimestamp.as_str(), first);
    if flags.invisible {
        put("IsVisible", (!matches!(peeked.state, PeekedState::InFlight { .. })).to_string());
    }
    if flags.delayed {
        put("IsDelayed", matches!(peeked.state, PeekedState::Delayed { .. }).to_string());
    }
    shown
}

fn render(request: &Helper, reply: &Reply) -> Result<HelperAnswer, ServiceError> {
    let json = request.target.is_some();
    let result = Output::new(if json { Protocol::Json } else { Protocol::Query }, ACTION, reply)?;
    if json {
        return Ok(HelperAnswer { status: 200, content_type: JSON, body: Bytes::copy_from_slice(result.body()) });
    }
    let result = String::from_utf8_lossy(result.body());
    let body = format!(
        "<?xml version=\"1.0\"?><{ACTION}Response xmlns=\"{}\">{result}<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{ACTION}Response>",
        crate::service::XMLNS,
        request.request_id
    );
    Ok(HelperAnswer { status: 200, content_type: XML, body: body.into() })
}

/// Texts of errors from here repeat nothing of the request, so they need no escaping.
fn refuse(request: &Helper, error: &ServiceError) -> HelperAnswer {
    let (content_type, body) = if request.target.is_some() {
        let body =
            serde_json::json!({ "__type": format!("{}{}", error.namespace, error.name), "message": error.message });
        (JSON, body.to_string())
    } else {
        let body = format!(
            "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{}\"><Error><Type>{}</Type><Code>{}</Code><Message>{}</Message><Detail/></Error>\
             <RequestId>{}</RequestId></ErrorResponse>",
            crate::service::XMLNS,
            error.fault(),
            error.code,
            error.query_text(),
            request.request_id
        );
        (XML, body)
    };
    HelperAnswer { status: error.status, content_type, body: body.into() }
}
