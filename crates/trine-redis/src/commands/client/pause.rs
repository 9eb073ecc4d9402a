//! CLIENT PAUSE, UNPAUSE, UNBLOCK: nothing is paused, and no command blocks.

use bytes::Bytes;

use crate::{
    commands::{Ctx, Flow, NOT_AN_INTEGER},
    wire::decimal,
};

/// CLIENT PAUSE timeout [WRITE|ALL] → OK.
pub(crate) fn pause(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let mode_known = match args.get(3..).unwrap_or(&[]) {
        [] => true,
        [mode] => mode.eq_ignore_ascii_case(b"write") || mode.eq_ignore_ascii_case(b"all"),
        _ => false,
    };
    match args.get(2).and_then(|timeout| decimal(timeout)) {
        _ if !mode_known => ctx.out.error("ERR CLIENT PAUSE mode must be WRITE or ALL"),
        None => ctx.out.error("ERR timeout is not an integer or out of range"),
        Some(..0) => ctx.out.error("ERR timeout is negative"),
        Some(_) => ctx.out.ok(),
    }
    Flow::Continue
}

/// CLIENT UNPAUSE → OK.
pub(crate) fn unpause(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.ok();
    Flow::Continue
}

/// CLIENT UNBLOCK id [TIMEOUT|ERROR] → 0: that client was not blocked.
pub(crate) fn unblock(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let reason_known = match args.get(3..).unwrap_or(&[]) {
        [] => true,
        [reason] => reason.eq_ignore_ascii_case(b"timeout") || reason.eq_ignore_ascii_case(b"error"),
        _ => false,
    };
    if !reason_known {
        ctx.out.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    } else if args.get(2).and_then(|id| decimal(id)).is_none() {
        ctx.out.error(NOT_AN_INTEGER);
    } else {
        ctx.out.int(0);
    }
    Flow::Continue
}
