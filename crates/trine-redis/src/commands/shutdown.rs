//! SHUTDOWN is refused: the server serves more than Redis clients.

use bytes::Bytes;

use super::{Ctx, Flow, SYNTAX_ERROR};

pub(crate) fn shutdown(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let known = |word: &Bytes| {
        ["save", "nosave", "now", "force", "abort"].iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word))
    };
    if args.iter().skip(1).all(known) {
        ctx.out.error(
            "ERR SHUTDOWN is not supported by Trine, which also serves other protocols: send SIGTERM to its process",
        );
    } else {
        ctx.out.error(SYNTAX_ERROR);
    }
    Flow::Continue
}
