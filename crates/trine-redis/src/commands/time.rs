//! TIME → seconds and microseconds (of which the last three digits are zero).

use bytes::Bytes;

use super::{Ctx, Flow};

pub(crate) fn time(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    let wall_ms = ctx.shared.broker.clock().wall().0;
    ctx.out.array(2);
    ctx.out.bulk(wall_ms.div_euclid(1000).to_string());
    ctx.out.bulk((wall_ms.rem_euclid(1000) * 1000).to_string());
    Flow::Continue
}
