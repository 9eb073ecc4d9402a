//! DescribeConfigs 1–4 → all settings of topics and of this broker, with their sources; synonyms and documentation when asked for. Unknown keys are left
//! out. Other resources (client metrics, groups, loggers) have no settings here: INVALID_REQUEST.

use kafka_wire::describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult};
use trine_broker::{Action, Resource};

use super::{
    configs::{self, Wanted},
    control, message, text,
};
use crate::{
    connection::Ctx,
    error::{Close, ErrorCode, Refusal},
    wire::RequestHeader,
};

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::DescribeConfigsRequest,
) -> Result<control::DescribeConfigsResponse, Close> {
    let documentation = header.version >= 3 && request.include_documentation;
    let results = request.resources.into_iter().map(|asked| {
        let wanted =
            Wanted { keys: asked.configuration_keys.as_deref(), synonyms: request.include_synonyms, documentation };
        let shown = describe(ctx, asked.resource_type, &asked.resource_name, wanted);
        let (configs, code, why) = match shown {
            Ok(configs) => (configs, ErrorCode::None, None),
            Err(refusal) => (Vec::new(), refusal.code, text(refusal.message)),
        };
        message!(DescribeConfigsResult {
            error_code: code.code(),
            error_message: why,
            resource_type: asked.resource_type,
            resource_name: asked.resource_name,
            configs: configs,
        })
    });
    Ok(message!(control::DescribeConfigsResponse { results: results.collect() }))
}

fn describe(
    ctx: &Ctx,
    resource_type: i8,
    name: &str,
    wanted: Wanted<'_>,
) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    match resource_type {
        configs::TOPIC => {
            if !ctx.sees_topic(name) {
                return Err(Refusal::new(ErrorCode::TopicAuthorizationFailed, "not allowed to look at this topic"));
            }
            let catalog = ctx.kafka.broker.catalog();
            let unknown = || Refusal::new(ErrorCode::UnknownTopicOrPartition, "there is no such topic");
            Ok(configs::of_topic(ctx, catalog.topic(name).ok_or_else(unknown)?, wanted))
        }
        configs::BROKER => {
            if !ctx.allows(Action::Read, Resource::ADMIN) {
                return Err(Refusal::new(ErrorCode::ClusterAuthorizationFailed, "not allowed to look at the server"));
            }
            if !name.is_empty() && name != ctx.node_id().to_string() {
                let message = format!("there is no broker {name:?}; this one is {}", ctx.node_id());
                return Err(Refusal::new(ErrorCode::InvalidRequest, message));
            }
            Ok(configs::of_broker(ctx, wanted))
        }
        other => {
            Err(Refusal::new(ErrorCode::InvalidRequest, format!("resources of type {other} have no settings here")))
        }
    }
}
