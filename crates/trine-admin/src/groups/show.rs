//! `GET /v1/groups/{name}`: members, commits and lag, in records and in seconds.

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

/// Everything about a group.
pub(crate) async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
) -> Answer {
    let broker = admin.allow(&who, Action::Read, Resource::group(&name))?;
    let group = GroupName::parse(&name)?;
    let about = broker.groups().describe(&group).await?;
    let lag = broker.groups().lag(&group).await?;
    let members: Vec<_> = about
        .members
        .iter()
        .map(|m| {
            json!({
                "id": m.member_id.to_string(),
                "instance_id": m.instance_id,
                "client_id": m.client_id,
                "host": m.client_host,
            })
        })
        .collect();
    let partitions: Vec<_> = lag
        .iter()
        .map(|p| {
            json!({
                "topic": p.topic.as_str(),
                "partition": p.partition,
                "committed": p.committed.to_string(),
                "log_start": p.log_start.to_string(),
                "end": p.end.to_string(),
                "lag": p.records.to_string(),
                "lag_ms": p.behind_ms.to_string(),
            })
        })
        .collect();
    ok(json!({
        "name": name,
        "state": about.state.name(),
        "generation": about.generation,
        "type": about.protocol_type,
        "protocol": about.protocol,
        "members": members,
        "partitions": partitions,
        "lag": lag.iter().map(|p| p.records).sum::<u64>().to_string(),
        "lag_ms": lag.iter().map(|p| p.behind_ms).max().unwrap_or(0).to_string(),
    }))
}
