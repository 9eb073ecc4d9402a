//! The operation numbers of the log. On disk for ever: a number is never given a second meaning.

/// A producer's batch appended to a partition (`streams`).
pub const STREAM_APPEND: u16 = 1;
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
/// Messages were taken by consumers (`queues`).
pub const DELIVER: u16 = 3;
/// Deliveries were given back, or their deadlines changed (`queues`).
pub const RELEASE: u16 = 5;
/// A queue was emptied (`queues`).
pub const PURGE: u16 = 17;
/// Everything a push consumer held is back (`queues`).
pub const RELEASE_CONSUMER: u16 = 18;
/// A queue's copy of its identity and settings (`queues`).
pub const QUEUE_META: u16 = 19;
/// A move task of a queue started, went on or ended (`queues`).
pub const MOVE_TASK: u16 = 20;
/// What moved from a queue has arrived, or was refused (`queues`).
pub const FORWARD_END: u16 = 21;
/// A queue refused what was to move to it (`queues`).
pub const FORWARD_REFUSED: u16 = 22;
