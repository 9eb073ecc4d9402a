//! CLIENT.

pub(crate) mod kill;
pub(crate) mod list;
pub(crate) mod modes;
pub(crate) mod names;
pub(crate) mod pause;
pub(crate) mod tracking;
