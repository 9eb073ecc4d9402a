//! Why a group refused a command.

use super::MemberId;

/// Why a group refused a command. Variants are named for what the member should know; each protocol's edge gives them its own codes (the Kafka
/// code is in parentheses).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// The group was deleted while the command was on its way: look it up again (15, or 69 where the API has it).
    #[error("the group was deleted")]
    Deleted,
    /// There is no such group: it has neither members nor offsets (69; before OffsetCommit v9: 22).
    #[error("the group does not exist")]
    NotFound,
    /// The group cannot answer now: the server stops, or a change could not be stored. Try again (15).
    #[error("the group cannot answer now")]
    Unavailable,
    /// The member must join again with the id it is given (79).
    #[error("join again with the member id {member_id}")]
    MemberIdRequired {
        /// The id made for it.
        member_id: MemberId,
    },
    /// Nobody with this id is in the group, any more (25).
    #[error("the member is not in the group")]
    UnknownMember,
    /// Another member has taken over this static member's instance id (82).
    #[error("the instance id was taken over by another member")]
    FencedInstance,
    /// The generation is not the current one (22).
    #[error("the generation is {sent}, the group is at {current}")]
    WrongGeneration {
        /// What the member sent.
        sent: i32,
        /// What the group is at.
        current: i32,
    },
    /// The members are forming a new generation: join again (27).
    #[error("the group is forming a new generation")]
    RebalanceInProgress,
    /// Protocol type or protocols do not fit those of the members, or are missing (23).
    #[error("the protocol type or the protocols do not fit those of the group's members")]
    InconsistentProtocol,
    /// The session timeout is out of bounds (26).
    #[error(
        "the session timeout is {value} ms; group.min.session.timeout.ms is {min}, group.max.session.timeout.ms is {max}"
    )]
    InvalidSessionTimeout {
        /// What the member asked for, ms.
        value: i32,
        /// Shortest allowed, ms.
        min: u32,
        /// Longest allowed, ms.
        max: u32,
    },
    /// The group has as many members (or ids promised to members) as it may have (81).
    #[error("the group is full: group.max.size is {max}")]
    Full {
        /// Most members.
        max: usize,
    },
    /// What the members sent is more than a group can keep (10).
    #[error("{what} is {value} bytes; a group can keep {max}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size, bytes.
        value: usize,
        /// Most bytes.
        max: usize,
    },
    /// The group has members, so it cannot be deleted, nor its offsets (68).
    #[error("the group has members")]
    NotEmpty,
    /// A member subscribes to the topic, so its offsets cannot be deleted (86).
    #[error("a member of the group subscribes to the topic")]
    Subscribed,
    /// The text committed with an offset is too long (12).
    #[error("the offset's metadata is {value} characters long; offset.metadata.max.bytes is {max}")]
    MetadataTooLong {
        /// Its length in UTF-16 units, as Kafka counts.
        value: usize,
        /// Longest allowed.
        max: usize,
    },
}
