//! `POST /v1/queues/{name}/peek` `{state?, match?, from?, limit?}`: looks, takes nothing.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use trine_broker::{Action, Broker, MessageState, PEEK_MAX, Peek, Peeked, PeekedState, Principal, QueueRef, Resource};
use trine_core::queues::MessageNumber;
use trine_types::Timestamp;

use super::{
    find,
    message::{self, Looked},
    show::age,
};
use crate::{
    Admin,
    error::ApiError,
    expression::Expression,
    page,
    router::{Answer, ok},
};

/// Messages that one request looks at; an answer with `next` goes on after them.
const LOOK_MAX: usize = 100_000;
/// Bytes of bodies that one answer carries.
const ANSWER_BYTES_MAX: usize = 8 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    state: Option<String>,
    #[serde(rename = "match")]
    expression: Option<String>,
    from: Option<String>,
    limit: Option<usize>,
}

/// Messages and their states.
pub(crate) async fn peek(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let wanted: Wanted = page::json(&body)?;
    let broker = admin.allow(&who, Action::Read, Resource::queue(&name))?;
    let queue = find(broker, &name)?;
    let expression = Expression::parse(wanted.expression.as_deref().unwrap_or_default())?;
    let state = wanted.state.as_deref().map(state).transpose()?;
    let from = wanted.from.as_deref().map(number).transpose()?;
    let limit = wanted.limit.unwrap_or(20).clamp(1, PEEK_MAX);
    let found = matching(broker, &queue, state, &expression, from, limit).await?;
    let now = broker.clock().now();
    let messages: Vec<_> = found.messages.iter().map(|peeked| encode(peeked, now)).collect();
    ok(json!({ "messages": messages, "next": found.next.map(|number| number.to_string()) }))
}

/// Messages that match.
pub(super) struct Found {
    pub(super) messages: Vec<Peeked>,
    /// Where to go on; `None` at the end of the queue.
    pub(super) next: Option<MessageNumber>,
}

/// Looks for up to `limit` messages.
pub(super) async fn matching(
    broker: &Broker,
    queue: &QueueRef,
    state: Option<MessageState>,
    expression: &Expression,
    mut from: Option<MessageNumber>,
    limit: usize,
) -> Result<Found, ApiError> {
    let mut found = Found { messages: Vec::new(), next: None };
    let (mut looked, mut bytes) = (0, 0);
    loop {
        // Without an expression no more than what is shown needs to be read.
        let page = if expression.is_empty() { limit - found.messages.len() } else { PEEK_MAX };
        let peeked = broker.queues().peek(queue, Peek { state, from, limit: page }).await?;
        looked += peeked.messages.len();
        let now = broker.clock().now();
        for one in peeked.messages {
            let next = MessageNumber::from_bits(one.number.to_bits().saturating_add(1));
            if expression.matches(&Looked { message: &one.message, count: one.receive_count, now }) {
                bytes += one.message.body.len();
                found.messages.push(one);
                if found.messages.len() == limit || bytes >= ANSWER_BYTES_MAX {
                    found.next = Some(next);
                    return Ok(found);
                }
            }
        }
        if peeked.next.is_none() || looked >= LOOK_MAX {
            found.next = peeked.next;
            return Ok(found);
        }
        from = peeked.next;
    }
}

fn state(text: &str) -> Result<MessageState, ApiError> {
    match text {
        "ready" => Ok(MessageState::Ready),
        "inflight" => Ok(MessageState::InFlight),
        "delayed" => Ok(MessageState::Delayed),
        "moving" => Ok(MessageState::Moving),
        _ => Err(ApiError::invalid(format!("{text:?} is no state; there are ready, inflight, delayed and moving"))),
    }
}

/// A message's number.
pub(super) fn number(text: &str) -> Result<MessageNumber, ApiError> {
    text.parse().map_err(|_| ApiError::invalid(format!("{text:?} is no message number")))
}

fn encode(peeked: &Peeked, now: Timestamp) -> Value {
    let mut json = message::encode(&peeked.message);
    json.insert("receive_count".to_owned(), peeked.receive_count.into());
    json.insert("age".to_owned(), age(peeked.message.sent_at, now).into());
    let left = |until: Timestamp| Value::from(age(now, until));
    let (state, holder, left) = match &peeked.state {
        PeekedState::Ready => ("ready", Value::Null, Value::Null),
        PeekedState::InFlight { until, holder } => {
            ("inflight", holder.as_str().into(), until.map_or(Value::Null, left))
        }
        PeekedState::Delayed { until } => ("delayed", Value::Null, left(*until)),
        PeekedState::Moving => ("moving", Value::Null, Value::Null),
    };
    json.insert("state".to_owned(), state.into());
    json.insert("holder".to_owned(), holder);
    json.insert("left".to_owned(), left);
    Value::Object(json)
}
