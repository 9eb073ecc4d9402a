//! SUBSCRIBE channel… → one confirmation each, in order, also for channels that are subscribed already.

use bytes::Bytes;
use trine_core::pubsub::Kind;

use super::{Ctx, Flow};

pub(crate) fn subscribe(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    for channel in args.iter().skip(1) {
        ctx.subscribe(Kind::Channel, channel);
    }
    Flow::Continue
}
