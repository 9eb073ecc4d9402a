//! SSUBSCRIBE shardchannel… → one confirmation each, in order. Not inside EXEC, where Redis refuses it.

use bytes::Bytes;
use trine_core::pubsub::Kind;

use super::{Ctx, Flow};

pub(crate) fn ssubscribe(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    if ctx.session.in_exec {
        ctx.out.error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
        return Flow::Continue;
    }
    for channel in args.iter().skip(1) {
        ctx.subscribe(Kind::Shard, channel);
    }
    Flow::Continue
}
