//! Between the facade's words and the machine's.

use trine_core::groups as core;
use trine_types::GroupName;

use super::{GroupDescription, GroupError, JoinReply, JoinedMember, MemberDescription, SyncReply};

impl From<core::GroupError> for GroupError {
    fn from(error: core::GroupError) -> Self {
        match error {
            core::GroupError::Deleted | core::GroupError::Unavailable => Self::Unavailable,
            core::GroupError::NotFound => Self::NotFound,
            core::GroupError::MemberIdRequired { member_id } => {
                Self::MemberIdRequired { member_id: member_id.as_str().to_owned() }
            }
            core::GroupError::UnknownMember => Self::UnknownMember,
            core::GroupError::FencedInstance => Self::Fenced,
            core::GroupError::WrongGeneration { .. } => Self::IllegalGeneration,
            core::GroupError::RebalanceInProgress => Self::Rebalancing,
            core::GroupError::InconsistentProtocol => Self::InconsistentProtocol,
            core::GroupError::InvalidSessionTimeout { value, min, max } => Self::SessionTimeout {
                asked: value,
                min: i32::try_from(min).unwrap_or(i32::MAX),
                max: i32::try_from(max).unwrap_or(i32::MAX),
            },
            core::GroupError::Full { max } => Self::MembersMax { max },
            core::GroupError::TooLarge { what, value, max } => Self::TooLarge { what, value, max },
            core::GroupError::NotEmpty => Self::NotEmpty,
            core::GroupError::Subscribed => Self::Subscribed,
            core::GroupError::MetadataTooLong { value, max } => Self::MetadataTooLong { len: value, max },
        }
    }
}

pub(crate) fn join_reply(reply: core::JoinReply) -> JoinReply {
    let member = |member: core::JoinedMember| JoinedMember {
        member_id: member.member_id.as_str().to_owned(),
        instance_id: member.instance_id.map(|id| id.as_str().to_owned()),
        metadata: member.metadata,
    };
    JoinReply {
        generation: reply.generation,
        protocol_type: reply.protocol_type.as_ref().to_owned(),
        protocol: reply.protocol.as_ref().to_owned(),
        leader: reply.leader.as_str().to_owned(),
        member_id: reply.member_id.as_str().to_owned(),
        members: reply.members.into_iter().map(member).collect(),
        skip_assignment: reply.skip_assignment,
    }
}

pub(crate) fn sync_reply(reply: core::SyncReply) -> SyncReply {
    SyncReply {
        protocol_type: reply.protocol_type.as_ref().to_owned(),
        protocol: reply.protocol.as_ref().to_owned(),
        assignment: reply.assignment,
    }
}

pub(super) fn description(name: GroupName, found: core::Description) -> GroupDescription {
    let member = |member: core::MemberDescription| MemberDescription {
        member_id: member.member_id.as_str().to_owned(),
        instance_id: member.instance_id.map(|id| id.as_str().to_owned()),
        client_id: member.client_id.as_ref().to_owned(),
        client_host: member.client_host.as_ref().to_owned(),
        metadata: member.metadata,
        assignment: member.assignment,
    };
    GroupDescription {
        name,
        state: found.state,
        generation: found.generation,
        protocol_type: found.protocol_type.as_ref().to_owned(),
        protocol: found.protocol.as_ref().to_owned(),
        members: found.members.into_iter().map(member).collect(),
    }
}
