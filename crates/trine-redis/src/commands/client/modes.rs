//! CLIENT REPLY, NO-EVICT, NO-TOUCH: switches of this connection.

use bytes::Bytes;

use crate::{
    clients::{FLAG_NO_EVICT, FLAG_NO_TOUCH},
    commands::{Ctx, Flow, SYNTAX_ERROR},
    session::ReplyMode,
};

/// CLIENT REPLY ON → OK; OFF and SKIP are not answered.
pub(crate) fn reply(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let Some(mode) = args.get(2) else { return Flow::Continue };
    if mode.eq_ignore_ascii_case(b"on") {
        ctx.session.reply_mode = ReplyMode::On;
        ctx.out.ok();
    } else if mode.eq_ignore_ascii_case(b"off") {
        ctx.session.reply_mode = ReplyMode::Off;
    } else if mode.eq_ignore_ascii_case(b"skip") {
        if ctx.session.reply_mode != ReplyMode::Off {
            ctx.session.reply_mode = ReplyMode::SkipNext;
        }
    } else {
        ctx.out.error(SYNTAX_ERROR);
    }
    Flow::Continue
}

/// CLIENT NO-EVICT ON|OFF → OK: this connection's outbox is the last to be cut off for all of them together.
pub(crate) fn no_evict(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    switch(ctx, args, FLAG_NO_EVICT)
}

/// CLIENT NO-TOUCH ON|OFF → OK.
pub(crate) fn no_touch(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    switch(ctx, args, FLAG_NO_TOUCH)
}

fn switch(ctx: &mut Ctx<'_>, args: &[Bytes], flag: u32) -> Flow {
    let word = args.get(2).map_or(&[][..], |word| word);
    let on = word.eq_ignore_ascii_case(b"on");
    if on || word.eq_ignore_ascii_case(b"off") {
        ctx.session.client.set(flag, on);
        ctx.out.ok();
    } else {
        ctx.out.error(SYNTAX_ERROR);
    }
    Flow::Continue
}
