//! GetQueueUrl → QueueUrl.

use serde::Deserialize;
use trine_aws::Document;
use trine_broker::Action;

use super::{create_queue::Reply, required};
use crate::{
    SqsError,
    context::Context,
    name::{self, Place},
};

#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    queue_name: Option<String>,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

impl Document for Request {}

pub(crate) async fn run(cx: &Context<'_>, request: Request) -> Result<Reply, SqsError> {
    let name = required(request.queue_name.as_deref(), "QueueName")?;
    let account = request.owner.as_deref().filter(|account| name::is_account(account));
    let queue = cx.at(Place { account, name }, Action::Read)?;
    Ok(Reply { queue_url: cx.url(&queue) })
}
