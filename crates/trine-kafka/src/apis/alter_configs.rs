//! AlterConfigs 0–2 → replaces all settings of a topic: what is not named goes back to its default. Only topics have settings that can be changed here.

use std::{
    collections::{BTreeMap, HashSet},
    hash::Hash,
};

use kafka_wire::alter_configs_response::AlterConfigsResourceResponse;
use trine_broker::{Action, Alteration, Resource};
use trine_types::TopicName;

use super::{configs, control, message, text};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode, Refusal},
    wire::{RequestHeader, Text},
};

pub(super) async fn handle(
    ctx: &Ctx,
    _: &RequestHeader,
    request: control::AlterConfigsRequest,
) -> Result<control::AlterConfigsResponse, Close> {
    let mut seen = HashSet::new();
    let mut responses = Vec::new();
    for asked in request.resources {
        let altered = if repeated(&mut seen, (asked.resource_type, asked.resource_name.clone())) {
            Err(Refusal::new(ErrorCode::InvalidRequest, "the request names this resource more than once"))
        } else {
            let settings = asked.configs.iter().map(|c| Ok((c.name.to_string(), value(&c.name, c.value.as_ref())?)));
            match settings.collect::<Result<BTreeMap<_, _>, Refusal>>() {
                Ok(settings) => {
                    let change = Alteration::Replace(settings);
                    alter(ctx, asked.resource_type, &asked.resource_name, change, request.validate_only).await?
                }
                Err(refusal) => Err(refusal),
            }
        };
        let (code, why) = altered.map_or_else(|r| (r.code, text(r.message)), |()| (ErrorCode::None, None));
        responses.push(message!(AlterConfigsResourceResponse {
            error_code: code.code(),
            error_message: why,
            resource_type: asked.resource_type,
            resource_name: asked.resource_name,
        }));
    }
    Ok(message!(control::AlterConfigsResponse { responses: responses }))
}

pub(super) fn repeated<T: Eq + Hash>(seen: &mut HashSet<T>, what: T) -> bool {
    !seen.insert(what)
}

pub(super) fn value(name: &str, value: Option<&Text>) -> Result<String, Refusal> {
    let missing = || Refusal::new(ErrorCode::InvalidRequest, format!("the setting {name} has no value"));
    value.map(ToString::to_string).ok_or_else(missing)
}

/// Changes the settings of a resource.
pub(super) async fn alter(
    ctx: &Ctx,
    resource_type: i8,
    name: &str,
    change: Alteration,
    validate_only: bool,
) -> Result<Result<(), Refusal>, Close> {
    if resource_type != configs::TOPIC {
        let refusal = if resource_type == configs::BROKER && !ctx.allows(Action::Configure, Resource::ADMIN) {
            Refusal::new(ErrorCode::ClusterAuthorizationFailed, "not allowed to change the server")
        } else if resource_type == configs::BROKER {
            let message = "settings of the server are changed in its configuration file";
            Refusal::new(ErrorCode::InvalidRequest, message)
        } else {
            let message = format!("resources of type {resource_type} have no settings here");
            Refusal::new(ErrorCode::InvalidRequest, message)
        };
        return Ok(Err(refusal));
    }
    let unknown = || Refusal::new(ErrorCode::UnknownTopicOrPartition, "there is no such topic");
    let Ok(name) = TopicName::parse(name) else { return Ok(Err(unknown())) };
    if !ctx.allows_topic(Action::Configure, name.as_str()) {
        return Ok(Err(Refusal::new(ErrorCode::TopicAuthorizationFailed, "not allowed to change this topic")));
    }
    Ok(match ctx.kafka.broker.topics().alter(&name, change, validate_only).await {
        Ok(_) => Ok(()),
        Err(failed) => Err(error::topic(&failed, false)?),
    })
}
