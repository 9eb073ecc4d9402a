//! EXEC → the replies of all queued commands as one array. Messages that arrive meanwhile, also those that the transaction itself published to its own
//! connection, come after it.

use bytes::Bytes;

use super::{Ctx, Flow, multi};

pub(crate) fn exec(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    let Some(transaction) = multi::end(ctx.session) else {
        ctx.out.error("ERR EXEC without MULTI");
        return Flow::Continue;
    };
    if transaction.failed {
        ctx.out.error("EXECABORT Transaction discarded because of previous errors.");
        return Flow::Continue;
    }
    ctx.hold_messages();
    ctx.session.in_exec = true;
    ctx.out.array(transaction.queued.len());
    let mut last = Flow::Continue;
    for (command, args) in &transaction.queued {
        let Some(handler) = command.handler else { continue };
        let mut flow = handler(ctx, args);
        // The password check of an AUTH: the array cannot be left open for others to write into.
        while let Flow::Wait(deferred) = flow {
            let finish = (deferred.work)();
            flow = finish(ctx);
        }
        if matches!(flow, Flow::Close) {
            last = Flow::Close;
        }
    }
    ctx.session.in_exec = false;
    last
}
