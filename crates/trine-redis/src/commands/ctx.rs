//! What a handler may touch.

use crate::{session::Session, shared::Shared, wire::Reply};

/// The running command's surroundings.
pub(crate) struct Ctx<'a> {
    /// What all workers share.
    pub(crate) shared: &'a Shared,
    /// The connection's state.
    pub(crate) session: &'a mut Session,
    /// The reply of this command (of all commands, inside EXEC). CLIENT REPLY OFF and SKIP are not the handler's business.
    pub(crate) out: &'a mut Reply,
    /// Monotonic milliseconds at the beginning of this turn.
    pub(crate) now_ms: u64,
}
