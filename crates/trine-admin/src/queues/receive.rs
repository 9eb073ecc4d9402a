//! `POST /v1/queues/{name}/receive` `{max?, wait?, visibility?}`.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use trine_broker::{Action, Principal, Receive, Resource};

use super::{
    find,
    message::{self, millis},
};
use crate::{
    Admin,
    error::ApiError,
    page,
    router::{Answer, ok},
    time,
};

/// Most messages of one receive.
const RECEIVE_MAX: u64 = 1000;
/// Longest wait; who wants to wait longer asks again.
const WAIT_MAX: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    max: Option<u64>,
    wait: Option<String>,
    visibility: Option<String>,
}

/// Takes messages out.
pub(crate) async fn receive(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let wanted: Wanted = page::json(&body)?;
    let broker = admin.allow(&who, Action::Receive, Resource::queue(&name))?;
    let queue = find(broker, &name)?;
    let wait = Duration::from_millis(wanted.wait.as_deref().map_or(Ok(queue.settings().receive_wait_ms), millis)?);
    if wait > WAIT_MAX {
        let message = format!("wait is {} s; at most {} s are possible", wait.as_secs(), WAIT_MAX.as_secs());
        return Err(ApiError::invalid(message).limit("wait", "20s"));
    }
    let max = match wanted.max.unwrap_or(1) {
        0 => return Err(ApiError::invalid("max is 0; it must be at least 1")),
        // Asking for more than one answer holds is no mistake.
        max => u16::try_from(max.min(RECEIVE_MAX)).unwrap_or(u16::MAX),
    };
    let receive = Receive {
        max,
        wait,
        visibility_ms: wanted.visibility.as_deref().map(millis).transpose()?,
        attempt_id: None,
        consumer: format!("{who}@admin"),
    };
    let mut drain = admin.drain();
    let received = tokio::select! {
        received = broker.queues().receive(&queue, receive) => received?,
        // A wait ends with the server; dropping it takes nothing.
        () = drain.draining() => Vec::new(),
    };
    let messages: Vec<_> = received
        .into_iter()
        .map(|delivery| {
            let mut json = message::encode(&delivery.message);
            json.insert("receipt".to_owned(), delivery.receipt.to_text().into());
            json.insert("receive_count".to_owned(), delivery.receive_count.into());
            json.insert("first_received_at".to_owned(), time::to_rfc3339(delivery.first_received_at.0).into());
            json.insert("visible_at".to_owned(), time::to_rfc3339(delivery.visible_at.0).into());
            Value::Object(json)
        })
        .collect();
    ok(json!({ "messages": messages }))
}
