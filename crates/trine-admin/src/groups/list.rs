//! `GET /v1/groups`.

use std::sync::Arc;

use axum::{Extension, extract::State, http::Uri};
use serde_json::json;
use trine_broker::{Action, Principal, Resource};

use crate::{
    Admin,
    page::{self, PageQuery},
    router::{Answer, ok},
};

/// Groups the caller may read.
pub(crate) async fn list(State(admin): State<Arc<Admin>>, Extension(who): Extension<Principal>, uri: Uri) -> Answer {
    let broker = admin.broker()?;
    let query: PageQuery = page::query(&uri)?;
    let all = broker.groups().list(&[], &[]).await?;
    let visible = all
        .into_iter()
        .filter(|group| admin.access().check(&who, Action::Read, Resource::group(group.name.as_str())).is_ok());
    let page = query.cut(visible, |group| group.name.as_str())?;
    let groups: Vec<_> = page
        .items
        .iter()
        .map(|group| {
            json!({
                "name": group.name.as_str(),
                "state": group.state.name(),
                "type": group.protocol_type,
                "members": group.members,
            })
        })
        .collect();
    ok(json!({ "groups": groups, "next": page.next }))
}
