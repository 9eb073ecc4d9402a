//! `DELETE /v1/queues/{name}`.

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

/// Deletes a queue with everything in it.
pub(crate) async fn delete(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
) -> Answer {
    let broker = admin.allow(&who, Action::Delete, Resource::queue(&name))?;
    broker.queues().delete(&find(broker, &name)?).await?;
    ok(json!({}))
}
