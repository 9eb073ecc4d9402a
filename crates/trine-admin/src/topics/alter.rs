//! `PATCH /v1/topics/{name}` `{settings: {name: value | null}}`: null goes back to the default.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use serde::Deserialize;
use trine_broker::{Action, Alteration, Principal, Resource, SettingChange, SettingOp};
use trine_types::TopicName;

use crate::{
    Admin, page,
    router::{Answer, ok},
    topics::show::describe,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alter {
    settings: BTreeMap<String, Option<String>>,
}

/// Changes settings, all or none.
pub(crate) async fn alter(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let wanted: Alter = page::json(&body)?;
    let broker = admin.allow(&who, Action::Configure, Resource::topic(&name))?;
    let changes = wanted
        .settings
        .into_iter()
        .map(|(key, value)| SettingChange { key, op: value.map_or(SettingOp::Delete, SettingOp::Set) })
        .collect();
    let topic = broker.topics().alter(&TopicName::parse(&name)?, Alteration::Change(changes), false).await?;
    ok(describe(broker, &topic))
}
