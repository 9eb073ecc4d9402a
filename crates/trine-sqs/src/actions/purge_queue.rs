//! PurgeQueue: removes every message, also those in flight and delayed, and forgets deduplication ids.

use serde::Deserialize;
use trine_aws::Document;
use trine_broker::Action;

use super::Nothing;
use crate::{ErrorKind, SqsError, context::Context};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
}

impl Document for Request {}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Nothing, SqsError> {
    let queue = cx.queue(request.queue_url.as_deref(), Action::Delete)?;
    let interval = cx.service.config.purge_interval;
    if !cx.service.purges.begin(queue.id(), cx.service.clock.mono(), interval) {
        return Err(SqsError::new(
            ErrorKind::PurgeQueueInProgress,
            format!(
                "Only one PurgeQueue operation on {} is allowed every {} seconds.",
                queue.name(),
                interval.as_secs()
            ),
        ));
    }
    cx.queues().purge(&queue).await?;
    Ok(Nothing)
}
