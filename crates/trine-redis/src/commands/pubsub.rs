//! PUBSUB CHANNELS [pattern], NUMSUB [channel…], NUMPAT, SHARDCHANNELS [pattern], SHARDNUMSUB [channel…]: what is subscribed to on this server.

use bytes::Bytes;
use trine_broker::pubsub::Space;
use trine_core::pubsub::Glob;

use super::{Ctx, Flow};

/// PUBSUB CHANNELS: names with exact subscriptions, in no order.
pub(crate) fn channels(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    names(ctx, Space::Global, args)
}

/// PUBSUB SHARDCHANNELS.
pub(crate) fn shardchannels(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    names(ctx, Space::Shard, args)
}

/// PUBSUB NUMSUB: names and counts in turn, in the order of the arguments; an array in RESP3 as well.
pub(crate) fn numsub(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    counts(ctx, Space::Global, args)
}

/// PUBSUB SHARDNUMSUB.
pub(crate) fn shardnumsub(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    counts(ctx, Space::Shard, args)
}

/// PUBSUB NUMPAT: distinct patterns, however many subscribe to each.
pub(crate) fn numpat(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.int(ctx.shared.broker.pubsub().patterns_len() as i64);
    Flow::Continue
}

fn names(ctx: &mut Ctx<'_>, space: Space, args: &[Bytes]) -> Flow {
    if let [_, subcommand, _, _, ..] = args {
        let subcommand = String::from_utf8_lossy(subcommand);
        ctx.out
            .error(format!("ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try PUBSUB HELP."));
        return Flow::Continue;
    }
    let glob = args.get(2).map(|pattern| Glob::new(pattern));
    let names = ctx.shared.broker.pubsub().channel_names(space, glob.as_ref());
    ctx.out.array(names.len());
    for name in names {
        ctx.out.bulk(&name);
    }
    Flow::Continue
}

fn counts(ctx: &mut Ctx<'_>, space: Space, args: &[Bytes]) -> Flow {
    let channels = args.get(2..).unwrap_or(&[]);
    ctx.out.array(channels.len() * 2);
    for channel in channels {
        ctx.out.bulk(channel);
        ctx.out.int(ctx.shared.broker.pubsub().subscriptions(space, channel) as i64);
    }
    Flow::Continue
}
