//! ListDeadLetterSourceQueues → queueUrls, NextToken: queues whose RedrivePolicy names this one. By name.

use serde::{Deserialize, Serialize};
use trine_aws::{Document, Member};
use trine_broker::Action;

use crate::{SqsError, context::Context, name, page::Page, shapes::list, wire::Int};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
    max_results: Option<Int>,
    next_token: Option<String>,
}

#[derive(Serialize, Debug)]
pub(crate) struct Reply {
    // The one result of the service whose member begins with a small letter; it is there even when empty.
    #[serde(rename = "queueUrls")]
    queue_urls: Vec<String>,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Document for Request {
    const SHAPE: &'static [Member] = &[Member::or_nothing("MaxResults"), Member::or_nothing("NextToken")];
}

impl Document for Reply {
    const SHAPE: &'static [Member] = &[list("queueUrls", &["QueueUrl"])];
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Reply, SqsError> {
    let queue = cx.queue(request.queue_url.as_deref(), Action::Read)?;
    let page = Page::of(request.max_results, request.next_token.as_deref())?;
    let mut sources: Vec<_> = cx
        .queues()
        .dead_letter_sources(&queue)
        .into_iter()
        .filter(|source| {
            let source = source.name();
            name::spellable(source.as_str()) && page.after.as_deref().is_none_or(|after| source.as_str() > after)
        })
        .take(page.limit + 1)
        .collect();
    let next_token = page.cut(&mut sources, |source| source.name().to_string());
    Ok(Reply { queue_urls: sources.iter().map(|source| cx.url(source)).collect(), next_token })
}
