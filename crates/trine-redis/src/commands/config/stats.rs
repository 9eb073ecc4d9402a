//! CONFIG RESETSTAT → OK; CONFIG REWRITE is refused.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use crate::commands::{Ctx, Flow};

/// Sets to zero what belongs to Redis's figures only. What metrics show, too, may never fall.
pub(crate) fn resetstat(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    let counters = &ctx.shared.counters;
    for counter in [&counters.denied_auth, &counters.denied_command, &counters.denied_key, &counters.denied_channel] {
        counter.store(0, Ordering::Relaxed);
    }
    ctx.out.ok();
    Flow::Continue
}

pub(crate) fn rewrite(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.error("ERR The server is running without a config file");
    Flow::Continue
}
