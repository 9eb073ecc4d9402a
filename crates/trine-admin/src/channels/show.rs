//! `GET /v1/channels/{name}`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use serde_json::json;
use trine_broker::{Action, Principal, Resource, pubsub::Space};

use crate::{
    Admin,
    router::{Answer, ok},
};

/// Who is subscribed to a channel by its name. A channel nobody is subscribed to is not an error: every name is a channel.
pub(crate) async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
) -> Answer {
    let broker = admin.allow(&who, Action::Subscribe, Resource::channel(&name))?;
    let subscribers = broker.pubsub().subscriptions(Space::Global, name.as_bytes());
    ok(json!({ "name": name, "subscribers": subscribers.to_string() }))
}
