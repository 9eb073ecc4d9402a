//! SetQueueAttributes: all or none.

use std::collections::BTreeMap;

use serde::Deserialize;
use trine_aws::{Document, Member};
use trine_broker::Action;

use super::Nothing;
use crate::{SqsError, attributes, context::Context, shapes::ATTRIBUTES};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
}

impl Document for Request {
    const SHAPE: &'static [Member] = &[ATTRIBUTES];
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Nothing, SqsError> {
    let raw = request.attributes.filter(|map| !map.is_empty());
    let place = cx.place(request.queue_url.as_deref())?;
    let raw = raw.ok_or_else(|| SqsError::missing("Attributes"))?;
    let queue = cx.at(place, Action::Configure)?;
    let mut settings = (*queue.settings()).clone();
    let changes = attributes::parse_changes(&raw, settings.fifo, false)?;
    attributes::apply(&changes, &mut settings, &queue.name(), &cx.others(&queue.namespace()), false)?;
    cx.queues().alter(&queue, settings).await?;
    Ok(Nothing)
}
