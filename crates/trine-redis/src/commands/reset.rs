//! RESET → RESET; the connection is as it was when it was new, but for the names of its library. Subscriptions end without a word.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Ctx, Flow, monitor, multi};
use crate::{
    clients::{FLAG_NO_EVICT, FLAG_NO_TOUCH},
    session::{ReplyMode, Tracking},
    wire::Resp,
};

pub(crate) fn reset(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    multi::end(ctx.session);
    ctx.drop_subscriptions();
    monitor::leave(ctx);
    ctx.set_resp(Resp::V2);
    let user = ctx.shared.acl.at_connect(ctx.session.anonymous);
    ctx.session.authenticated = user.is_open();
    ctx.session.become_user(user);
    ctx.session.reply_mode = ReplyMode::On;
    ctx.session.tracking = Tracking::Off;
    ctx.session.db = 0;
    let client = &ctx.session.client;
    client.db.store(0, Ordering::Relaxed);
    client.names.lock().name = Bytes::new();
    client.set(FLAG_NO_EVICT, false);
    client.set(FLAG_NO_TOUCH, false);
    ctx.out.simple("RESET");
    Flow::Continue
}
