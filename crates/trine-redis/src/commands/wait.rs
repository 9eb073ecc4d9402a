//! WAIT numreplicas timeout → 0 at once: there are no replicas to wait for.

use bytes::Bytes;

use super::{Ctx, Flow, NOT_AN_INTEGER};
use crate::wire::decimal;

pub(crate) fn wait(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let number = |at: usize| args.get(at).and_then(|arg| decimal(arg));
    match (number(1), number(2)) {
        (None, _) => ctx.out.error(NOT_AN_INTEGER),
        (_, None) => ctx.out.error("ERR timeout is not an integer or out of range"),
        (_, Some(..0)) => ctx.out.error("ERR timeout is negative"),
        _ => ctx.out.int(0),
    }
    Flow::Continue
}
