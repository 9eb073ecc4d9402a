//! ListQueueTags → Tags.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trine_aws::{Document, Member};
use trine_broker::Action;

use crate::{SqsError, context::Context, shapes::TAGS};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Reply {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

impl Document for Request {}

impl Document for Reply {
    const SHAPE: &'static [Member] = &[TAGS];
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Reply, SqsError> {
    let queue = cx.queue(request.queue_url.as_deref(), Action::Read)?;
    Ok(Reply { tags: queue.settings().tags.clone() })
}
