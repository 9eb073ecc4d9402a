//! IncrementalAlterConfigs 0–1 → sets (0), deletes (1), appends to (2) and subtracts from (3) single settings of a topic; all of a topic or none.

use std::collections::HashSet;

use kafka_wire::{
    incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
    incremental_alter_configs_response::AlterConfigsResourceResponse,
};
use trine_broker::{Alteration, SettingChange, SettingOp};

use super::{
    alter_configs::{alter, repeated, value},
    configs, control, message, text,
};
use crate::{
    connection::Ctx,
    error::{Close, ErrorCode, Refusal},
    wire::RequestHeader,
};

pub(super) async fn handle(
    ctx: &Ctx,
    _: &RequestHeader,
    request: control::IncrementalAlterConfigsRequest,
) -> Result<control::IncrementalAlterConfigsResponse, Close> {
    let mut seen = HashSet::new();
    let mut responses = Vec::new();
    for asked in request.resources {
        let altered = if repeated(&mut seen, (asked.resource_type, asked.resource_name.clone())) {
            Err(Refusal::new(ErrorCode::InvalidRequest, "the request names this resource more than once"))
        } else {
            match changes(&asked) {
                Ok(changes) => {
                    let change = Alteration::Change(changes);
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
    Ok(message!(control::IncrementalAlterConfigsResponse { responses: responses }))
}

fn changes(asked: &AlterConfigsResource) -> Result<Vec<SettingChange>, Refusal> {
    let mut seen = HashSet::new();
    let mut changes = Vec::new();
    for config in &asked.configs {
        if repeated(&mut seen, &config.name) {
            let message = format!("the setting {} is named more than once", &*config.name);
            return Err(Refusal::new(ErrorCode::InvalidRequest, message));
        }
        changes.push(SettingChange { key: config.name.to_string(), op: op(config)? });
    }
    Ok(changes)
}

fn op(config: &AlterableConfig) -> Result<SettingOp, Refusal> {
    let given = || value(&config.name, config.value.as_ref());
    let list = || {
        if configs::is_list(&config.name) {
            given()
        } else {
            let message = format!("the setting {} is not a list", &*config.name);
            Err(Refusal::new(ErrorCode::InvalidConfig, message))
        }
    };
    Ok(match config.config_operation {
        0 => SettingOp::Set(given()?),
        1 => SettingOp::Delete,
        2 => SettingOp::Append(list()?),
        3 => SettingOp::Subtract(list()?),
        other => return Err(Refusal::new(ErrorCode::InvalidRequest, format!("there is no operation {other}"))),
    })
}
