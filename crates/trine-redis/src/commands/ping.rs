//! PING [message] → PONG or the message; to a RESP2 subscriber as an array, so that it cannot be taken for something else.

use bytes::Bytes;

use super::{Ctx, Flow, dispatch::wrong_arity, table};
use crate::wire::Resp;

pub(crate) fn ping(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let message = match args {
        [_] => None,
        [_, message] => Some(message),
        _ => {
            if let Some(command) = table::find(b"ping") {
                ctx.out.error(wrong_arity(command));
            }
            return Flow::Continue;
        }
    };
    if ctx.session.resp == Resp::V2 && ctx.session.subscribed.any() {
        ctx.out.array(2);
        ctx.out.bulk("pong");
        ctx.out.bulk(message.map_or(&[][..], |message| message));
    } else if let Some(message) = message {
        ctx.out.bulk(message);
    } else {
        ctx.out.simple("PONG");
    }
    Flow::Continue
}
