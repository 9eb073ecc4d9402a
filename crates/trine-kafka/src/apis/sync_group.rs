//! SyncGroup 0–5 → the member's assignment; a follower waits for the leader's. Version 5 checks protocol type and name.

use std::sync::Arc;

use trine_broker::{Action, SyncRequest};

use super::{control, kept, message};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode},
    wire::{RequestHeader, Text},
};

pub(super) async fn handle(
    ctx: &Arc<Ctx>,
    _: &RequestHeader,
    request: control::SyncGroupRequest,
) -> Result<control::SyncGroupResponse, Close> {
    let refused = |code: ErrorCode| message!(control::SyncGroupResponse { error_code: code.code() });
    let group = match ctx.group(&[Action::Subscribe], &request.group_id) {
        Ok(group) => group,
        Err(code) => return Ok(refused(code)),
    };
    let sync = SyncRequest {
        group,
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(Text::into_string),
        generation: request.generation_id,
        protocol_type: request.protocol_type.map(Text::into_string),
        protocol: request.protocol_name.map(Text::into_string),
        assignments: request.assignments.into_iter().map(|a| (a.member_id.to_string(), kept(&a.assignment))).collect(),
    };
    let mut drain = ctx.drain.clone();
    let groups = ctx.kafka.broker.groups();
    let synced = tokio::select! {
        synced = groups.sync(sync) => synced,
        () = drain.draining() => return Ok(refused(ErrorCode::CoordinatorNotAvailable)),
    };
    Ok(match synced {
        Ok(reply) => message!(control::SyncGroupResponse {
            protocol_type: Some(Text::from(reply.protocol_type)),
            protocol_name: Some(Text::from(reply.protocol)),
            assignment: reply.assignment,
        }),
        Err(failed) => refused(error::group(&failed)?),
    })
}
