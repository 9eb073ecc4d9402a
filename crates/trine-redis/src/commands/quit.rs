//! QUIT → OK, then the connection is closed.

use bytes::Bytes;

use super::{Ctx, Flow};

pub(crate) fn quit(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.ok();
    Flow::Close
}
