//! A shard: the owner of the entities of one shard group.

/// What a shard is asked to do.
pub(crate) enum Command {}
