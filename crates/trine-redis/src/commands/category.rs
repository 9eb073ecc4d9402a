//! Categories of commands, with the names and in the order of ACL CAT (redis: `src/acl.c`, `ACLDefaultCommandCategories`).

use super::flag;

/// Names by bit.
pub(crate) const NAMES: [&str; 21] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

pub(crate) const KEYSPACE: u32 = 1 << 0;
const READ: u32 = 1 << 1;
const WRITE: u32 = 1 << 2;
pub(crate) const STREAM: u32 = 1 << 11;
const PUBSUB: u32 = 1 << 12;
pub(crate) const ADMIN: u32 = 1 << 13;
const FAST: u32 = 1 << 14;
const SLOW: u32 = 1 << 15;
pub(crate) const DANGEROUS: u32 = 1 << 17;
pub(crate) const CONNECTION: u32 = 1 << 18;
pub(crate) const TRANSACTION: u32 = 1 << 19;
pub(crate) const SCRIPTING: u32 = 1 << 20;

/// The bit of a name.
pub(crate) fn parse(name: &[u8]) -> Option<u32> {
    NAMES.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name)).map(|bit| 1 << bit)
}

/// The names of some categories.
pub(crate) fn names(of: u32) -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().enumerate().filter(move |(bit, _)| of & 1 << bit != 0).map(|(_, name)| name)
}

/// The categories that follow from a command's flags.
pub(crate) const fn of_flags(flags: u32) -> u32 {
    let mut categories = 0;
    if flags & flag::READONLY != 0 {
        categories |= READ;
    }
    if flags & flag::WRITE != 0 {
        categories |= WRITE;
    }
    if flags & flag::PUBSUB != 0 {
        categories |= PUBSUB;
    }
    if flags & flag::ADMIN != 0 {
        categories |= ADMIN | DANGEROUS;
    }
    categories | if flags & flag::FAST != 0 { FAST } else { SLOW }
}
