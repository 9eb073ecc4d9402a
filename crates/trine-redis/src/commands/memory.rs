//! MEMORY USAGE key → null; DOCTOR, MALLOC-STATS → that nothing is known; PURGE → OK.

use bytes::Bytes;

use super::{Ctx, Flow};

pub(crate) fn usage(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.null();
    Flow::Continue
}

pub(crate) fn purge(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.ok();
    Flow::Continue
}

pub(crate) fn doctor(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.verbatim(b"Trine keeps no keys; see its metrics for memory.\n");
    Flow::Continue
}

pub(crate) fn malloc_stats(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.bulk("Stats not supported for the current allocator");
    Flow::Continue
}
