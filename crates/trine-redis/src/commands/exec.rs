//! EXEC → the replies of all queued commands as one array. Messages that arrive meanwhile, also those that the transaction itself published to its own
//! connection, come after it.

use bytes::Bytes;

use super::{Ctx, Flow, dispatch, multi};
use crate::acl::Denied;

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
        if let Err(denied) = dispatch::check_access(ctx, command, args) {
            ctx.out.error(no_longer_allowed(&denied));
            continue;
        }
        let mut flow = dispatch::run(ctx, command, args);
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

/// The user's rights changed after the command was queued.
fn no_longer_allowed(denied: &Denied) -> String {
    let reason = match denied {
        Denied::Command => "no permission to execute the command or subcommand",
        Denied::Key(_) => "no permission to touch the specified keys",
        Denied::Channel(_) => "no permission to access one of the channels used as arguments to the command",
    };
    format!(
        "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed \
         for the following reason: {reason}"
    )
}
