//! SUNSUBSCRIBE [shardchannel…] → one confirmation for each argument, subscribed or not; without arguments one for each subscription, or one with a null name.

use bytes::Bytes;
use trine_core::pubsub::Kind;

use super::{Ctx, Flow};

pub(crate) fn sunsubscribe(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    if args.len() == 1 {
        ctx.unsubscribe_kind(Kind::Shard);
    }
    for name in args.iter().skip(1) {
        ctx.unsubscribe(Kind::Shard, name);
    }
    Flow::Continue
}
