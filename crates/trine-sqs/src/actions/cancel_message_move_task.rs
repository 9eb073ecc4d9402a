//! CancelMessageMoveTask → ApproximateNumberOfMessagesMoved. What was moved stays moved.

use serde::{Deserialize, Serialize};
use trine_aws::Document;
use trine_broker::{Action, MoveError};
use trine_types::Uuid;

use super::required;
use crate::{SqsError, context::Context, task_handle::TaskHandle};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    task_handle: Option<String>,
}

impl Document for Request {}

#[derive(Serialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Reply {
    approximate_number_of_messages_moved: u64,
}

impl Document for Reply {}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Reply, SqsError> {
    let handle = TaskHandle::parse(required(request.task_handle.as_deref(), "TaskHandle")?)?;
    let source = cx.of_arn(&handle.source_arn, "SourceArn", Action::Receive)?;
    let id = Uuid::parse_hyphenated(&handle.task_id).ok_or_else(|| SqsError::from(MoveError::UnknownTask))?;
    let moved = cx.queues().cancel_move(&source, id).await?;
    Ok(Reply { approximate_number_of_messages_moved: moved })
}
