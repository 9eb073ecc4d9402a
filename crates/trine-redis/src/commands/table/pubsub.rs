//! Publishing, subscribing and transactions.

use super::{help, sub};
use crate::commands::{
    Command, category::TRANSACTION, discard, exec, flag, help, multi, psubscribe, publish, pubsub, punsubscribe,
    spublish, ssubscribe, subscribe, sunsubscribe, unsubscribe, unwatch, watch,
};

const PUBLISH: u32 = flag::PUBSUB | flag::LOADING | flag::STALE | flag::FAST;
const SUBSCRIBE: u32 = flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE;
const LOOK: u32 = flag::PUBSUB | flag::LOADING | flag::STALE;
const QUEUE: u32 = flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::FAST | flag::ALLOW_BUSY;

pub(super) static PUBSUB: &[Command] = &[
    Command::new("psubscribe", "<pattern> [<pattern> ...]", -2, SUBSCRIBE, psubscribe::psubscribe)
        .about("2.0.0", "Subscribes to all channels that match the patterns"),
    Command::new("publish", "<channel> <message>", 3, PUBLISH, publish::publish)
        .about("2.0.0", "Sends a message to a channel; returns to how many subscriptions"),
    Command::container("pubsub", PUBSUB_SUBCOMMANDS).about("2.8.0", "About channels"),
    Command::new("punsubscribe", "[<pattern> ...]", -1, SUBSCRIBE, punsubscribe::punsubscribe)
        .about("2.0.0", "Ends subscriptions to patterns, or all of them"),
    Command::new("spublish", "<shardchannel> <message>", 3, PUBLISH, spublish::spublish)
        .with_keys((1, 1, 1), &["not_key"])
        .about("7.0.0", "Sends a message to a shard channel; returns to how many subscriptions"),
    Command::new("ssubscribe", "<shardchannel> [<shardchannel> ...]", -2, SUBSCRIBE, ssubscribe::ssubscribe)
        .with_keys((1, -1, 1), &["not_key"])
        .about("7.0.0", "Subscribes to shard channels"),
    Command::new("subscribe", "<channel> [<channel> ...]", -2, SUBSCRIBE, subscribe::subscribe)
        .about("2.0.0", "Subscribes to channels"),
    Command::new("sunsubscribe", "[<shardchannel> ...]", -1, SUBSCRIBE, sunsubscribe::sunsubscribe)
        .with_keys((1, -1, 1), &["not_key"])
        .about("7.0.0", "Ends subscriptions to shard channels, or all of them"),
    Command::new("unsubscribe", "[<channel> ...]", -1, SUBSCRIBE, unsubscribe::unsubscribe)
        .about("2.0.0", "Ends subscriptions to channels, or all of them"),
];

static PUBSUB_SUBCOMMANDS: &[Command] = &[
    sub!("pubsub", "channels", "[<pattern>]", -2, LOOK, pubsub::channels)
        .about("2.8.0", "Lists channels with subscribers; patterns do not count"),
    help!("pubsub", "6.2.0"),
    sub!("pubsub", "numpat", "", 2, LOOK, pubsub::numpat).about("2.8.0", "Counts distinct patterns"),
    sub!("pubsub", "numsub", "[<channel> ...]", -2, LOOK, pubsub::numsub)
        .about("2.8.0", "Counts subscribers of channels; patterns do not count"),
    sub!("pubsub", "shardchannels", "[<pattern>]", -2, LOOK, pubsub::shardchannels)
        .about("7.0.0", "Lists shard channels with subscribers"),
    sub!("pubsub", "shardnumsub", "[<shardchannel> ...]", -2, LOOK, pubsub::shardnumsub)
        .about("7.0.0", "Counts subscribers of shard channels"),
];

pub(super) static TRANSACTIONS: &[Command] = &[
    Command::new("discard", "", 1, QUEUE, discard::discard)
        .in_categories(TRANSACTION)
        .about("2.0.0", "Forgets the queued commands"),
    Command::new("exec", "", 1, flag::NOSCRIPT | flag::LOADING | flag::STALE | flag::SKIP_SLOWLOG, exec::exec)
        .in_categories(TRANSACTION)
        .about("1.2.0", "Runs the queued commands; their replies come as one array"),
    Command::new("multi", "", 1, QUEUE, multi::multi)
        .in_categories(TRANSACTION)
        .about("1.2.0", "Queues the commands that follow until EXEC or DISCARD"),
    Command::new("unwatch", "", 1, QUEUE, unwatch::unwatch)
        .in_categories(TRANSACTION)
        .about("2.2.0", "Accepted; there are no keys to watch"),
    Command::new("watch", "<key> [<key> ...]", -2, QUEUE, watch::watch)
        .in_categories(TRANSACTION)
        .with_keys((1, -1, 1), &["RO"])
        .about("2.2.0", "Accepted; there are no keys to watch"),
];
