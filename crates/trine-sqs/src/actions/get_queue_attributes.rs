//! GetQueueAttributes → Attributes. The counts are exact.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trine_aws::{Document, Member};
use trine_broker::{Action, QueueStats};

use crate::{
    SqsError,
    attributes::{self, AttributeName},
    context::Context,
    error::shorten,
    shapes::{ATTRIBUTES, list},
};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
    attribute_names: Option<Vec<String>>,
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Reply {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
}

impl Document for Request {
    const SHAPE: &'static [Member] = &[list("AttributeNames", &["AttributeName"])];
}

impl Document for Reply {
    const SHAPE: &'static [Member] = &[ATTRIBUTES];
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Reply, SqsError> {
    let queue = cx.queue(request.queue_url.as_deref(), Action::Read)?;
    let wanted = wanted(&request.attribute_names.unwrap_or_default())?;
    let stats = if wanted.iter().any(|name| is_count(*name)) {
        cx.queues().stats(&queue).await?
    } else {
        QueueStats::default()
    };
    let settings = queue.settings();
    let others = cx.others(&queue.namespace());
    let seconds = |at: trine_types::Timestamp| (at.0 / 1000).to_string();
    let attributes = wanted.into_iter().filter_map(|name| {
        let value = match name {
            AttributeName::ApproximateNumberOfMessages => Some(stats.ready.to_string()),
            AttributeName::ApproximateNumberOfMessagesNotVisible => Some(stats.in_flight.to_string()),
            AttributeName::ApproximateNumberOfMessagesDelayed => Some(stats.delayed.to_string()),
            AttributeName::CreatedTimestamp => Some(seconds(queue.created_at())),
            AttributeName::LastModifiedTimestamp => Some(seconds(queue.altered_at())),
            AttributeName::QueueArn => Some(cx.arn(&queue)),
            name => attributes::show(&settings, name, &others),
        };
        Some((name.as_str(), value?))
    });
    Ok(Reply { attributes: attributes.collect() })
}

const fn is_count(name: AttributeName) -> bool {
    matches!(
        name,
        AttributeName::ApproximateNumberOfMessages
            | AttributeName::ApproximateNumberOfMessagesNotVisible
            | AttributeName::ApproximateNumberOfMessagesDelayed
    )
}

fn wanted(names: &[String]) -> Result<Vec<AttributeName>, SqsError> {
    let mut wanted = Vec::new();
    for name in names {
        match AttributeName::parse(name) {
            _ if name == "All" => wanted.extend(AttributeName::TABLE.iter().map(|spec| spec.name)),
            Some(attribute) => wanted.push(attribute),
            None => return Err(SqsError::unknown_attribute(&shorten(name))),
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    Ok(wanted)
}
