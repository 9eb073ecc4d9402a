//! LeaveGroup 0–5 → members leave, or (version 3 and later, by instance id) are removed; one result each. Reasons are not kept.

use kafka_wire::leave_group_response::MemberResponse;
use trine_broker::{Action, Leaving};

use super::{control, message};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode},
    wire::{RequestHeader, Text},
};

/// First version that names several members.
const BATCH_FROM: i16 = 3;

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::LeaveGroupRequest,
) -> Result<control::LeaveGroupResponse, Close> {
    let refused = |code: ErrorCode| message!(control::LeaveGroupResponse { error_code: code.code() });
    let group = match ctx.group(&[Action::Subscribe], &request.group_id) {
        Ok(group) => group,
        Err(code) => return Ok(refused(code)),
    };
    let members: Vec<_> = if header.version < BATCH_FROM {
        vec![Leaving { member_id: request.member_id.to_string(), instance_id: None }]
    } else {
        let leaving = |member: &kafka_wire::leave_group_request::MemberIdentity| Leaving {
            member_id: member.member_id.to_string(),
            instance_id: member.group_instance_id.as_deref().map(str::to_owned),
        };
        request.members.iter().map(leaving).collect()
    };
    let asked = members.clone();
    let left = match ctx.kafka.broker.groups().leave(&group, members).await {
        Ok(left) => left,
        Err(failed) => return Ok(refused(error::group(&failed)?)),
    };
    let mut results = Vec::new();
    for (member, result) in asked.into_iter().zip(left) {
        let code = match result {
            Ok(()) => ErrorCode::None,
            Err(failed) => error::group(&failed)?,
        };
        results.push(message!(MemberResponse {
            member_id: Text::from(member.member_id),
            group_instance_id: member.instance_id.map(Text::from),
            error_code: code.code(),
        }));
    }
    if header.version < BATCH_FROM {
        let code = results.first().map_or(0, |result| result.error_code);
        return Ok(message!(control::LeaveGroupResponse { error_code: code }));
    }
    Ok(message!(control::LeaveGroupResponse { members: results }))
}
