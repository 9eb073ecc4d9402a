//! SELECT index → OK for the sixteen databases a client may know; channels belong to none of them.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Ctx, Flow, NOT_AN_INTEGER};
use crate::wire::decimal;

/// Databases, as `CONFIG GET databases` says.
pub(crate) const DATABASES: i64 = 16;

pub(crate) fn select(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    match args.get(1).and_then(|index| decimal(index)) {
        None => ctx.out.error(NOT_AN_INTEGER),
        Some(index) if index != 0 && ctx.shared.config.cluster => {
            ctx.out.error("ERR SELECT is not allowed in cluster mode");
        }
        Some(index @ 0..DATABASES) => {
            ctx.session.db = index as u32;
            ctx.session.client.db.store(index as u32, Ordering::Relaxed);
            ctx.out.ok();
        }
        Some(_) => ctx.out.error("ERR DB index is out of range"),
    }
    Flow::Continue
}
