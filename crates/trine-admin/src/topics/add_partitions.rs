//! `POST /v1/topics/{name}/add-partitions` `{total}`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use serde::Deserialize;
use trine_broker::{Action, Principal, Resource};
use trine_types::TopicName;

use crate::{
    Admin, page,
    router::{Answer, ok},
    topics::show::describe,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddPartitions {
    /// How many the topic has afterwards.
    total: u32,
}

/// Raises the number of partitions; keys move, records do not.
pub(crate) async fn add_partitions(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let wanted: AddPartitions = page::json(&body)?;
    let broker = admin.allow(&who, Action::Configure, Resource::topic(&name))?;
    let topic = broker.topics().add_partitions(&TopicName::parse(&name)?, wanted.total, false).await?;
    ok(describe(broker, &topic))
}
