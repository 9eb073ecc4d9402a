//! Heartbeat 0–4 → the member is alive, and hears whether it must join again.

use trine_broker::{Action, MemberRef};

use super::{control, message};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode},
    wire::{RequestHeader, Text},
};

pub(super) async fn handle(
    ctx: &Ctx,
    _: &RequestHeader,
    request: control::HeartbeatRequest,
) -> Result<control::HeartbeatResponse, Close> {
    let code = match ctx.group(&[Action::Subscribe], &request.group_id) {
        Err(code) => code,
        Ok(group) => {
            let member = MemberRef {
                member_id: request.member_id.to_string(),
                instance_id: request.group_instance_id.map(Text::into_string),
                generation: request.generation_id,
            };
            match ctx.kafka.broker.groups().heartbeat(&group, &member).await {
                Ok(()) => ErrorCode::None,
                Err(failed) => error::group(&failed)?,
            }
        }
    };
    Ok(message!(control::HeartbeatResponse { error_code: code.code() }))
}
