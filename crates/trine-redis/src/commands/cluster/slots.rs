//! CLUSTER SLOTS, SHARDS: every slot is here.

use bytes::Bytes;

use super::{SLOTS, address};
use crate::commands::{Ctx, Flow};

/// CLUSTER SLOTS → one range with one node.
pub(crate) fn slots(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    let (host, port) = address(ctx);
    let out = &mut *ctx.out;
    out.array(1);
    out.array(3);
    out.int(0);
    out.int(i64::from(SLOTS) - 1);
    out.array(4);
    out.bulk(host);
    out.int(i64::from(port));
    out.bulk(&ctx.shared.node.id);
    out.map(0);
    Flow::Continue
}

/// CLUSTER SHARDS → one shard with one node.
pub(crate) fn shards(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    let (host, port) = address(ctx);
    let out = &mut *ctx.out;
    out.array(1);
    out.map(2);
    out.bulk("slots");
    out.array(2);
    out.int(0);
    out.int(i64::from(SLOTS) - 1);
    out.bulk("nodes");
    out.array(1);
    out.map(7);
    out.bulk("id");
    out.bulk(&ctx.shared.node.id);
    out.bulk("port");
    out.int(i64::from(port));
    out.bulk("ip");
    out.bulk(&host);
    out.bulk("endpoint");
    out.bulk(&host);
    out.bulk("role");
    out.bulk("master");
    out.bulk("replication-offset");
    out.int(0);
    out.bulk("health");
    out.bulk("online");
    Flow::Continue
}
