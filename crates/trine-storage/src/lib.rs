//! The storage engine: one [`ShardStore`] handle per shard group over a shared write-ahead log ([`local`]) or over memory ([`memory`]).
//! The store owns where a message lies; machines know entity and offset only (decision E1).

mod api;
mod batch;
mod codec;
pub mod local;
pub mod memory;

pub use api::{
    AppendError, CheckpointWriter, Durability, Engine, Op, OpBatch, OpKind, Opened, ReadError, Replay, Request, Run,
    Running, Section, ShardStore, StoreError, StoreStats, StoredBatch, Waker, Where,
};
pub use batch::test_batch;
pub use local::{LocalOptions, LocalStore, VerifyReport};
pub use memory::{MemoryDisk, MemoryOptions, MemoryStore};
