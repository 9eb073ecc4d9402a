//! `GET /v1/topics`: names, sizes.

use std::sync::Arc;

use axum::{Extension, extract::State, http::Uri};
use serde_json::json;
use trine_broker::{Action, Principal, Resource};

use crate::{
    Admin,
    page::{self, PageQuery},
    router::{Answer, ok},
};

/// Topics the caller may read.
pub(crate) async fn list(State(admin): State<Arc<Admin>>, Extension(who): Extension<Principal>, uri: Uri) -> Answer {
    let broker = admin.broker()?;
    let query: PageQuery = page::query(&uri)?;
    let catalog = broker.catalog();
    let visible = catalog
        .topics()
        .filter(|topic| admin.access().check(&who, Action::Read, Resource::topic(topic.name.as_str())).is_ok());
    let page = query.cut(visible, |topic| topic.name.as_str())?;
    let topics: Vec<_> = page
        .items
        .iter()
        .map(|topic| {
            let (mut records, mut bytes) = (0, 0);
            for partition in topic.all_partitions() {
                let stats = broker.streams().partition_stats(&partition);
                records += stats.end - stats.log_start;
                bytes += stats.bytes;
            }
            json!({
                "name": topic.name.as_str(),
                "id": topic.id.to_string(),
                "partitions": topic.partitions(),
                "records": records.to_string(),
                "bytes": bytes.to_string(),
            })
        })
        .collect();
    ok(json!({ "topics": topics, "next": page.next }))
}
