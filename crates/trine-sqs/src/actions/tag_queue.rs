//! TagQueue: adds tags, replacing those with the same keys.

use std::collections::BTreeMap;

use serde::Deserialize;
use trine_aws::{Document, Member};
use trine_broker::Action;

use super::Nothing;
use crate::{SqsError, context::Context, shapes::TAGS, tags};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

impl Document for Request {
    const SHAPE: &'static [Member] = &[TAGS];
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Nothing, SqsError> {
    let place = cx.place(request.queue_url.as_deref())?;
    let added = request.tags.filter(|tags| !tags.is_empty()).ok_or_else(|| SqsError::missing("Tags"))?;
    let queue = cx.at(place, Action::Configure)?;
    let mut settings = (*queue.settings()).clone();
    tags::merge(queue.name().as_str(), &mut settings.tags, added)?;
    cx.queues().alter(&queue, settings).await?;
    Ok(Nothing)
}
