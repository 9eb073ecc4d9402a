//! `POST /v1/queues/{name}/extend` `{receipts: [...], visibility}`: hidden for so long from now on; 0 gives them back.

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
    visibility: String,
}

/// Messages stay hidden for longer.
pub(crate) async fn extend(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let wanted: Wanted = page::json(&body)?;
    let broker = admin.allow(&who, Action::Receive, Resource::queue(&name))?;
    let queue = find(broker, &name)?;
    let visibility = millis(&wanted.visibility)?;
    let receipts = receipts(&wanted.receipts)?.into_iter().map(|receipt| (receipt, visibility)).collect();
    ok(settled(broker.queues().extend(&queue, receipts).await?))
}
