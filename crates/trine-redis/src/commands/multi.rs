//! MULTI → OK; what follows is queued until EXEC or DISCARD.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Command, Ctx, Flow};
use crate::session::{Multi, Session};

/// Bytes of arguments a transaction may gather; the same as the query buffer's usual bound would be read at once by nobody.
const QUEUED_BYTES_MAX: usize = 64 << 20;
/// Commands a transaction may gather.
const QUEUED_MAX: usize = 1 << 20;

pub(crate) fn multi(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    if ctx.session.multi.is_some() {
        ctx.out.error("ERR MULTI calls can not be nested");
        return Flow::Continue;
    }
    ctx.session.multi = Some(Multi::default());
    ctx.session.client.multi.store(0, Ordering::Relaxed);
    ctx.out.ok();
    Flow::Continue
}

/// Queues a command between MULTI and EXEC, and says so.
pub(crate) fn queue(ctx: &mut Ctx<'_>, command: &'static Command, args: &[Bytes]) {
    let Some(multi) = &mut ctx.session.multi else { return };
    let bytes: usize = args.iter().map(Bytes::len).sum();
    if multi.bytes + bytes > QUEUED_BYTES_MAX || multi.queued.len() >= QUEUED_MAX {
        multi.failed = true;
        ctx.out.error(format!(
            "ERR a transaction may have at most {QUEUED_MAX} commands and {QUEUED_BYTES_MAX} bytes of arguments"
        ));
        return;
    }
    multi.bytes += bytes;
    // A slice would hold the whole read buffer until EXEC.
    multi.queued.push((command, args.iter().map(|arg| Bytes::copy_from_slice(arg)).collect()));
    ctx.session.client.multi.store(multi.queued.len() as i64, Ordering::Relaxed);
    ctx.session.client.multi_bytes.store(multi.bytes, Ordering::Relaxed);
    ctx.out.simple("QUEUED");
}

/// A command between MULTI and EXEC was refused: EXEC will abort.
pub(crate) fn fail(session: &mut Session) {
    if let Some(multi) = &mut session.multi {
        multi.failed = true;
    }
}

/// Ends a transaction without running it; whether there was one.
pub(crate) fn end(session: &mut Session) -> Option<Multi> {
    session.client.multi.store(-1, Ordering::Relaxed);
    session.client.multi_bytes.store(0, Ordering::Relaxed);
    session.multi.take()
}
