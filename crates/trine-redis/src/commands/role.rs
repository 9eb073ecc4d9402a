//! ROLE → a master without replicas.

use bytes::Bytes;

use super::{Ctx, Flow};

pub(crate) fn role(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.array(3);
    ctx.out.bulk("master");
    ctx.out.int(0);
    ctx.out.array(0);
    Flow::Continue
}
