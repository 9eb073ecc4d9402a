//! ChangeMessageVisibilityBatch → Successful, Failed.

use serde::{Deserialize, Serialize};
use trine_aws::{Document, Member};
use trine_broker::{Action, Receipt};

use super::{required, visibility};
use crate::{
    ErrorKind, SqsError,
    batch::{self, BatchReply, Entry},
    context::Context,
    failure,
    wire::Int,
};

const ENTRY: &str = "ChangeMessageVisibilityBatchRequestEntry";

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
    entries: Option<Vec<RequestEntry>>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
struct RequestEntry {
    id: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<Int>,
}

impl Document for Request {
    const SHAPE: &'static [Member] =
        &[Member::list_of("Entries", &[ENTRY], &[Member::or_nothing("VisibilityTimeout")])];
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Changed {
    id: String,
}

impl Entry for Changed {
    const ELEMENTS: &'static [&'static str] = &["ChangeMessageVisibilityBatchResultEntry"];
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<BatchReply<Changed>, SqsError> {
    let entries = request.entries.unwrap_or_default();
    let queue = cx.queue(request.queue_url.as_deref(), Action::Receive)?;
    batch::check(ENTRY, entries.iter().map(|entry| entry.id.as_deref()))?;
    // Optional in the model; the queue's own timeout is what a receive without one gets.
    let default = Int(i64::try_from(queue.settings().visibility_ms / 1000).unwrap_or(i64::MAX));
    let mut reply = BatchReply::default();
    let (mut receipts, mut waiting) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
    for entry in entries {
        let id = entry.id.unwrap_or_default();
        let seconds = entry.visibility_timeout.unwrap_or(default);
        match checked(entry.receipt_handle.as_deref(), seconds) {
            Ok(receipt) => {
                receipts.push(receipt);
                waiting.push((id, entry.receipt_handle.unwrap_or_default(), seconds));
            }
            Err(error) => reply.push(id, Err(error)),
        }
    }
    if receipts.is_empty() {
        return Ok(reply);
    }
    let mut results = cx.queues().extend(&queue, receipts).await?.into_iter();
    for (id, handle, seconds) in waiting {
        let result = match results.next() {
            Some(Ok(())) => Ok(Changed { id: id.clone() }),
            Some(Err(error)) => Err(failure::receipt(error, &handle, Some(seconds.0))),
            None => Err(SqsError::new(ErrorKind::InternalFailure, "The broker did not answer.")),
        };
        reply.push(id, result);
    }
    Ok(reply)
}

fn checked(handle: Option<&str>, seconds: Int) -> Result<(Receipt, u64), SqsError> {
    let handle = required(handle, "ReceiptHandle")?;
    let visibility_ms = visibility(seconds)?;
    let receipt = Receipt::parse(handle).ok_or_else(|| SqsError::bad_receipt(handle))?;
    Ok((receipt, visibility_ms))
}
