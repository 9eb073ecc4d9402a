//! Short form until the real one lands.
use super::*;
const fn c(name: &'static str, arity: i32, handler: Handler) -> Command {
    Command {
        name,
        full_name: name,
        arity,
        flags: 0,
        categories: 0,
        keys: (0, 0, 0),
        handler: Some(handler),
        subcommands: &[],
        summary: "",
        since: "",
    }
}
pub(crate) static TABLE: &[Command] = &[
    c("ping", -1, |ctx, _| {
        ctx.out.simple("PONG");
        Flow::Continue
    }),
    c("publish", 3, publish::publish),
    c("spublish", 3, spublish::spublish),
    c("subscribe", -2, subscribe::subscribe),
    c("psubscribe", -2, psubscribe::psubscribe),
    c("ssubscribe", -2, ssubscribe::ssubscribe),
    c("unsubscribe", -1, unsubscribe::unsubscribe),
    c("punsubscribe", -1, punsubscribe::punsubscribe),
    c("sunsubscribe", -1, sunsubscribe::sunsubscribe),
    c("multi", 1, multi::multi),
    c("exec", 1, exec::exec),
    c("discard", 1, discard::discard),
    c("watch", -2, watch::watch),
    c("unwatch", 1, unwatch::unwatch),
    Command { subcommands: PUBSUB, handler: None, ..c("pubsub", -2, exec::exec) },
];
static PUBSUB: &[Command] = &[
    c("channels", -2, pubsub::channels),
    c("numsub", -2, pubsub::numsub),
    c("numpat", 2, pubsub::numpat),
    c("shardchannels", -2, pubsub::shardchannels),
    c("shardnumsub", -2, pubsub::shardnumsub),
];
