//! SLOWLOG GET → nothing; LEN → 0; RESET → OK.

use bytes::Bytes;

use super::{Ctx, Flow, NOT_AN_INTEGER};
use crate::wire::decimal;

pub(crate) fn get(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    match args.get(2).map(|count| decimal(count)) {
        Some(None) => ctx.out.error(NOT_AN_INTEGER),
        Some(Some(..-1)) => ctx.out.error("ERR count should be greater than or equal to -1"),
        _ => ctx.out.array(0),
    }
    Flow::Continue
}

pub(crate) fn len(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.int(0);
    Flow::Continue
}

pub(crate) fn reset(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.ok();
    Flow::Continue
}
