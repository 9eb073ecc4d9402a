//! DeleteMessage. Any handle ever issued for a message of a standard queue deletes it; a FIFO queue wants one that has not expired. Deleting what is gone
//! succeeds.

use serde::Deserialize;
use trine_aws::Document;
use trine_broker::{Action, Receipt};

use super::{Nothing, required};
use crate::{ErrorKind, SqsError, context::Context, failure};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
}

impl Document for Request {}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Nothing, SqsError> {
    let place = cx.place(request.queue_url.as_deref())?;
    let handle = required(request.receipt_handle.as_deref(), "ReceiptHandle")?;
    let queue = cx.at(place, Action::Receive)?;
    let receipt = Receipt::parse(handle).ok_or_else(|| SqsError::bad_receipt(handle))?;
    match cx.queues().ack(&queue, vec![receipt]).await?.pop() {
        Some(Ok(())) => Ok(Nothing),
        Some(Err(error)) => Err(failure::receipt(error, handle, None)),
        None => Err(SqsError::new(ErrorKind::InternalFailure, "The broker did not answer.")),
    }
}
