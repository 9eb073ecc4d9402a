//! SPUBLISH shardchannel message → how many shard subscriptions the message was queued for. Patterns and plain subscribers do not see it.

use bytes::Bytes;
use trine_broker::pubsub::Space;

use super::{Ctx, Flow};

pub(crate) fn spublish(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let [_, channel, message] = args else { return Flow::Continue };
    let receivers = ctx.publish(Space::Shard, channel, message);
    ctx.out.int(receivers as i64);
    Flow::Continue
}
