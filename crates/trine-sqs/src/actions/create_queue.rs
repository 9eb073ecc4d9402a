//! CreateQueue → QueueUrl. An existing queue is answered with its URL unless an attribute given here differs from what the queue has now.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trine_aws::{Document, Member};
use trine_broker::{Action, NewQueue, QueueError};

use super::required;
use crate::{
    ErrorKind, SqsError,
    attributes::{self, Changes},
    context::Context,
    name,
    shapes::ATTRIBUTES,
    tags,
};

/// Names with this ending are FIFO queues; the attribute must agree.
const FIFO_ATTRIBUTE: &str = "FifoQueue";

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_name: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
    // The one request of the service whose member begins with a small letter.
    #[serde(rename = "tags")]
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Reply {
    pub(crate) queue_url: String,
}

impl Document for Request {
    const SHAPE: &'static [Member] = &[ATTRIBUTES, Member::map("tags", &["Tag", "Tags"], "Key", "Value")];
}

impl Document for Reply {}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Reply, SqsError> {
    let text = required(request.queue_name.as_deref(), "QueueName")?;
    let raw = request.attributes.unwrap_or_default();
    let fifo = raw.get(FIFO_ATTRIBUTE).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let name = name::parse_new(text, fifo)?;
    cx.authorize(cx.namespace(), Action::Create, name.as_str())?;
    let changes = attributes::parse_changes(&raw, fifo, true)?;
    let others = cx.others(cx.namespace());
    if let Some(existing) = cx.queues().get(cx.namespace(), &name) {
        return answer_existing(cx, &changes, &existing);
    }
    let mut settings = attributes::new_settings(fifo);
    attributes::apply(&changes, &mut settings, &name, &others, true)?;
    tags::merge(text, &mut settings.tags, request.tags.unwrap_or_default())?;
    let new = NewQueue {
        namespace: cx.namespace().clone(),
        name: name.clone(),
        settings,
        cooldown: cx.service.config.delete_cooldown,
    };
    match cx.queues().create(new).await {
        Ok(queue) => Ok(Reply { queue_url: cx.url(&queue) }),
        Err(QueueError::Exists(_)) => match cx.queues().get(cx.namespace(), &name) {
            // Somebody else was faster.
            Some(existing) => answer_existing(cx, &changes, &existing),
            None => {
                Err(SqsError::new(ErrorKind::ServiceUnavailable, "The queue is being created or deleted; try again."))
            }
        },
        Err(error) => Err(error.into()),
    }
}

fn answer_existing(cx: &Context<'_>, changes: &Changes, existing: &trine_broker::QueueRef) -> Result<Reply, SqsError> {
    let others = cx.others(cx.namespace());
    match attributes::differs(changes, &existing.settings(), &others) {
        None => Ok(Reply { queue_url: cx.url(existing) }),
        Some(attribute) => Err(SqsError::new(
            ErrorKind::QueueNameExists,
            format!(
                "A queue already exists with the same name and a different value for attribute {}",
                attribute.as_str()
            ),
        )),
    }
}
