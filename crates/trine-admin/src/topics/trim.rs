//! `POST /v1/topics/{name}/trim` `{before, partition?}`: drops everything before a position.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use trine_broker::{Action, Principal, Resource};

use crate::{
    Admin, page,
    position::Position,
    router::{Answer, ok},
    topics::{find, partitions},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trim {
    before: String,
    partition: Option<u32>,
}

/// Moves the log start up and gives space back.
pub(crate) async fn trim(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let wanted: Trim = page::json(&body)?;
    let broker = admin.allow(&who, Action::Delete, Resource::topic(&name))?;
    let before = Position::parse(&wanted.before, admin.clock().now())?;
    let topic = find(broker, &name)?;
    let mut trimmed = Vec::new();
    for partition in partitions(&topic, wanted.partition)? {
        let to = match before {
            Position::End => None,
            other => Some(other.resolve(broker, &partition).await?),
        };
        let log_start = broker.streams().trim(&partition, to).await?;
        trimmed.push(json!({ "partition": partition.index(), "log_start": log_start.to_string() }));
    }
    ok(json!({ "partitions": trimmed }))
}
