//! ACL LOG [count|RESET] → the latest refusals.

use bytes::Bytes;

use crate::{
    commands::{Ctx, Flow, NOT_AN_INTEGER, dispatch::wrong_arity, table},
    wire::decimal,
};

/// Entries without being asked for more.
const COUNT_DEFAULT: usize = 10;

pub(crate) fn log(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let count = match args {
        [_, _] => COUNT_DEFAULT,
        [_, _, word] if word.eq_ignore_ascii_case(b"reset") => {
            ctx.shared.acl.log.lock().clear();
            ctx.out.ok();
            return Flow::Continue;
        }
        [_, _, count] => match decimal(count) {
            Some(count) => usize::try_from(count).unwrap_or(0),
            None => {
                ctx.out.error(NOT_AN_INTEGER);
                return Flow::Continue;
            }
        },
        _ => {
            if let Some(command) = table::find_full(b"acl|log") {
                ctx.out.error(wrong_arity(command));
            }
            return Flow::Continue;
        }
    };
    let entries = ctx.shared.acl.log.lock().latest(count);
    let now_ms = ctx.now_ms;
    let out = &mut *ctx.out;
    out.array(entries.len());
    for entry in entries {
        let latest = entry.latest;
        out.map(10);
        out.bulk("count");
        out.int(entry.count as i64);
        out.bulk("reason");
        out.bulk(latest.reason.as_str());
        out.bulk("context");
        out.bulk(if latest.in_multi { "multi" } else { "toplevel" });
        out.bulk("object");
        out.bulk(latest.object);
        out.bulk("username");
        out.bulk(latest.user);
        out.bulk("age-seconds");
        out.double(now_ms.saturating_sub(latest.at_ms) as f64 / 1000.0);
        out.bulk("client-info");
        out.bulk(latest.client);
        out.bulk("entry-id");
        out.int(entry.id as i64);
        out.bulk("timestamp-created");
        out.int(entry.created_wall_ms);
        out.bulk("timestamp-last-updated");
        out.int(latest.wall_ms);
    }
    Flow::Continue
}
