//! The operation numbers of the log. On disk for ever: a number is never given a second meaning.

/// A producer's batch appended to a partition (`streams`).
pub const STREAM_APPEND: u16 = 1;
// 2 Enqueue, 3 Deliver, 4 Settle, 5 Release, 6 Forward are the queue ledger's and the forwards'.
/// A message put into a queue.
pub const ENQUEUE: u16 = 2;
/// Messages of a queue are done.
pub const SETTLE: u16 = 4;
/// A message is on its way to an entity of another shard group.
pub const FORWARD: u16 = 6;
/// A change of a consumer group (`groups`): commits, generations, members, expiry.
pub const GROUP: u16 = 7;
/// A change of the catalogue (`catalog`).
pub const CATALOG: u16 = 9;
/// A partition's log start moved (`streams`).
pub const TRIM: u16 = 10;
/// Nothing: proves that the log can still be written.
pub const BARRIER: u16 = 13;
/// A partition's leader epoch rose (`streams`).
pub const LEADER_EPOCH: u16 = 14;
/// A partition forgot idle producers (`streams`).
pub const PRODUCERS_EXPIRED: u16 = 15;
/// A partition's closed part was compacted (`streams`).
pub const COMPACTED: u16 = 16;
