//! SendMessageBatch → Successful, Failed. One to ten messages of together at most 1 MiB; those accepted are stored together.

use serde::Deserialize;
use trine_aws::{Document, Member};
use trine_broker::{Action, NewMessage, SendRefusal};

use super::send_message::{self, MESSAGE, Outgoing};
use crate::{
    ErrorKind, SqsError,
    batch::{self, BatchReply, Entry},
    context::Context,
    failure, message,
};

const ENTRY: &str = "SendMessageBatchRequestEntry";

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
    entries: Option<Vec<send_message::Request>>,
}

impl Document for Request {
    const SHAPE: &'static [Member] = &[Member::list_of("Entries", &[ENTRY], MESSAGE)];
}

impl Entry for send_message::Reply {
    const ELEMENTS: &'static [&'static str] = &["SendMessageBatchResultEntry"];
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<BatchReply<send_message::Reply>, SqsError> {
    let entries = request.entries.unwrap_or_default();
    let queue = cx.queue(request.queue_url.as_deref(), Action::Send)?;
    let settings = queue.settings();
    batch::check(ENTRY, entries.iter().map(|entry| entry.id.as_deref()))?;
    batch::check_sum(entries.iter().map(send_message::raw_size).sum())?;
    for entry in &entries {
        // Alone a missing group is a missing parameter, in a batch an invalid one.
        send_message::check_fifo(entry, &settings, |name| SqsError::invalid(SqsError::missing(name).message))?;
    }
    let mut reply = BatchReply::default();
    let (mut messages, mut waiting): (Vec<NewMessage>, Vec<_>) =
        (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
    for mut entry in entries {
        let id = entry.id.take().unwrap_or_default();
        let checked = Outgoing::new(cx, entry, &settings).and_then(|outgoing| {
            let max = settings.max_message_bytes;
            if outgoing.size as u64 > max { Err(failure::too_large_entry(max)) } else { Ok(outgoing) }
        });
        match checked {
            Ok(outgoing) => {
                let (message, sums) = outgoing.split();
                messages.push(message);
                waiting.push((id, sums));
            }
            Err(error) => reply.push(id, Err(error)),
        }
    }
    if messages.is_empty() {
        return Ok(reply);
    }
    let bodies: Vec<&[u8]> = messages.iter().map(|message| message.body.as_ref()).collect();
    let bodies_md5 = message::bodies_md5(&bodies);
    let mut results = cx.queues().send(&queue, messages).await?.into_iter();
    for ((id, sums), body_md5) in waiting.into_iter().zip(bodies_md5) {
        let result = match results.next() {
            Some(Ok(sent)) => Ok(sums.reply(Some(id.clone()), body_md5, sent, settings.fifo)),
            // The queue went away under the whole request.
            Some(Err(SendRefusal::Deleted)) => return Err(SqsError::no_queue()),
            Some(Err(SendRefusal::TooLarge { max, .. })) => Err(failure::too_large_entry(max)),
            Some(Err(refusal)) => Err(refusal.into()),
            None => Err(SqsError::new(ErrorKind::InternalFailure, "The broker did not answer.")),
        };
        reply.push(id, result);
    }
    Ok(reply)
}
