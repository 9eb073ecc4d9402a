//! LATENCY LATEST, HISTORY, HISTOGRAM → nothing; RESET → 0; DOCTOR → that nothing is known.

use bytes::Bytes;

use super::{Ctx, Flow};

pub(crate) fn latest(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.array(0);
    Flow::Continue
}

pub(crate) fn history(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.array(0);
    Flow::Continue
}

pub(crate) fn histogram(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.map(0);
    Flow::Continue
}

pub(crate) fn reset(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.int(0);
    Flow::Continue
}

pub(crate) fn doctor(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.verbatim(b"Trine records no latencies of commands; see its metrics.\n");
    Flow::Continue
}
