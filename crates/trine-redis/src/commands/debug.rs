//! DEBUG is refused.

use bytes::Bytes;

use super::{Ctx, Flow};

pub(crate) fn debug(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.error("ERR DEBUG command not allowed. Trine has nothing that it could debug.");
    Flow::Continue
}
