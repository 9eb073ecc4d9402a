//! FUNCTION FLUSH [ASYNC|SYNC] → OK; FUNCTION LIST → nothing.

use bytes::Bytes;

use super::{Ctx, Flow, flush::is_mode};

pub(crate) fn flush(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    match args {
        [_, _] => ctx.out.ok(),
        [_, _, mode] if is_mode(mode) => ctx.out.ok(),
        _ => ctx.out.error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"),
    }
    Flow::Continue
}

pub(crate) fn list(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.array(0);
    Flow::Continue
}
