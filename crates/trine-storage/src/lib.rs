//! The storage engine: ShardStore and its local and in-memory implementations.
