//! `POST /v1/queues/{name}/purge`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use serde_json::json;
use trine_broker::{Action, Principal, Resource};

use super::find;
use crate::{
    Admin,
    router::{Answer, ok},
};

/// Drops every message.
pub(crate) async fn purge(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
) -> Answer {
    let broker = admin.allow(&who, Action::Delete, Resource::queue(&name))?;
    let purged = broker.queues().purge(&find(broker, &name)?).await?;
    ok(json!({ "purged": purged.to_string() }))
}
