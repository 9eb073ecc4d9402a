//! MODULE LIST → nothing.

use bytes::Bytes;

use super::{Ctx, Flow};

pub(crate) fn list(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.array(0);
    Flow::Continue
}
