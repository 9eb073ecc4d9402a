//! `DELETE /v1/groups/{name}`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use serde_json::json;
use trine_broker::{Action, Principal, Resource};
use trine_types::GroupName;

use crate::{
    Admin,
    router::{Answer, ok},
};

/// Deletes a group that has no members, with its commits.
pub(crate) async fn delete(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
) -> Answer {
    let broker = admin.allow(&who, Action::Delete, Resource::group(&name))?;
    broker.groups().delete(&GroupName::parse(&name)?).await?;
    ok(json!({ "name": name }))
}
