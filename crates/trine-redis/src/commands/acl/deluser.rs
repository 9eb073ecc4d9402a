//! ACL DELUSER username… → how many there were; their connections are closed.

use bytes::Bytes;

use crate::{
    commands::{Ctx, Flow},
    session::DEFAULT_USER,
};

pub(crate) fn deluser(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let names = args.get(2..).unwrap_or(&[]);
    if names.iter().any(|name| *name == DEFAULT_USER) {
        ctx.out.error("ERR The 'default' user cannot be removed");
        return Flow::Continue;
    }
    let mut removed = 0;
    let mut flow = Flow::Continue;
    for name in names.iter().filter_map(|name| std::str::from_utf8(name).ok()) {
        if !ctx.shared.acl.remove(name) {
            continue;
        }
        removed += 1;
        tracing::info!(user = name, by = %ctx.session.user.name, "ACL DELUSER removed a user until the next start");
        for client in ctx.shared.clients.list().into_iter().filter(|client| *client.names.lock().user == *name) {
            if client.id == ctx.session.client.id {
                flow = Flow::Close;
            } else {
                ctx.shared.kill(&client);
            }
        }
    }
    ctx.out.int(removed);
    flow
}
