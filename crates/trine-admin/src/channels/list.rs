//! `GET /v1/channels`: channels with subscribers, and figures of all of them.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Extension, extract::State, http::Uri};
use serde_json::json;
use trine_broker::{
    Action, Principal, Resource,
    pubsub::{CutOff, Space},
};

use super::text;
use crate::{
    Admin,
    page::{self, PageQuery},
    router::{Answer, ok},
};

/// Channels the caller may subscribe to.
pub(crate) async fn list(State(admin): State<Arc<Admin>>, Extension(who): Extension<Principal>, uri: Uri) -> Answer {
    let broker = admin.broker()?;
    let query: PageQuery = page::query(&uri)?;
    let all = broker.pubsub().channels(Space::Global, None, None, usize::MAX);
    let visible = all
        .into_iter()
        .map(|info| (text(&info.name), info.subscriptions))
        .filter(|(name, _)| admin.access().check(&who, Action::Subscribe, Resource::channel(name)).is_ok());
    let page = query.cut(visible, |(name, _)| name)?;
    let channels: Vec<_> = page
        .items
        .iter()
        .map(|(name, subscribers)| json!({ "name": name, "subscribers": subscribers.to_string() }))
        .collect();
    let stats = broker.pubsub().stats();
    let cut_off: BTreeMap<_, _> =
        CutOff::ALL.iter().zip(stats.cut_offs).map(|(reason, count)| (reason.as_str(), count.to_string())).collect();
    ok(json!({
        "channels": channels,
        "next": page.next,
        "stats": {
            "channels": stats.channels.to_string(),
            "shard_channels": stats.shard_channels.to_string(),
            "patterns": stats.patterns.to_string(),
            "subscribers": stats.subscribers.to_string(),
            "published": stats.messages_in.to_string(),
            "delivered": stats.messages_out.to_string(),
            "outbox_bytes": stats.outbox_bytes.to_string(),
            "cut_off": cut_off,
        },
    }))
}
