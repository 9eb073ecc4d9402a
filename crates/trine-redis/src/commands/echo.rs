//! ECHO message → the message.

use bytes::Bytes;

use super::{Ctx, Flow};

pub(crate) fn echo(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    if let [_, message] = args {
        ctx.out.bulk(message);
    }
    Flow::Continue
}
