//! AddPermission: a statement in the queue's policy, which is stored and returned, not enforced.

use serde::Deserialize;
use trine_aws::{Document, Member};
use trine_broker::Action;

use super::{Nothing, required};
use crate::{
    SqsError, attributes,
    context::Context,
    permission::{self, Permission},
    shapes::list,
    table,
};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_url: Option<String>,
    label: Option<String>,
    #[serde(rename = "AWSAccountIds")]
    accounts: Option<Vec<String>>,
    actions: Option<Vec<String>>,
}

impl Document for Request {
    const SHAPE: &'static [Member] = &[list("AWSAccountIds", &["AWSAccountId"]), list("Actions", &["ActionName"])];
}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Nothing, SqsError> {
    let place = cx.place(request.queue_url.as_deref())?;
    let label = required(request.label.as_deref(), "Label")?;
    let actions = request.actions.filter(|list| !list.is_empty()).ok_or_else(|| SqsError::missing("Actions"))?;
    let accounts = request.accounts.unwrap_or_default();
    let queue = cx.at(place, Action::Configure)?;
    let permission = Permission { label, accounts: &accounts, actions: &actions };
    permission.check(table::open_to_others)?;
    let mut settings = (*queue.settings()).clone();
    let policy = permission::add(attributes::policy(&settings), &cx.arn(&queue), permission)?;
    attributes::set_policy(&mut settings, Some(policy));
    cx.queues().alter(&queue, settings).await?;
    Ok(Nothing)
}
