//! ChangeMessageVisibility: counts from now; 0 gives the message back. At most 12 hours since it was received. A message of a standard queue that is
//! available again stays so, without an error.

use serde::Deserialize;
use trine_aws::{Document, Member};
use trine_broker::{Action, Receipt};

use super::{Nothing, required, visibility};
use crate::{ErrorKind, SqsError, context::Context, failure, wire::Int};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<Int>,
}

impl Document for Request {
    const SHAPE: &'static [Member] = &[Member::or_nothing("VisibilityTimeout")];
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Nothing, SqsError> {
    let place = cx.place(request.queue_url.as_deref())?;
    let handle = required(request.receipt_handle.as_deref(), "ReceiptHandle")?;
    let seconds = request.visibility_timeout.ok_or_else(|| SqsError::missing("VisibilityTimeout"))?;
    let queue = cx.at(place, Action::Receive)?;
    let visibility_ms = visibility(seconds)?;
    let receipt = Receipt::parse(handle).ok_or_else(|| SqsError::bad_receipt(handle))?;
    match cx.queues().extend(&queue, vec![(receipt, visibility_ms)]).await?.pop() {
        Some(Ok(())) => Ok(Nothing),
        Some(Err(error)) => Err(failure::receipt(error, handle, Some(seconds.0))),
        None => Err(SqsError::new(ErrorKind::InternalFailure, "The broker did not answer.")),
    }
}
