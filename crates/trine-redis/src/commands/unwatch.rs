//! UNWATCH → OK.

use bytes::Bytes;

use super::{Ctx, Flow};

pub(crate) fn unwatch(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.ok();
    Flow::Continue
}
