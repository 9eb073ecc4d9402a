//! Short form until the real one lands.
use super::*;
use crate::wire::Resp;
use bytes::Bytes;
pub(crate) fn dispatch(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let name = String::from_utf8_lossy(&args[0]).to_lowercase();
    let Some(mut c) = table::TABLE.iter().find(|c| c.name == name) else {
        match name.as_str() {
            "hello" => {
                ctx.set_resp(if args.get(1).is_some_and(|a| &**a == b"3") { Resp::V3 } else { Resp::V2 });
                ctx.out.array(0);
                return Flow::Continue;
            }
            "quit" => {
                ctx.out.ok();
                return Flow::Close;
            }
            "client" => {
                if args.len() == 3 && args[1].eq_ignore_ascii_case(b"reply") {
                    ctx.session.reply_mode = match &*args[2].to_ascii_lowercase() {
                        b"off" => crate::session::ReplyMode::Off,
                        b"skip" => crate::session::ReplyMode::SkipNext,
                        _ => crate::session::ReplyMode::On,
                    };
                    if ctx.session.reply_mode == crate::session::ReplyMode::On {
                        ctx.out.ok();
                    }
                } else {
                    ctx.out.ok();
                }
                return Flow::Continue;
            }
            _ => {}
        }
        ctx.out.error(format!("ERR unknown command '{name}', with args beginning with: "));
        multi::fail(ctx.session);
        return Flow::Continue;
    };
    if c.handler.is_none() {
        let sub = String::from_utf8_lossy(&args[1]).to_lowercase();
        let Some(s) = c.subcommands.iter().find(|s| s.name == sub) else {
            ctx.out.error("ERR unknown subcommand");
            return Flow::Continue;
        };
        c = s;
    }
    if (c.arity > 0 && args.len() as i32 != c.arity) || (args.len() as i32) < -c.arity {
        ctx.out.error(format!("ERR wrong number of arguments for '{}' command", c.full_name));
        multi::fail(ctx.session);
        return Flow::Continue;
    }
    if ctx.session.multi.is_some() && !matches!(c.name, "exec" | "discard" | "multi" | "watch") {
        multi::queue(ctx, c, args);
        return Flow::Continue;
    }
    (c.handler.unwrap())(ctx, args)
}
