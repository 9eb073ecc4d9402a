//! `POST /v1/groups/{name}/seek` `{topic, to, partition?}` or `{topic, offsets: {partition: offset}}`: sets commits of a group without members.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use trine_broker::{Action, CommitEntry, Principal, Resource};
use trine_types::GroupName;

use crate::{
    Admin,
    error::ApiError,
    page,
    position::Position,
    router::{Answer, ok},
    topics::{find, partition, partitions},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seek {
    topic: String,
    to: Option<String>,
    partition: Option<u32>,
    offsets: Option<BTreeMap<u32, String>>,
}

/// Moves a group: what it reads next in a topic.
pub(crate) async fn seek(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let wanted: Seek = page::json(&body)?;
    let broker = admin.allow(&who, Action::Commit, Resource::group(&name))?;
    admin.access().check(&who, Action::Read, Resource::topic(&wanted.topic))?;
    let group = GroupName::parse(&name)?;
    let topic = find(broker, &wanted.topic)?;
    let mut entries = Vec::new();
    let mut entry = |partition: u32, offset: u64| {
        entries.push(CommitEntry { topic: topic.id, partition, offset, leader_epoch: -1, metadata: String::new() });
    };
    match (&wanted.to, &wanted.offsets) {
        (Some(to), None) => {
            let to = Position::parse(to, admin.clock().now())?;
            for partition in partitions(&topic, wanted.partition)? {
                entry(partition.index(), to.resolve(broker, &partition).await?);
            }
        }
        (None, Some(offsets)) if wanted.partition.is_none() => {
            for (index, offset) in offsets {
                partition(&topic, *index)?;
                let offset = offset.parse().map_err(|_| ApiError::invalid(format!("{offset:?} is no offset")))?;
                entry(*index, offset);
            }
        }
        _ => return Err(ApiError::invalid("give either to (and perhaps partition) or offsets")),
    }
    let moved: Vec<_> =
        entries.iter().map(|e| json!({ "partition": e.partition, "committed": e.offset.to_string() })).collect();
    for result in broker.groups().seek(&group, entries).await? {
        result?;
    }
    ok(json!({ "group": name, "topic": wanted.topic, "partitions": moved }))
}
