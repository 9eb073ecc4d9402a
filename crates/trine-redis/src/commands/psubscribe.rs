//! PSUBSCRIBE pattern… → one confirmation each, in order.

use bytes::Bytes;
use trine_core::pubsub::Kind;

use super::{Ctx, Flow};

pub(crate) fn psubscribe(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    for pattern in args.iter().skip(1) {
        ctx.subscribe(Kind::Pattern, pattern);
    }
    Flow::Continue
}
