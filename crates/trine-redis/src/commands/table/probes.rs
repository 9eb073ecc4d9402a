//! Commands about keys, answered as by an empty database, because clients, test suites and health checks ask them. What would keep data is unknown here.

use super::{help, sub};
use crate::commands::{
    Command,
    category::{self, KEYSPACE},
    flag, function, help, keyspace, script, wait,
};

const READ: u32 = flag::READONLY;
const READ_FAST: u32 = flag::READONLY | flag::FAST;
const ACCESS: &[&str] = &["RO", "access"];
const REMOVE: &[&str] = &["RM", "delete"];
const SUM: &[&str] = &["request_policy:multi_shard", "response_policy:agg_sum"];
const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];
const ALL_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

pub(super) static GENERIC: &[Command] = &[
    Command::new("del", "<key> [<key> ...]", -2, flag::WRITE, keyspace::none_of)
        .in_categories(KEYSPACE)
        .with_keys((1, -1, 1), REMOVE)
        .with_tips(SUM)
        .about("1.0.0", "Returns 0: there are no keys"),
    Command::new("exists", "<key> [<key> ...]", -2, READ_FAST, keyspace::none_of)
        .in_categories(KEYSPACE)
        .with_keys((1, -1, 1), &["RO"])
        .with_tips(SUM)
        .about("1.0.0", "Returns 0: there are no keys"),
    Command::new("keys", "<pattern>", 2, READ, keyspace::keys)
        .in_categories(KEYSPACE | category::DANGEROUS)
        .with_tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .about("1.0.0", "Returns no keys"),
    Command::new("scan", "<cursor> [MATCH <pattern>] [COUNT <count>] [TYPE <type>]", -2, READ, keyspace::scan)
        .in_categories(KEYSPACE)
        .with_tips(&["nondeterministic_output", "request_policy:special"])
        .about("2.8.0", "Returns no keys"),
    Command::new("ttl", "<key>", 2, READ_FAST, keyspace::ttl)
        .in_categories(KEYSPACE)
        .with_keys((1, 1, 1), ACCESS)
        .with_tips(&["nondeterministic_output"])
        .about("1.0.0", "Returns -2: there is no such key"),
    Command::new("type", "<key>", 2, READ_FAST, keyspace::type_of)
        .in_categories(KEYSPACE)
        .with_keys((1, 1, 1), &["RO"])
        .about("1.0.0", "Returns none: there is no such key"),
    Command::new("unlink", "<key> [<key> ...]", -2, flag::WRITE | flag::FAST, keyspace::none_of)
        .in_categories(KEYSPACE)
        .with_keys((1, -1, 1), REMOVE)
        .with_tips(SUM)
        .about("4.0.0", "Returns 0: there are no keys"),
    Command::new("wait", "<numreplicas> <timeout>", 3, flag::NOSCRIPT, wait::wait)
        .in_categories(category::CONNECTION)
        .with_tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .about("3.0.0", "Returns 0: there are no replicas"),
];

pub(super) static STREAM: &[Command] =
    &[Command::new("xrange", "<key> <start> <end> [COUNT <count>]", -4, READ, keyspace::xrange)
        .in_categories(category::STREAM)
        .with_keys((1, 1, 1), ACCESS)
        .about("5.0.0", "Returns no entries")];

pub(super) static SCRIPTING: &[Command] = &[
    Command::container("function", FUNCTION).about("7.0.0", "Functions, of which there are none"),
    Command::container("script", SCRIPT).about("2.6.0", "Scripts, of which there are none"),
];

static FUNCTION: &[Command] = &[
    sub!("function", "flush", "[ASYNC|SYNC]", -2, flag::WRITE | flag::NOSCRIPT, function::flush)
        .in_categories(category::SCRIPTING)
        .with_tips(ALL_SHARDS)
        .about("7.0.0", "Accepted; there are no functions to remove"),
    help!("function", "7.0.0").in_categories(category::SCRIPTING),
    sub!("function", "list", "[LIBRARYNAME <pattern>] [WITHCODE]", -2, flag::NOSCRIPT, function::list)
        .in_categories(category::SCRIPTING)
        .with_tips(&["nondeterministic_output_order"])
        .about("7.0.0", "Returns no functions"),
];

static SCRIPT: &[Command] = &[
    sub!("script", "exists", "<sha1> [<sha1> ...]", -3, flag::NOSCRIPT, script::exists)
        .in_categories(category::SCRIPTING)
        .with_tips(&["request_policy:all_shards", "response_policy:agg_logical_and"])
        .about("2.6.0", "Returns 0 for each: there are no scripts"),
    sub!("script", "flush", "[ASYNC|SYNC]", -2, flag::NOSCRIPT, script::flush)
        .in_categories(category::SCRIPTING)
        .with_tips(ALL_NODES)
        .about("2.6.0", "Accepted; there are no scripts to remove"),
    help!("script", "5.0.0").in_categories(category::SCRIPTING),
];
