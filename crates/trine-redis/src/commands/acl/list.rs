//! ACL LIST → a line for each user; ACL USERS → their names.

use bytes::Bytes;

use crate::commands::{Ctx, Flow};

pub(crate) fn list(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    let users = ctx.shared.acl.all();
    ctx.out.array(users.len());
    for user in users {
        ctx.out.bulk(user.rules().line(&user.name));
    }
    Flow::Continue
}

pub(crate) fn users(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    let users = ctx.shared.acl.all();
    ctx.out.array(users.len());
    for user in users {
        ctx.out.bulk(user.name.as_bytes());
    }
    Flow::Continue
}
