//! `PATCH /v1/queues/{name}` `{settings?: {name: value | null}, tags?: {key: value | null}}`: null goes back to the default, or takes the tag away.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use serde::Deserialize;
use trine_broker::{Action, Principal, Resource};
use trine_core::queues::QueueSettings;

use super::{find, show::describe};
use crate::{
    Admin, page,
    router::{Answer, ok},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alter {
    #[serde(default)]
    settings: BTreeMap<String, Option<String>>,
    #[serde(default)]
    tags: BTreeMap<String, Option<String>>,
}

/// Changes a queue.
pub(crate) async fn alter(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let wanted: Alter = page::json(&body)?;
    let broker = admin.allow(&who, Action::Configure, Resource::queue(&name))?;
    let queue = find(broker, &name)?;
    let mut settings = QueueSettings::clone(&queue.settings());
    // A dead-letter queue must be named before how often a message is delivered until it goes there.
    let (last, first): (Vec<_>, Vec<_>) = wanted.settings.iter().partition(|(name, _)| *name == "max_receives");
    for (name, value) in first.into_iter().chain(last) {
        settings.set_text(name, value.as_deref())?;
    }
    for (key, value) in wanted.tags {
        match value {
            Some(value) => settings.tags.insert(key, value),
            None => settings.tags.remove(&key),
        };
    }
    broker.queues().alter(&queue, settings).await?;
    ok(describe(broker, &queue).await?)
}
