//! JoinGroup 0–9 → generation, leader, and for the leader everybody's metadata. Waits until the rebalance completes.
//! Version 4 and later: a new dynamic member is first given an id to come back with. When the server goes down a waiting member is told to look for
//! its coordinator again.

use std::sync::Arc;

use kafka_wire::join_group_response::JoinGroupResponseMember;
use trine_broker::{Action, GroupError, JoinRequest};

use super::{control, kept, message};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode},
    wire::{RequestHeader, Text},
};

pub(super) async fn handle(
    ctx: &Arc<Ctx>,
    header: &RequestHeader,
    request: control::JoinGroupRequest,
) -> Result<control::JoinGroupResponse, Close> {
    let refused = |code: ErrorCode, member_id: Text| {
        message!(control::JoinGroupResponse {
            error_code: code.code(),
            generation_id: -1,
            protocol_name: if header.version < 7 { Some(Text::default()) } else { None },
            member_id: member_id,
        })
    };
    let member_id = request.member_id.clone();
    let group = match ctx.group(&[Action::Subscribe], &request.group_id) {
        Ok(group) => group,
        Err(code) => return Ok(refused(code, member_id)),
    };
    let join = JoinRequest {
        group,
        member_id: member_id.to_string(),
        instance_id: request.group_instance_id.map(Text::into_string),
        client_id: header.client_id.to_string(),
        client_host: format!("/{}", ctx.peer.ip().to_canonical()),
        session_timeout_ms: request.session_timeout_ms,
        // Version 0 has one timeout for both.
        rebalance_timeout_ms: if header.version == 0 {
            request.session_timeout_ms
        } else {
            request.rebalance_timeout_ms
        },
        protocol_type: request.protocol_type.to_string(),
        protocols: request.protocols.into_iter().map(|p| (p.name.to_string(), kept(&p.metadata))).collect(),
        require_known_member: header.version >= 4,
        can_skip_assignment: header.version >= 9,
    };
    let mut drain = ctx.drain.clone();
    let groups = ctx.kafka.broker.groups();
    let joined = tokio::select! {
        joined = groups.join(join) => joined,
        () = drain.draining() => return Ok(refused(ErrorCode::CoordinatorNotAvailable, member_id)),
    };
    let reply = match joined {
        Ok(reply) => reply,
        Err(GroupError::MemberIdRequired { member_id }) => {
            return Ok(refused(ErrorCode::MemberIdRequired, Text::from(member_id)));
        }
        Err(failed) => return Ok(refused(error::group(&failed)?, member_id)),
    };
    let members = reply.members.into_iter().map(|member| {
        message!(JoinGroupResponseMember {
            member_id: Text::from(member.member_id),
            group_instance_id: member.instance_id.map(Text::from),
            metadata: member.metadata,
        })
    });
    Ok(message!(control::JoinGroupResponse {
        generation_id: reply.generation,
        protocol_type: Some(Text::from(reply.protocol_type)),
        protocol_name: Some(Text::from(reply.protocol)),
        leader: Text::from(reply.leader),
        skip_assignment: reply.skip_assignment,
        member_id: Text::from(reply.member_id),
        members: members.collect(),
    }))
}
