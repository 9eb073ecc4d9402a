//! UntagQueue: removes tags; keys the queue does not have are ignored.

use serde::Deserialize;
use trine_aws::{Document, Member};
use trine_broker::Action;

use super::Nothing;
use crate::{SqsError, context::Context, shapes::list, tags};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
    tag_keys: Option<Vec<String>>,
}

impl Document for Request {
    const SHAPE: &'static [Member] = &[list("TagKeys", &["TagKey"])];
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Nothing, SqsError> {
    let queue = cx.queue(request.queue_url.as_deref(), Action::Configure)?;
    let keys = request.tag_keys.unwrap_or_default();
    tags::check_keys(&keys)?;
    let mut settings = (*queue.settings()).clone();
    settings.tags.retain(|key, _| !keys.contains(key));
    cx.queues().alter(&queue, settings).await?;
    Ok(Nothing)
}
