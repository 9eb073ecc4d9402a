//! COMMAND: what commands there are.

pub(crate) mod docs;
pub(crate) mod entries;
pub(crate) mod getkeys;
pub(crate) mod list;
