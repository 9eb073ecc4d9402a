//! `POST /v1/queues/{name}/pause` and `…/resume`: deliveries stop and go on; sends are not affected (decision Q16).

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

/// Stops deliveries.
pub(crate) async fn pause(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
) -> Answer {
    set(&admin, &who, &name, true).await
}

/// Delivers again.
pub(crate) async fn resume(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
) -> Answer {
    set(&admin, &who, &name, false).await
}

async fn set(admin: &Admin, who: &Principal, name: &str, paused: bool) -> Answer {
    let broker = admin.allow(who, Action::Configure, Resource::queue(name))?;
    broker.queues().set_paused(&find(broker, name)?, paused).await?;
    ok(json!({ "paused": paused }))
}
