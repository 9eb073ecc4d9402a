//! What an operator can set about groups.

use std::time::Duration;

/// Most bytes that the members of one generation may send with their joins: ids, hosts and protocol metadata together. A generation is one record,
/// and static members who stayed away can add as much again, so twice this must fit into a batch.
pub const GROUP_METADATA_BYTES_MAX: usize = 8 << 20;
/// Most bytes of all assignments of one generation: they are one record.
pub const GROUP_ASSIGNMENT_BYTES_MAX: usize = 16 << 20;
/// Most bytes of one offset commit: it is one record.
pub const OFFSET_COMMIT_BYTES_MAX: usize = 16 << 20;
/// How long an empty group without offsets stays visible before it is removed, ms (Kafka's default sweep interval).
pub const EMPTY_GROUP_LINGER_MS: i64 = 600_000;

const _: () = assert!(2 * GROUP_METADATA_BYTES_MAX < trine_types::limits::OP_BATCH_BYTES_MAX);
const _: () = assert!(GROUP_ASSIGNMENT_BYTES_MAX < trine_types::limits::OP_BATCH_BYTES_MAX);
const _: () = assert!(OFFSET_COMMIT_BYTES_MAX < trine_types::limits::OP_BATCH_BYTES_MAX);

/// Limits and delays of groups; the same for every group of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSettings {
    /// Shortest session timeout a member may ask for, ms (`group.min.session.timeout.ms`).
    pub session_timeout_min_ms: u32,
    /// Longest session timeout a member may ask for, ms (`group.max.session.timeout.ms`).
    pub session_timeout_max_ms: u32,
    /// How long an empty group waits for more members after the first, again after each further one (`group.initial.rebalance.delay.ms`).
    pub initial_rebalance_delay: Duration,
    /// How long a parked join of somebody who was not a member is kept: nobody can tell whether it still waits.
    pub new_member_join_timeout: Duration,
    /// Most members, and most ids promised to members that have not come back (`group.max.size`).
    pub members_max: usize,
    /// Longest text committed with an offset, in UTF-16 units as Kafka counts (`offset.metadata.max.bytes`).
    pub offset_metadata_max: usize,
    /// How long offsets outlive their group's last member, or in groups without members their commit, ms (`offsets.retention.minutes`).
    pub offset_retention_ms: i64,
}

/// Kafka's defaults, except for `members_max`: Kafka has no bound there.
impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            session_timeout_min_ms: 6_000,
            session_timeout_max_ms: 1_800_000,
            initial_rebalance_delay: Duration::from_secs(3),
            new_member_join_timeout: Duration::from_secs(300),
            members_max: 10_000,
            offset_metadata_max: 4_096,
            offset_retention_ms: 7 * 24 * 3_600_000,
        }
    }
}
