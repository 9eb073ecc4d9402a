//! DISCARD → OK; what MULTI gathered is forgotten.

use bytes::Bytes;

use super::{Ctx, Flow, multi};

pub(crate) fn discard(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    match multi::end(ctx.session) {
        Some(_) => ctx.out.ok(),
        None => ctx.out.error("ERR DISCARD without MULTI"),
    }
    Flow::Continue
}
