//! PUBLISH channel message → how many subscriptions the message was queued for: exact ones and one for each pattern that matches.

use bytes::Bytes;
use trine_broker::pubsub::Space;

use super::{Ctx, Flow};

pub(crate) fn publish(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let [_, channel, message] = args else { return Flow::Continue };
    let receivers = ctx.publish(Space::Global, channel, message);
    ctx.out.int(receivers as i64);
    Flow::Continue
}
