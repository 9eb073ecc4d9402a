//! CLUSTER NODES, MYID, MYSHARDID, REPLICAS, COUNT-FAILURE-REPORTS, LINKS: the one node.

use bytes::Bytes;

use super::{BUS_PORT_OFFSET, SLOTS, address};
use crate::commands::{Ctx, Flow};

/// CLUSTER NODES → one line.
pub(crate) fn nodes(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    let (host, port) = address(ctx);
    let bus = port.checked_add(BUS_PORT_OFFSET).unwrap_or(0);
    let id = &ctx.shared.node.id;
    let text = format!("{id} {host}:{port}@{bus} myself,master - 0 0 1 connected 0-{}\n", SLOTS - 1);
    ctx.out.verbatim(text.as_bytes());
    Flow::Continue
}

/// CLUSTER MYID.
pub(crate) fn myid(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.bulk(&ctx.shared.node.id);
    Flow::Continue
}

/// CLUSTER MYSHARDID.
pub(crate) fn myshardid(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.bulk(&ctx.shared.node.shard_id);
    Flow::Continue
}

/// CLUSTER REPLICAS, SLAVES id → none.
pub(crate) fn replicas(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    if is_known(ctx, args) {
        ctx.out.array(0);
    }
    Flow::Continue
}

/// CLUSTER COUNT-FAILURE-REPORTS id → none.
pub(crate) fn count_failure_reports(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    if is_known(ctx, args) {
        ctx.out.int(0);
    }
    Flow::Continue
}

/// CLUSTER LINKS → none.
pub(crate) fn links(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.array(0);
    Flow::Continue
}

/// Whether the id is the node's; otherwise that is answered.
fn is_known(ctx: &mut Ctx<'_>, args: &[Bytes]) -> bool {
    let id = args.get(2).map_or(&[][..], |id| id);
    let known = id == ctx.shared.node.id.as_bytes();
    if !known {
        ctx.out.error([b"ERR Unknown node ", id].concat());
    }
    known
}
