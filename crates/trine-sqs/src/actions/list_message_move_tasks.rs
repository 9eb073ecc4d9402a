//! ListMessageMoveTasks → Results, newest first.

use serde::{Deserialize, Serialize};
use trine_aws::{Document, Member};
use trine_broker::{Action, MOVE_NO_DESTINATION, MOVE_NO_ORIGIN, MoveStatus, MoveTask};

use super::required;
use crate::{SqsError, context::Context, task_handle::TaskHandle, wire::Int};

/// Most tasks shown.
const RESULTS_MAX: usize = 10;

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    source_arn: Option<String>,
    max_results: Option<Int>,
}

impl Document for Request {
    const SHAPE: &'static [Member] = &[Member::or_nothing("MaxResults")];
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Reply {
    results: Vec<Task>,
}

impl Document for Reply {
    const SHAPE: &'static [Member] = &[Member::list("Results", &["ListMessageMoveTasksResultEntry"])];
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "PascalCase")]
struct Task {
    /// Only of a task that can be cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_handle: Option<String>,
    status: &'static str,
    source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_number_of_messages_per_second: Option<u32>,
    approximate_number_of_messages_moved: u64,
    approximate_number_of_messages_to_move: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<String>,
    started_timestamp: i64,
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Reply, SqsError> {
    let arn = required(request.source_arn.as_deref(), "SourceArn")?;
    let source = cx.of_arn(arn, "SourceArn", Action::Read)?;
    let limit = match request.max_results {
        None => 1,
        Some(Int(n)) => match usize::try_from(n) {
            Ok(n) if (1..=RESULTS_MAX).contains(&n) => n,
            _ => return Err(SqsError::parameter(n, "MaxResults", "Must be between 1 and 10, if provided.")),
        },
    };
    let mut tasks = cx.queues().list_moves(&source).await?;
    tasks.sort_by_key(|task| std::cmp::Reverse(task.started_at));
    tasks.truncate(limit);
    let namespace = source.namespace();
    let show = |task: MoveTask| Task {
        task_handle: (task.status == MoveStatus::Running)
            .then(|| TaskHandle { task_id: task.id.hyphenated(), source_arn: arn.to_owned() }.to_text()),
        status: status(task.status),
        source_arn: arn.to_owned(),
        destination_arn: task.destination.as_ref().map(|name| cx.names().arn(&namespace, name)),
        max_number_of_messages_per_second: task.rate,
        approximate_number_of_messages_moved: task.moved,
        approximate_number_of_messages_to_move: task.to_move,
        failure_reason: task.failure.map(reason),
        started_timestamp: task.started_at.0,
    };
    Ok(Reply { results: tasks.into_iter().map(show).collect() })
}

/// The service's codes, where it has one.
fn reason(failure: String) -> String {
    match failure.as_str() {
        MOVE_NO_ORIGIN => "CouldNotDetermineMessageSource".to_owned(),
        MOVE_NO_DESTINATION => "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
        _ => failure,
    }
}

const fn status(status: MoveStatus) -> &'static str {
    match status {
        MoveStatus::Running => "RUNNING",
        MoveStatus::Cancelling => "CANCELLING",
        MoveStatus::Cancelled => "CANCELLED",
        MoveStatus::Completed => "COMPLETED",
        MoveStatus::Failed => "FAILED",
    }
}
