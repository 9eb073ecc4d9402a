//! Just enough of STS that tools which first ask who they are go on: GetCallerIdentity (Query).

use std::future::ready;

use serde::Serialize;
use trine_broker::BoxFuture;

use crate::{Call, Document, Output, Service, ServiceError, ServiceInfo};

/// The service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sts;

const INFO: ServiceInfo = ServiceInfo {
    name: "sts",
    target_prefix: "AWSSecurityTokenServiceV20110615.",
    signing_name: "sts",
    query_xmlns: Some("https://sts.amazonaws.com/doc/2011-06-15/"),
    actions: &["GetCallerIdentity"],
    helper_prefix: None,
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CallerIdentity {
    user_id: String,
    account: String,
    arn: String,
}

impl Document for CallerIdentity {}

impl Service for Sts {
    fn info(&self) -> &'static ServiceInfo {
        &INFO
    }

    fn call(&self, call: Call) -> BoxFuture<Result<Output, ServiceError>> {
        let account = call.account_of(&call.caller.namespace).to_string();
        let user = call.caller.principal.name().unwrap_or("anonymous");
        let identity = CallerIdentity {
            user_id: call.caller.access_key_id.clone().unwrap_or_else(|| user.to_owned()),
            arn: format!("arn:aws:iam::{account}:user/{user}"),
            account,
        };
        Box::pin(ready(call.answer(&identity)))
    }
}
