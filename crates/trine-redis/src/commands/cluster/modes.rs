//! READONLY, READWRITE, ASKING → OK in cluster mode; the subcommands that would change a cluster are refused.

use bytes::Bytes;

use super::DISABLED;
use crate::commands::{Ctx, Flow};

/// READONLY, READWRITE, ASKING.
pub(crate) fn accept(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    if ctx.shared.config.cluster {
        ctx.out.ok();
    } else {
        ctx.out.error(DISABLED);
    }
    Flow::Continue
}

/// CLUSTER ADDSLOTS, MEET, FAILOVER and the like.
pub(crate) fn refuse(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.error(
        "ERR Trine is a cluster of one node that serves every slot; this cannot be changed (redis.cluster = true)",
    );
    Flow::Continue
}
