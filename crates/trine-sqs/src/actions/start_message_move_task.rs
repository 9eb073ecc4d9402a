//! StartMessageMoveTask → TaskHandle. Moves what waits in a dead-letter queue to a destination, or each message to the queue it came from, oldest first.
//! A message that was moved is a new one.

use serde::{Deserialize, Serialize};
use trine_aws::{Document, Member};
use trine_broker::{Action, MoveError, StartMove};

use super::required;
use crate::{SqsError, context::Context, task_handle::TaskHandle, wire::Int};

/// Greatest rate in messages a second.
const RATE_MAX: i64 = 500;

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    source_arn: Option<String>,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<Int>,
}

impl Document for Request {
    const SHAPE: &'static [Member] =
        &[Member::or_nothing("DestinationArn"), Member::or_nothing("MaxNumberOfMessagesPerSecond")];
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Reply {
    task_handle: String,
}

impl Document for Reply {}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Reply, SqsError> {
    let source_arn = required(request.source_arn.as_deref(), "SourceArn")?;
    let source = cx.of_arn(source_arn, "SourceArn", Action::Receive)?;
    let destination = match request.destination_arn.as_deref().filter(|arn| !arn.is_empty()) {
        Some(arn) => Some(cx.of_arn(arn, "DestinationArn", Action::Send)?),
        None => None,
    };
    let rate = match request.max_number_of_messages_per_second {
        None => None,
        Some(n) if (1..=RATE_MAX).contains(&n.0) => u32::try_from(n.0).ok(),
        Some(n) => {
            return Err(SqsError::parameter(
                n,
                "MaxNumberOfMessagesPerSecond",
                "Must be between 1 and 500, if provided.",
            ));
        }
    };
    if cx.queues().dead_letter_sources(&source).is_empty() {
        return Err(SqsError::invalid("Source queue must be configured as a Dead Letter Queue."));
    }
    let start = StartMove { source, destination, rate, max: None, only: None, edits: Vec::new() };
    let id = cx.queues().start_move(start).await.map_err(|error| match error {
        MoveError::SameQueue | MoveError::KindDiffers => SqsError::parameter(
            request.destination_arn.as_deref().unwrap_or_default(),
            "DestinationArn",
            &format!("{error}."),
        ),
        other => other.into(),
    })?;
    let handle = TaskHandle { task_id: id.hyphenated(), source_arn: source_arn.to_owned() };
    Ok(Reply { task_handle: handle.to_text() })
}
