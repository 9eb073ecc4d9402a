//! RemovePermission: takes a statement out of the queue's policy.

use serde::Deserialize;
use trine_aws::Document;
use trine_broker::Action;

use super::{Nothing, required};
use crate::{SqsError, attributes, context::Context, permission};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
    label: Option<String>,
}

impl Document for Request {}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Nothing, SqsError> {
    let place = cx.place(request.queue_url.as_deref())?;
    let label = required(request.label.as_deref(), "Label")?;
    let queue = cx.at(place, Action::Configure)?;
    let mut settings = (*queue.settings()).clone();
    let policy = permission::remove(attributes::policy(&settings), label)?;
    attributes::set_policy(&mut settings, policy);
    cx.queues().alter(&queue, settings).await?;
    Ok(Nothing)
}
