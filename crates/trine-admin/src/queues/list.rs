//! `GET /v1/queues`: names and how much waits in them.

use std::sync::Arc;

use axum::{Extension, extract::State, http::Uri};
use serde_json::json;
use trine_broker::{Action, Principal, Resource};
use trine_types::Namespace;

use super::show::age;
use crate::{
    Admin,
    page::{self, PageQuery},
    router::{Answer, ok},
};

/// Queues the caller may read.
pub(crate) async fn list(State(admin): State<Arc<Admin>>, Extension(who): Extension<Principal>, uri: Uri) -> Answer {
    let broker = admin.broker()?;
    let (prefix, after, limit) = page::query::<PageQuery>(&uri)?.parts()?;
    let namespace = Namespace::default();
    // One more than the page says whether there is another.
    let mut found = broker.queues().list(&namespace, &prefix, after.as_deref(), limit + 1);
    let next = found.get(limit).and_then(|_| found.get(limit - 1)).map(|last| last.name().to_string());
    found.truncate(limit);
    let now = broker.clock().now();
    let mut queues = Vec::new();
    for queue in found {
        let name = queue.name();
        if admin.access().check(&who, Action::Read, Resource::queue(name.as_str())).is_err() {
            continue;
        }
        let stats = broker.queues().stats(&queue).await?;
        queues.push(json!({
            "name": name.as_str(),
            "fifo": queue.settings().fifo,
            "ready": stats.ready.to_string(),
            "in_flight": stats.in_flight.to_string(),
            "delayed": stats.delayed.to_string(),
            "moving": stats.moving.to_string(),
            "bytes": stats.bytes.to_string(),
            "oldest_age": stats.oldest_sent_at.map(|at| age(at, now)),
        }));
    }
    ok(json!({ "queues": queues, "next": next }))
}
