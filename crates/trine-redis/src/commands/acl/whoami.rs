//! ACL WHOAMI → the connection's user.

use bytes::Bytes;

use crate::commands::{Ctx, Flow};

pub(crate) fn whoami(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.bulk(ctx.session.user.name.as_bytes());
    Flow::Continue
}
