//! DeleteMessageBatch → Successful, Failed.

use serde::{Deserialize, Serialize};
use trine_aws::{Document, Member};
use trine_broker::{Action, Receipt};

use super::required;
use crate::{
    ErrorKind, SqsError,
    batch::{self, BatchReply, Entry},
    context::Context,
    failure,
};

const ENTRY: &str = "DeleteMessageBatchRequestEntry";

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
}

impl Document for Request {
    const SHAPE: &'static [Member] = &[Member::list("Entries", &[ENTRY])];
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Deleted {
    id: String,
}

impl Entry for Deleted {
    const ELEMENTS: &'static [&'static str] = &["DeleteMessageBatchResultEntry"];
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<BatchReply<Deleted>, SqsError> {
    let entries = request.entries.unwrap_or_default();
    let queue = cx.queue(request.queue_url.as_deref(), Action::Receive)?;
    batch::check(ENTRY, entries.iter().map(|entry| entry.id.as_deref()))?;
    let mut reply = BatchReply::default();
    let (mut receipts, mut waiting) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
    for entry in entries {
        let id = entry.id.unwrap_or_default();
        let receipt = required(entry.receipt_handle.as_deref(), "ReceiptHandle")
            .and_then(|handle| Receipt::parse(handle).ok_or_else(|| SqsError::bad_receipt(handle)));
        match receipt {
            Ok(receipt) => {
                receipts.push(receipt);
                waiting.push((id, entry.receipt_handle.unwrap_or_default()));
            }
            Err(error) => reply.push(id, Err(error)),
        }
    }
    if receipts.is_empty() {
        return Ok(reply);
    }
    let mut results = cx.queues().ack(&queue, receipts).await?.into_iter();
    for (id, handle) in waiting {
        let result = match results.next() {
            Some(Ok(())) => Ok(Deleted { id: id.clone() }),
            Some(Err(error)) => Err(failure::receipt(error, &handle, None)),
            None => Err(SqsError::new(ErrorKind::InternalFailure, "The broker did not answer.")),
        };
        reply.push(id, result);
    }
    Ok(reply)
}
