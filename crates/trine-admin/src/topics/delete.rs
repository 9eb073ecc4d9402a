//! `DELETE /v1/topics/{name}`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use serde_json::json;
use trine_broker::{Action, Principal, Resource};
use trine_types::TopicName;

use crate::{
    Admin,
    router::{Answer, ok},
};

/// Deletes a topic and its data.
pub(crate) async fn delete(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
) -> Answer {
    let broker = admin.allow(&who, Action::Delete, Resource::topic(&name))?;
    let topic = broker.topics().delete(TopicName::parse(&name)?.into()).await?;
    ok(json!({ "name": topic.name.as_str(), "id": topic.id.to_string() }))
}
