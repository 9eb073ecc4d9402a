//! `POST /v1/queues/{name}/send`: `{messages: [...]}` as JSON, or one message a line as NDJSON. A message is `{body, encoding?, headers?, group?, dedup_id?, delay?,
//! ttl?, priority?}`. All of one request become durable together; one that is refused is an error that names it, and says how many were taken.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderMap, header},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use trine_broker::{Action, NewMessage, NewQueue, Principal, Resource};
use trine_core::queues::QueueSettings;
use trine_types::{Namespace, QueueName};

use super::{find, message::NewJson};
use crate::{
    Admin,
    error::ApiError,
    page,
    router::{Answer, ok},
};

/// Most messages of one request.
const MESSAGES_MAX: usize = 10_000;
/// Messages that become durable together: what one record batch holds.
const BATCH_MESSAGES: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    messages: Vec<NewJson>,
}

/// Puts messages into a queue.
pub(crate) async fn send(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let broker = admin.allow(&who, Action::Send, Resource::queue(&name))?;
    let messages = read(&headers, &body)?;
    let queue = match find(broker, &name) {
        Ok(queue) => queue,
        Err(_) if admin.info().auto_create => {
            admin.access().check(&who, Action::Create, Resource::queue(&name))?;
            let new = NewQueue {
                namespace: Namespace::default(),
                name: QueueName::parse(&name)?,
                settings: QueueSettings::default(),
                cooldown: std::time::Duration::ZERO,
            };
            // Somebody else may have been faster.
            match broker.queues().create(new).await {
                Ok(queue) => queue,
                Err(error) => find(broker, &name).map_err(|_| ApiError::from(error))?,
            }
        }
        Err(error) => return Err(error),
    };
    let count = messages.len();
    let mut sent = Vec::new();
    let mut messages = messages.into_iter();
    loop {
        let batch: Vec<NewMessage> = messages.by_ref().take(BATCH_MESSAGES).collect();
        if batch.is_empty() {
            return ok(json!({ "messages": sent }));
        }
        for one in broker.queues().send(&queue, batch).await? {
            match one {
                Ok(one) => sent.push(json!({
                    "id": one.message_id.hyphenated(),
                    "number": one.number.to_string(),
                    "duplicate": one.duplicate,
                })),
                Err(refusal) => {
                    let done = sent.len();
                    return Err(ApiError::from(refusal).message_at(done, count));
                }
            }
        }
    }
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<NewMessage>, ApiError> {
    let ndjson =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-ndjson"));
    let messages = if ndjson {
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        lines.take(MESSAGES_MAX + 1).map(page::json).collect::<Result<Vec<NewJson>, _>>()?
    } else {
        page::json::<Send>(body)?.messages
    };
    if messages.len() > MESSAGES_MAX {
        let message = format!("more than {MESSAGES_MAX} messages in one request");
        return Err(ApiError::too_large("messages", MESSAGES_MAX, message));
    }
    messages.into_iter().enumerate().map(|(i, one)| one.decode().map_err(|e| e.at_message(i))).collect()
}
