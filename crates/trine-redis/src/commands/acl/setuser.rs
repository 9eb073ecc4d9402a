//! ACL SETUSER username rule… → OK. Connections of the user that hold subscriptions it may no longer have are closed.

use bytes::Bytes;

use crate::{
    commands::{Ctx, Flow},
    worker::Control,
};

pub(crate) fn setuser(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let Some(name) = args.get(2) else { return Flow::Continue };
    let text = std::str::from_utf8(name).ok();
    let Some(name) = text.filter(|name| !name.contains(|c: char| c == '\0' || c.is_ascii_whitespace())) else {
        ctx.out.error("ERR Usernames can't contain spaces or null characters");
        return Flow::Continue;
    };
    match ctx.shared.acl.set(name, args.iter().skip(3).map(|word| &**word)) {
        Ok(user) => {
            tracing::info!(user = name, by = %ctx.session.user.name, "ACL SETUSER changed a user until the next start");
            let by = ctx.session.client.id;
            for worker in &ctx.shared.workers {
                worker.tell(Control::Recheck(user.clone(), by));
            }
            ctx.out.ok();
        }
        Err((word, problem)) => {
            ctx.out.error([b"ERR Error in ACL SETUSER modifier '", word, b"': ", problem.as_bytes()].concat());
        }
    }
    Flow::Continue
}
