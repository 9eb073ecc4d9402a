//! Bytes ⇄ requests and replies; nothing else.

mod reply;

pub(crate) use reply::{Reply, Resp};
