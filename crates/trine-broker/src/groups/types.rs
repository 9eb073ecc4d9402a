//! What goes in and out of consumer groups.

use bytes::Bytes;
use trine_core::groups::GroupState;
use trine_types::{GroupName, Offset, TopicName, Uuid};

use crate::Failure;

/// A member asks to take part (Kafka JoinGroup).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinRequest {
    /// The group.
    pub group: GroupName,
    /// The member's id, empty when it has none yet.
    pub member_id: String,
    /// Its static name (KIP-345).
    pub instance_id: Option<String>,
    /// What the client calls itself; part of a new member id.
    pub client_id: String,
    /// Its address, for display.
    pub client_host: String,
    /// A member that is silent for so long is removed, in milliseconds.
    pub session_timeout_ms: i32,
    /// How long a rebalance may take, in milliseconds.
    pub rebalance_timeout_ms: i32,
    /// What kind of group ("consumer", "connect", …).
    pub protocol_type: String,
    /// What it can do, most wanted first: name and opaque metadata.
    pub protocols: Vec<(String, Bytes)>,
    /// Whether a new dynamic member is first given an id to come back with (KIP-394).
    pub require_known_member: bool,
    /// Whether the client understands `skip_assignment` (KIP-814).
    pub can_skip_assignment: bool,
}

/// The member takes part in a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinReply {
    /// The generation.
    pub generation: i32,
    /// The group's kind.
    pub protocol_type: String,
    /// The chosen protocol.
    pub protocol: String,
    /// Member id of the leader.
    pub leader: String,
    /// The member's own id.
    pub member_id: String,
    /// For the leader only: everybody.
    pub members: Vec<JoinedMember>,
    /// The leader need not compute an assignment.
    pub skip_assignment: bool,
}

/// One member as the leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member_id: String,
    /// Its static name.
    pub instance_id: Option<String>,
    /// Its metadata for the chosen protocol.
    pub metadata: Bytes,
}

/// A member asks for its assignment (Kafka SyncGroup).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// The group.
    pub group: GroupName,
    /// The member.
    pub member_id: String,
    /// Its static name.
    pub instance_id: Option<String>,
    /// The generation it joined.
    pub generation: i32,
    /// What it believes the group's kind is, when it says.
    pub protocol_type: Option<String>,
    /// What it believes the protocol is, when it says.
    pub protocol: Option<String>,
    /// From the leader: member id and assignment.
    pub assignments: Vec<(String, Bytes)>,
}

/// The member's assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncReply {
    /// The group's kind.
    pub protocol_type: String,
    /// The protocol.
    pub protocol: String,
    /// Opaque assignment.
    pub assignment: Bytes,
}

/// Who speaks, for heartbeats and commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRef {
    /// The member's id, empty for a commit from outside of any membership.
    pub member_id: String,
    /// Its static name.
    pub instance_id: Option<String>,
    /// Its generation, -1 for a commit from outside.
    pub generation: i32,
}

/// A member that leaves or is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// The member's id; may be empty when `instance_id` is given (administrative removal).
    pub member_id: String,
    /// Its static name.
    pub instance_id: Option<String>,
}

/// One offset to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitEntry {
    /// The topic.
    pub topic: Uuid,
    /// The partition.
    pub partition: u32,
    /// The next offset to read. Above `i64::MAX` it is a mark of the client's own that means no offset (Kafka keeps negative numbers).
    pub offset: Offset,
    /// Leader epoch of the last record read, -1 when unknown.
    pub leader_epoch: i32,
    /// Free text of the client.
    pub metadata: String,
}

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The next offset to read; see [`CommitEntry::offset`].
    pub offset: Offset,
    /// As committed.
    pub leader_epoch: i32,
    /// As committed.
    pub metadata: String,
}

/// Which committed offsets of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OffsetsWanted {
    /// All.
    All,
    /// Of these partitions.
    These(Vec<(Uuid, u32)>),
}

/// Committed offsets of one group: topic, partition and the commit, `None` where nothing was committed.
pub type CommittedOffsets = Vec<(Uuid, u32, Option<Committed>)>;

/// One line of a list of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupListing {
    /// Its name.
    pub name: GroupName,
    /// Its state.
    pub state: GroupState,
    /// What kind of group, empty for one that only commits.
    pub protocol_type: String,
    /// Members.
    pub members: usize,
}

/// Everything about a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its name.
    pub name: GroupName,
    /// Its state.
    pub state: GroupState,
    /// Its generation.
    pub generation: i32,
    /// What kind of group.
    pub protocol_type: String,
    /// The chosen protocol.
    pub protocol: String,
    /// Its members.
    pub members: Vec<MemberDescription>,
}

/// Everything about a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDescription {
    /// Its id.
    pub member_id: String,
    /// Its static name.
    pub instance_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// Its address.
    pub client_host: String,
    /// Opaque metadata for the chosen protocol.
    pub metadata: Bytes,
    /// Opaque assignment.
    pub assignment: Bytes,
}

/// How far a group is behind in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLag {
    /// The topic.
    pub topic: TopicName,
    /// Its id.
    pub topic_id: Uuid,
    /// The partition.
    pub partition: u32,
    /// The commit.
    pub committed: Offset,
    /// Where the log begins.
    pub log_start: Offset,
    /// Where the log ends.
    pub end: Offset,
    /// Records between the commit and the end.
    pub records: u64,
    /// Age of the first record not yet committed, in milliseconds; 0 when there is none.
    pub behind_ms: i64,
}

/// Why a group operation was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// No such group.
    #[error("there is no such group")]
    NotFound,
    /// The session timeout is outside of what the server allows.
    #[error("the session timeout of {asked} ms is outside of {min} to {max} ms")]
    SessionTimeout {
        /// What was asked for.
        asked: i32,
        /// Smallest allowed.
        min: i32,
        /// Largest allowed.
        max: i32,
    },
    /// Come back with this id (KIP-394).
    #[error("join again as {member_id}")]
    MemberIdRequired {
        /// The id that was made.
        member_id: String,
    },
    /// The group does not know the member.
    #[error("the member is not known to the group")]
    UnknownMember,
    /// Another process took the static name over.
    #[error("another member took the instance id over")]
    Fenced,
    /// The generation is not the present one.
    #[error("the generation is not the present one")]
    IllegalGeneration,
    /// No protocol, another kind of group, or no protocol in common.
    #[error("the member's protocols do not fit the group")]
    InconsistentProtocol,
    /// Join again.
    #[error("the group is rebalancing")]
    Rebalancing,
    /// The group has as many members as it may.
    #[error("the group has its limit of {max} members")]
    MembersMax {
        /// The limit.
        max: usize,
    },
    /// The group has members.
    #[error("the group is not empty")]
    NotEmpty,
    /// A member subscribes to the topic.
    #[error("a member of the group subscribes to the topic")]
    Subscribed,
    /// The commit's text is too long.
    #[error("the commit's metadata has {len} bytes; at most {max} are allowed")]
    MetadataTooLong {
        /// Its length.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// The topic or partition of a commit does not exist.
    #[error("there is no such partition")]
    UnknownPartition,
    /// What the members sent is more than a group can keep.
    #[error("{what} is {value} bytes; a group can keep {max}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size in bytes.
        value: usize,
        /// Most bytes.
        max: usize,
    },
    /// The group cannot answer now; try again.
    #[error("the group cannot answer now")]
    Unavailable,
    /// The directory holds as many partitions and groups as it may.
    #[error("the limit of {max} partitions and groups in one data directory is reached")]
    TooMany {
        /// `ENTITIES_MAX`.
        max: u64,
    },
    /// Not about the group.
    #[error(transparent)]
    Failure(#[from] Failure),
}
