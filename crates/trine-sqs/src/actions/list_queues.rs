//! ListQueues → QueueUrls, NextToken. By name; a user sees the queues it may read. Queues whose names this protocol cannot spell are left out.

use serde::{Deserialize, Serialize};
use trine_aws::{Document, Member};
use trine_broker::{Action, QueueRef};

use crate::{SqsError, context::Context, name, page::Page, shapes::list, wire::Int};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_name_prefix: Option<String>,
    max_results: Option<Int>,
    next_token: Option<String>,
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Reply {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Document for Request {
    const SHAPE: &'static [Member] = &[Member::or_nothing("MaxResults"), Member::or_nothing("NextToken")];
}

impl Document for Reply {
    const SHAPE: &'static [Member] = &[list("QueueUrls", &["QueueUrl"])];
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Reply, SqsError> {
    let page = Page::of(request.max_results, request.next_token.as_deref())?;
    let prefix = request.queue_name_prefix.unwrap_or_default();
    let mut found = shown(cx, &prefix, &page);
    let next_token = page.cut(&mut found, |queue| queue.name().to_string());
    Ok(Reply { queue_urls: found.iter().map(|queue| cx.url(queue)).collect(), next_token })
}

/// One queue more than the page holds, if there are so many.
fn shown(cx: &Context<'_>, prefix: &str, page: &Page) -> Vec<QueueRef> {
    let namespace = cx.namespace();
    let wanted = page.limit + 1;
    let mut found: Vec<QueueRef> = Vec::new();
    let mut after = page.after.clone();
    loop {
        let some = cx.queues().list(namespace, prefix, after.as_deref(), wanted);
        let (exhausted, last) = (some.len() < wanted, some.last().map(|queue| queue.name().to_string()));
        found.extend(some.into_iter().filter(|queue| {
            let queue_name = queue.name();
            name::spellable(queue_name.as_str()) && cx.authorize(namespace, Action::Read, queue_name.as_str()).is_ok()
        }));
        if exhausted || found.len() >= wanted {
            found.truncate(wanted);
            return found;
        }
        after = last;
    }
}
