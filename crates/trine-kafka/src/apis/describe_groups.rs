//! DescribeGroups 0–6 → state, protocol and members of groups. An unknown group is GROUP_ID_NOT_FOUND from version 6 on, before it is "Dead".

use kafka_wire::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use trine_broker::GroupError;

use super::{GROUP_READERS, OPERATIONS_UNKNOWN, control, message, text};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode},
    wire::{RequestHeader, Text},
};

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::DescribeGroupsRequest,
) -> Result<control::DescribeGroupsResponse, Close> {
    let mut groups = Vec::new();
    for name in request.groups {
        groups.push(describe(ctx, header.version, name).await?);
    }
    Ok(message!(control::DescribeGroupsResponse { groups: groups }))
}

async fn describe(ctx: &Ctx, version: i16, name: Text) -> Result<DescribedGroup, Close> {
    let refused = |name: Text, code: ErrorCode, state: &str, why: Option<Text>| {
        message!(DescribedGroup {
            error_code: code.code(),
            error_message: if version >= 6 { why } else { None },
            group_id: name,
            group_state: Text::from(state),
            authorized_operations: OPERATIONS_UNKNOWN,
        })
    };
    let group = match ctx.group(GROUP_READERS, &name) {
        Ok(group) => group,
        Err(code) => return Ok(refused(name, code, "", None)),
    };
    let found = match ctx.kafka.broker.groups().describe(&group).await {
        Ok(found) => found,
        Err(GroupError::NotFound) => {
            let code = if version >= 6 { ErrorCode::GroupIdNotFound } else { ErrorCode::None };
            // Kafka's own words: people and scripts read them in the console tools' output.
            let why = text(format!("Group {} not found.", &*name));
            return Ok(refused(name, code, "Dead", why));
        }
        Err(failed) => return Ok(refused(name, error::group(&failed)?, "", text(failed))),
    };
    let members = found.members.into_iter().map(|member| {
        message!(DescribedGroupMember {
            member_id: Text::from(member.member_id),
            group_instance_id: member.instance_id.map(Text::from),
            client_id: Text::from(member.client_id),
            client_host: Text::from(member.client_host),
            member_metadata: member.metadata,
            member_assignment: member.assignment,
        })
    });
    Ok(message!(DescribedGroup {
        group_id: name,
        group_state: Text::from(found.state.name()),
        protocol_type: Text::from(found.protocol_type),
        protocol_data: Text::from(found.protocol),
        members: members.collect(),
        authorized_operations: OPERATIONS_UNKNOWN,
    }))
}
