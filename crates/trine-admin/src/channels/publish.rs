//! `POST /v1/channels/{name}/publish` `{body, encoding?}`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use trine_broker::{Action, Principal, Resource, pubsub::Space};

use crate::{
    Admin, page,
    payload::{self, Encoding},
    router::{Answer, ok},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Publish {
    body: String,
    #[serde(default)]
    encoding: Encoding,
}

/// Sends a message to whoever is subscribed now, and says to how many.
pub(crate) async fn publish(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let wanted: Publish = page::json(&body)?;
    let broker = admin.allow(&who, Action::Publish, Resource::channel(&name))?;
    let payload = payload::decode(wanted.body, wanted.encoding, "body")?.into();
    let receivers = broker.pubsub().publish(Space::Global, name.as_bytes(), &payload).await;
    ok(json!({ "receivers": receivers.to_string() }))
}
