//! `POST /v1/queues/{name}/redrive` `{to?, match?, rate?, max?, only?, edits?}`: moves messages to another queue, or each to the one it came from. Answers lines of
//! `{task, status, moved, to_move, failure}` until it is done; it goes on when the caller leaves. `{cancel: TASK}` stops one.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Path, State},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use trine_broker::{
    Action, Broker, MessageState, MoveStatus, MoveTask, MoveTaskId, Principal, QueueRef, Resource, StartMove,
};
use trine_core::queues::MessageNumber;

use super::{
    find,
    peek::{matching, number},
};
use crate::{
    Admin,
    error::ApiError,
    expression::Expression,
    lines::{LineSender, lines},
    page,
    payload::{self, Encoding},
    router::{Answer, ok},
};

/// How often a line is written.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// Most messages one call chooses with `match` or `only`.
const CHOSEN_MAX: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    to: Option<String>,
    #[serde(rename = "match")]
    expression: Option<String>,
    rate: Option<u32>,
    max: Option<u64>,
    only: Option<Vec<String>>,
    #[serde(default)]
    edits: Vec<Edit>,
    cancel: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    number: String,
    body: String,
    #[serde(default)]
    encoding: Option<Encoding>,
}

/// Moves messages.
pub(crate) async fn redrive(
    State(admin): State<Arc<Admin>>,
    Extension(who): Extension<Principal>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let wanted: Wanted = page::json(&body)?;
    let broker = admin.allow(&who, Action::Receive, Resource::queue(&name))?;
    let source = find(broker, &name)?;
    if let Some(task) = &wanted.cancel {
        let task = MoveTaskId::parse_hyphenated(task).ok_or_else(|| ApiError::invalid("cancel names no task"))?;
        let moved = broker.queues().cancel_move(&source, task).await?;
        return ok(json!({ "moved": moved.to_string() }));
    }
    let destination = match &wanted.to {
        Some(to) => {
            admin.access().check(&who, Action::Send, Resource::queue(to))?;
            Some(find(broker, to)?)
        }
        None => None,
    };
    let expression = Expression::parse(wanted.expression.as_deref().unwrap_or_default())?;
    let only = match (&wanted.only, expression.is_empty()) {
        (Some(_), false) => return Err(ApiError::invalid("only and match contradict each other")),
        (Some(only), true) => Some(bounded(only.iter().map(|text| number(text)).collect::<Result<Vec<_>, _>>()?)?),
        (None, false) => Some(choose(broker, &source, &expression, wanted.max).await?),
        (None, true) => None,
    };
    let edits = wanted
        .edits
        .into_iter()
        .map(|edit| {
            let body = payload::decode(edit.body, edit.encoding.unwrap_or_default(), "body")?;
            Ok((number(&edit.number)?, body.into()))
        })
        .collect::<Result<Vec<_>, ApiError>>()?;
    let start = StartMove { source: source.clone(), destination, rate: wanted.rate, max: wanted.max, only, edits };
    let task = broker.queues().start_move(start).await?;
    let (sender, response) = lines();
    let broker = broker.clone();
    tokio::spawn(async move { follow(&broker, &source, task, &sender).await });
    Ok(response)
}

/// The numbers of messages that match.
async fn choose(
    broker: &Broker,
    source: &QueueRef,
    expression: &Expression,
    max: Option<u64>,
) -> Result<Vec<MessageNumber>, ApiError> {
    let wanted = max.map_or(CHOSEN_MAX, |max| usize::try_from(max).unwrap_or(CHOSEN_MAX).min(CHOSEN_MAX));
    let mut chosen = Vec::new();
    let mut from = None;
    while chosen.len() < wanted {
        let page = (wanted - chosen.len()).min(trine_broker::PEEK_MAX);
        let found = matching(broker, source, Some(MessageState::Ready), expression, from, page).await?;
        chosen.extend(found.messages.iter().map(|peeked| peeked.number));
        match found.next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    Ok(chosen)
}

fn bounded(numbers: Vec<MessageNumber>) -> Result<Vec<MessageNumber>, ApiError> {
    if numbers.len() > CHOSEN_MAX {
        let message = format!("{} messages are named; at most {CHOSEN_MAX} are possible", numbers.len());
        return Err(ApiError::invalid(message).limit("only", CHOSEN_MAX));
    }
    Ok(numbers)
}

async fn follow(broker: &Broker, source: &QueueRef, id: MoveTaskId, sender: &LineSender) {
    loop {
        let task = match broker.queues().list_moves(source).await {
            Ok(tasks) => tasks.into_iter().find(|task| task.id == id),
            Err(error) => {
                let mut line = ApiError::from(error).to_json().to_string().into_bytes();
                line.push(b'\n');
                let _ = sender.send(line).await;
                return;
            }
        };
        let Some(task) = task else { return };
        let mut line = encode(&task).to_string().into_bytes();
        line.push(b'\n');
        let over = !matches!(task.status, MoveStatus::Running | MoveStatus::Cancelling);
        if sender.send(line).await.is_err() || over {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(TELL_EVERY) => {}
            () = sender.gone() => return,
        }
    }
}

fn encode(task: &MoveTask) -> Value {
    let status = match task.status {
        MoveStatus::Running => "running",
        MoveStatus::Cancelling => "cancelling",
        MoveStatus::Cancelled => "cancelled",
        MoveStatus::Completed => "completed",
        MoveStatus::Failed => "failed",
    };
    json!({
        "task": task.id.hyphenated(),
        "status": status,
        "moved": task.moved.to_string(),
        "to_move": task.to_move.to_string(),
        "failure": task.failure,
    })
}
