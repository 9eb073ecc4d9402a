//! CLUSTER, and what a cluster changes for other commands: one node that serves every slot (decision Q18).

pub(crate) mod info;
pub(crate) mod modes;
pub(crate) mod nodes;
pub(crate) mod slot;
pub(crate) mod slots;

use std::net::SocketAddr;

use bytes::Bytes;

use super::{Command, Ctx};
use crate::session::Session;

/// The answer that tells clients they talk to a single server.
pub(super) const DISABLED: &str = "ERR This instance has cluster support disabled";
/// The answer to keys or shard channels of several slots in one request.
pub(super) const CROSS_SLOT: &str = "CROSSSLOT Keys in request don't hash to the same slot";
/// Slots of a cluster.
pub(super) const SLOTS: u16 = 16_384;
/// What the bus port is above the client port. Nobody listens there.
const BUS_PORT_OFFSET: u16 = 10_000;

/// Whether a request's keys (EXEC: those of all queued commands) are in several slots.
pub(super) fn crosses_slots(session: &Session, command: &Command, args: &[Bytes]) -> bool {
    let mut first = None;
    let mut crosses = |command: &Command, args: &[Bytes]| {
        command.keys_of(args).any(|key| {
            let slot = slot::of(key);
            *first.get_or_insert(slot) != slot
        })
    };
    match &session.multi {
        Some(multi) if command.name == "exec" => multi.queued.iter().any(|(command, args)| crosses(command, args)),
        _ => crosses(command, args),
    }
}

/// The host and port this client can reach the node by: the advertised ones, else those it came to.
fn address(ctx: &Ctx<'_>) -> (String, u16) {
    let config = &ctx.shared.config;
    if let Some(addr) = config.advertise.get() {
        return (addr.host, addr.port);
    }
    match ctx.session.client.laddr.parse::<SocketAddr>() {
        Ok(addr) => (addr.ip().to_string(), addr.port()),
        // A unix socket: an empty host means the one the client used.
        Err(_) => (String::new(), config.port),
    }
}
