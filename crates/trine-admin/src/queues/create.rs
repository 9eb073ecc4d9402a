//! `POST /v1/queues` `{name, settings?, attributes?, tags?}`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Extension, extract::State};
use bytes::Bytes;
use serde::Deserialize;
use trine_broker::{Action, NewQueue, Principal, Resource};
use trine_core::queues::QueueSettings;
use trine_types::{Namespace, QueueName};

use super::show::describe;
use crate::{
    Admin, page,
    router::{Answer, created},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: String,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    ns: Option<String>,
}

/// Creates a queue.
pub(crate) async fn create(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    body: Bytes,
) -> Answer {
    let wanted: Create = page::json(&body)?;
    page::namespace(wanted.ns.as_deref())?;
    let broker = admin.allow(&who, Action::Create, Resource::queue(&wanted.name))?;
    let mut settings = QueueSettings { tags: wanted.tags, ..QueueSettings::default() };
    // A dead-letter queue must be named before how often a message is delivered until it goes there.
    let (last, first): (Vec<_>, Vec<_>) = wanted.settings.iter().partition(|(name, _)| *name == "max_receives");
    for (name, value) in first.into_iter().chain(last) {
        settings.set_text(name, Some(value))?;
    }
    let new = NewQueue {
        namespace: Namespace::default(),
        name: QueueName::parse(&wanted.name)?,
        settings,
        cooldown: Duration::ZERO,
    };
    let queue = broker.queues().create(new).await?;
    created(describe(broker, &queue).await?)
}
