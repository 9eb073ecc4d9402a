//! `GET /v1/topics/{name}`: partitions and settings.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
};
use serde_json::{Value, json};
use trine_broker::{Action, Broker, Principal, Resource, Topic};
use trine_core::catalog::TOPIC_SETTINGS;

use crate::{
    Admin,
    router::{Answer, ok},
    time,
    topics::find,
};

/// Everything about a topic.
pub(crate) async fn show(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
) -> Answer {
    let broker = admin.allow(&who, Action::Read, Resource::topic(&name))?;
    ok(describe(broker, &find(broker, &name)?))
}

/// The topic as JSON.
pub(crate) fn describe(broker: &Broker, topic: &Arc<Topic>) -> Value {
    let partitions: Vec<_> = topic
        .all_partitions()
        .map(|partition| {
            let stats = broker.streams().partition_stats(&partition);
            json!({
                "partition": partition.index(),
                "log_start": stats.log_start.to_string(),
                "end": stats.end.to_string(),
                "records": (stats.end - stats.log_start).to_string(),
                "bytes": stats.bytes.to_string(),
                "leader_epoch": stats.leader_epoch,
            })
        })
        .collect();
    let overrides = &topic.config.overrides;
    let settings: Vec<_> = TOPIC_SETTINGS
        .iter()
        .map(|spec| {
            let own = overrides.get(spec.name).map(String::as_str);
            let value = own.unwrap_or_else(|| broker.config().topic_defaults.get(spec).0);
            json!({ "name": spec.name, "value": value, "default": own.is_none() })
        })
        .collect();
    json!({
        "name": topic.name.as_str(),
        "id": topic.id.to_string(),
        "created": time::to_rfc3339(topic.created_at.0),
        "partitions": partitions,
        "settings": settings,
    })
}
