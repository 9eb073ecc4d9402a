//! Limits that more than one crate must agree on. Every one has a name, a unit and a reason; a protocol's own limits live in its edge.

/// Longest topic name in bytes (Kafka's rule, so that names fit a file name).
pub const TOPIC_NAME_BYTES_MAX: usize = 249;
/// Longest group id in bytes (the length field of the protocol).
pub const GROUP_NAME_BYTES_MAX: usize = 32_767;
/// Longest queue name in bytes (AMQP's short string).
pub const QUEUE_NAME_BYTES_MAX: usize = 255;
/// Longest namespace in bytes (AMQP's vhost).
pub const NAMESPACE_BYTES_MAX: usize = 255;
/// Largest operation batch, and so the ceiling of a topic's `max.message.bytes`, in bytes (decision E15).
pub const OP_BATCH_BYTES_MAX: usize = 32 << 20;
/// Default of `max.message.bytes` (Kafka's): one record batch with its header, in bytes.
pub const MESSAGE_BYTES_DEFAULT: usize = 1_048_588;
/// Most entities (partitions, groups, queues) in one directory; 100 000 is the tested size.
pub const ENTITIES_MAX: u64 = 1_000_000;
/// Most partitions one topic can have.
pub const PARTITIONS_PER_TOPIC_MAX: u32 = 100_000;
/// Shard groups of a new directory, whatever the cores (decision E3).
pub const SHARDS_DEFAULT: u16 = 8;

const _: () = assert!(MESSAGE_BYTES_DEFAULT < OP_BATCH_BYTES_MAX);
const _: () = assert!(PARTITIONS_PER_TOPIC_MAX as u64 <= ENTITIES_MAX);
