//! WATCH key… → OK: there are no keys, so none ever changes.

use bytes::Bytes;

use super::{Ctx, Flow};

pub(crate) fn watch(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    if ctx.session.multi.is_some() {
        ctx.out.error("ERR WATCH inside MULTI is not allowed");
    } else {
        ctx.out.ok();
    }
    Flow::Continue
}
