//! LASTSAVE → when the server started, in seconds: as Redis says before it saved anything.

use bytes::Bytes;

use super::{Ctx, Flow};

pub(crate) fn lastsave(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.int(ctx.shared.node.started_wall_ms.div_euclid(1000));
    Flow::Continue
}
