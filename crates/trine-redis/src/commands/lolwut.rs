//! LOLWUT → the version.

use bytes::Bytes;

use super::{Ctx, Flow};

pub(crate) fn lolwut(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    let config = &ctx.shared.config;
    ctx.out
        .verbatim(format!("Trine {}, speaking Redis ver. {}\n", config.trine_version, config.redis_version).as_bytes());
    Flow::Continue
}
