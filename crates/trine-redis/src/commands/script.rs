//! SCRIPT FLUSH [ASYNC|SYNC] → OK; SCRIPT EXISTS sha1… → 0 for each.

use bytes::Bytes;

use super::{Ctx, Flow, flush::is_mode};

pub(crate) fn flush(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    match args {
        [_, _] => ctx.out.ok(),
        [_, _, mode] if is_mode(mode) => ctx.out.ok(),
        _ => ctx.out.error("ERR SCRIPT FLUSH only support SYNC|ASYNC option"),
    }
    Flow::Continue
}

pub(crate) fn exists(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let scripts = args.len().saturating_sub(2);
    ctx.out.array(scripts);
    for _ in 0..scripts {
        ctx.out.int(0);
    }
    Flow::Continue
}
