//! DeleteQueue. Its messages are gone at once; receives that wait on it end.

use serde::Deserialize;
use trine_aws::Document;
use trine_broker::Action;

use super::Nothing;
use crate::{SqsError, context::Context};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
}

impl Document for Request {}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Nothing, SqsError> {
    let queue = cx.queue(request.queue_url.as_deref(), Action::Delete)?;
    cx.queues().delete(&queue).await?;
    Ok(Nothing)
}
