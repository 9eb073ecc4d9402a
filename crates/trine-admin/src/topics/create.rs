//! `POST /v1/topics` `{name, partitions?, settings?}`.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Extension, extract::State};
use bytes::Bytes;
use serde::Deserialize;
use trine_broker::{Action, NewTopic, Principal, Resource};
use trine_types::TopicName;

use crate::{
    Admin,
    error::ApiError,
    page,
    router::{Answer, created},
    topics::show::describe,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: String,
    partitions: Option<u32>,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    ns: Option<String>,
}

/// Creates a topic.
pub(crate) async fn create(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    body: Bytes,
) -> Answer {
    let wanted: Create = page::json(&body)?;
    page::namespace(wanted.ns.as_deref())?;
    let broker = admin.allow(&who, Action::Create, Resource::topic(&wanted.name))?;
    let new =
        NewTopic { name: TopicName::parse(&wanted.name)?, partitions: wanted.partitions, settings: wanted.settings };
    let mut results = broker.topics().create(vec![new], false).await;
    let topic = results.pop().ok_or_else(|| ApiError::internal("the broker gave no answer"))??;
    created(describe(broker, &topic))
}
