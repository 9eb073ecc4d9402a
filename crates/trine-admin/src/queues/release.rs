//! `POST /v1/queues/{name}/release` `{receipts: [...], delay?}`: back in the queue, at their own place, now or after a while.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use serde::Deserialize;
use trine_broker::{Action, Principal, Resource};

use super::{
    ack::{receipts, settled},
    find,
    message::millis,
};
use crate::{
    Admin, page,
    router::{Answer, ok},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    receipts: Vec<String>,
    delay: Option<String>,
}

/// Messages are given back.
pub(crate) async fn release(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let wanted: Wanted = page::json(&body)?;
    let broker = admin.allow(&who, Action::Receive, Resource::queue(&name))?;
    let queue = find(broker, &name)?;
    let delay = wanted.delay.as_deref().map_or(Ok(0), millis)?;
    ok(settled(broker.queues().release(&queue, receipts(&wanted.receipts)?, delay).await?))
}
