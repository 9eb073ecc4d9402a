//! Bytes ⇄ requests and replies; nothing else.

mod inline;
mod reply;
mod request;

pub(crate) use reply::{Reply, Resp};
pub(crate) use request::decimal;
pub use request::{RequestError, RequestLimits, RequestParser};
