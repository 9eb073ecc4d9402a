//! `POST /v1/queues/{name}/ack` `{receipts: [...]}`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use trine_broker::{Action, Principal, Receipt, ReceiptError, Resource};

use super::find;
use crate::{
    Admin,
    error::ApiError,
    page,
    router::{Answer, ok},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    receipts: Vec<String>,
}

/// Messages are done.
pub(crate) async fn ack(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let wanted: Wanted = page::json(&body)?;
    let broker = admin.allow(&who, Action::Receive, Resource::queue(&name))?;
    let queue = find(broker, &name)?;
    let results = broker.queues().ack(&queue, receipts(&wanted.receipts)?).await?;
    ok(settled(results))
}

/// Reads receipts.
pub(super) fn receipts(texts: &[String]) -> Result<Vec<Receipt>, ApiError> {
    texts
        .iter()
        .enumerate()
        .map(|(i, text)| Receipt::parse(text).ok_or_else(|| ApiError::invalid(format!("receipt {i} is no receipt"))))
        .collect()
}

/// What became of each, as JSON.
pub(super) fn settled(results: Vec<Result<(), ReceiptError>>) -> Value {
    let done = results.iter().filter(|result| result.is_ok()).count();
    let failed: Vec<_> = results
        .into_iter()
        .enumerate()
        .filter_map(|(i, result)| Some(json!({ "receipt": i, "message": result.err()?.to_string() })))
        .collect();
    json!({ "done": done, "failed": failed })
}
