//! FLUSHALL, FLUSHDB [ASYNC|SYNC] → OK. Test suites begin with them.

use bytes::Bytes;

use super::{Ctx, Flow, SYNTAX_ERROR};

pub(crate) fn flush(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    match args {
        [_] => ctx.out.ok(),
        [_, mode] if is_mode(mode) => ctx.out.ok(),
        _ => ctx.out.error(SYNTAX_ERROR),
    }
    Flow::Continue
}

/// Whether a word says how to flush.
pub(super) fn is_mode(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"async") || word.eq_ignore_ascii_case(b"sync")
}
