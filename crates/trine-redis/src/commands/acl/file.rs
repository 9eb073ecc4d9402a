//! ACL LOAD, SAVE: users come from Trine's configuration, not from a file of Redis.

use bytes::Bytes;

use crate::commands::{Ctx, Flow};

pub(crate) fn refuse(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.error("ERR This Redis instance is not configured to use an ACL file. Trine takes its users from [[user]] in its configuration.");
    Flow::Continue
}
